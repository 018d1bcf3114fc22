// Keys and values in the blocks of a KV cache (layout: kvHeadBytes in src/kernels/kernels.ts): writing rows, and reading
// the rows of one block and kv head as f32.
import { halfMask, halfScale } from '../constants';
import { anyHalves4, halves4, rowStride, toHalf } from '../lanes';

/** Positions of a block. */
export const BLOCK: i32 = 64;

/** Bytes of one kv head's keys (or values) in a block. */
export function kvHeadBytes(format: i32, headLength: i32): usize {
  const elements = <usize>(BLOCK * rowStride(headLength));
  if (format == 2) return elements + 4 * BLOCK;
  return elements << (format == 1 ? 1 : 2);
}

/** The address of a block: tables hold f64, as addresses are beyond 2^32 on other backends. */
// @ts-ignore: decorator
@inline export function blockAddress(blocks: usize, block: i32): usize {
  return <usize>load<f64>(blocks + (<usize>block << 3));
}

export function storeKv(
  blocks: usize, offset: usize, format: i32, x: usize, tokenStride: i32, headStride: i32,
  kvHeads: i32, headLength: i32, position: i32, t0: i32, t1: i32,
): void {
  const padded = <usize>rowStride(headLength);
  const headBytes = kvHeadBytes(format, headLength);
  for (let t = t0; t < t1; t++) {
    const row = <usize>((position + t) % BLOCK);
    let to = blockAddress(blocks, (position + t) / BLOCK) + offset;
    let from = x + (<usize>t * <usize>tokenStride << 2);
    for (let h = 0; h < kvHeads; h++, to += headBytes, from += <usize>headStride << 2) {
      if (format == 2) storeQ8(to + row * padded, to + (<usize>BLOCK * padded) + (row << 2), from, <usize>headLength);
      else if (format == 1) storeHalves(to + (row * padded << 1), from, <usize>headLength);
      else memory.copy(to + (row * padded << 2), from, <usize>headLength << 2);
    }
  }
}

function storeHalves(to: usize, from: usize, count: usize): void {
  for (let i: usize = 0; i < count; i++) store<u16>(to + (i << 1), <u16>toHalf(load<f32>(from + (i << 2))));
}

function storeQ8(to: usize, scale: usize, from: usize, count: usize): void {
  let most: f32 = 0;
  for (let i: usize = 0; i < count; i++) most = max<f32>(most, abs<f32>(load<f32>(from + (i << 2))));
  const inverse: f32 = most == 0 ? 0 : <f32>127 / most;
  store<f32>(scale, most / <f32>127);
  for (let i: usize = 0; i < count; i++) {
    const q = nearest<f32>(load<f32>(from + (i << 2)) * inverse);
    store<i8>(to + i, <i8>min<f32>(max<f32>(q, -127), 127));
  }
}

/** The first `rows` rows of a kv head's keys or values at `head` as f32 [rows][padded]. */
export function expandRows(to: usize, head: usize, format: i32, rows: usize, padded: usize): void {
  if (format == 0) memory.copy(to, head, rows * padded << 2);
  else if (format == 1) expandHalves(to, head, rows * padded);
  else expandQ8(to, head, rows, padded);
}

/** An overflow of the cache's halves stays one: they are looked for on the way, and rare. */
function expandHalves(to: usize, from: usize, count: usize): void {
  const mask = i32x4.splat(halfMask), scale = f32x4.splat(halfScale);
  let most = i32x4.splat(0);
  const start = from, first = to;
  for (const end = to + (count << 2); to < end; to += 32, from += 16) {
    const x = v128.load(from);
    most = i16x8.max_u(most, i16x8.shl(x, 1));
    v128.store(to, halves4(i32x4.extend_low_i16x8_s(x), mask, scale));
    v128.store(to, halves4(i32x4.extend_high_i16x8_s(x), mask, scale), 16);
  }
  if (v128.any_true(i16x8.ge_u(most, i16x8.splat(<i16>0xf800)))) expandAnyHalves(first, start, count);
}

function expandAnyHalves(to: usize, from: usize, count: usize): void {
  const mask = i32x4.splat(halfMask), scale = f32x4.splat(halfScale);
  for (const end = to + (count << 2); to < end; to += 32, from += 16) {
    const x = v128.load(from);
    v128.store(to, anyHalves4(i32x4.extend_low_i16x8_s(x), mask, scale));
    v128.store(to, anyHalves4(i32x4.extend_high_i16x8_s(x), mask, scale), 16);
  }
}

function expandQ8(to: usize, from: usize, rows: usize, padded: usize): void {
  let scales = from + <usize>BLOCK * padded;
  for (const end = scales + (rows << 2); scales < end; scales += 4) {
    const scale = v128.load32_splat(scales);
    for (const rowEnd = from + padded; from < rowEnd; from += 16, to += 64) {
      const x = v128.load(from);
      const low = i16x8.extend_low_i8x16_s(x), high = i16x8.extend_high_i8x16_s(x);
      v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(low)), scale));
      v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(low)), scale), 16);
      v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(high)), scale), 32);
      v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(high)), scale), 48);
    }
  }
}
