// 4-bit rows by int16 activations, with the relaxed-SIMD dot of signed bytes by 7-bit bytes: an activation is
// 128 * high + low, both int8, and a code + 8 is in 0..15, so results are exact: Σ code·q = Σ (code + 8)·q - 8 Σq.
import { lowHalfMask } from '../constants';
import { HEAD_BYTES, rowStride, sum4x4 } from '../lanes';
import { quantize16Row } from '../quantize';
import { int4Stride } from './screen';
import { finishScaled, load4, storeRows } from '../matmul/results';

/** Bytes from the start of a quantised row to its parts: per 32 columns 32 high bytes, then 32 low ones. */
// @ts-ignore: decorator
@inline function partsAt(K: i32): usize {
  return (HEAD_BYTES + (<usize>rowStride(K) << 1) + 63) & ~63;
}

/** Bytes of a row of {@link quantize16}. */
export function activation16Bytes(K: i32): usize {
  return partsAt(K) + int4Stride(K);
}

export function quantize16(q: usize, x: usize, K: i32, limit: i32, bytes: usize, t0: i32, t1: i32): void {
  const stride = <usize>rowStride(K);
  for (let t = <usize>t0; t < <usize>t1; t++) {
    const to = q + t * bytes;
    quantize16Row(to, x + t * (stride << 2), K, limit);
    let parts = to + partsAt(K);
    const end = to + HEAD_BYTES + (stride << 1);
    for (let from = to + HEAD_BYTES; from < end; from += 64, parts += 64) {
      split(parts, v128.load(from), v128.load(from, 16));
      if (from + 32 < end) split(parts + 16, v128.load(from, 32), v128.load(from, 48));
      else split(parts + 16, i32x4.splat(0), i32x4.splat(0));
    }
  }
}

/** Sixteen values as high bytes at `to` and low ones, in -64..63, at `to` + 32. */
// @ts-ignore: decorator
@inline function split(to: usize, a: v128, b: v128): void {
  const half = i16x8.splat(64);
  const ha = i16x8.shr_s(i16x8.add(a, half), 7), hb = i16x8.shr_s(i16x8.add(b, half), 7);
  v128.store(to, i8x16.narrow_i16x8_s(ha, hb));
  v128.store(to, i8x16.narrow_i16x8_s(i16x8.sub(a, i16x8.shl(ha, 7)), i16x8.sub(b, i16x8.shl(hb, 7))), 32);
}

// @ts-ignore: decorator
@inline function dot(a: v128, codes: v128): v128 {
  return i16x8.relaxed_dot_i8x16_i7x16_s(a, codes);
}

/** Sums of the high and low parts as int32. */
// @ts-ignore: decorator
@inline function widen(high: v128, low: v128): v128 {
  return i32x4.add(i32x4.shl(i32x4.extadd_pairwise_i16x8_s(high), 7), i32x4.extadd_pairwise_i16x8_s(low));
}

/** Bytes of parts whose products an int16 takes: four of at most 15 * part for each 64 bytes. */
function foldBytes(K: i32): usize {
  const limit = min<u32>(16319, 0x7fffffff / (127 * <u32>rowStride(K)));
  const part = max<u32>(64, (limit + 64) >> 7);
  return <usize>(32767 / (60 * part)) << 6;
}

/** Σ (code + 8)·q of four rows. */
// @ts-ignore: decorator
@inline function tileSums(p: usize, parts: usize, end: usize, fold: usize, m: v128): v128 {
  let A0 = i32x4.splat(0), A1 = A0, A2 = A0, A3 = A0;
  let a = parts;
  while (a < end) {
    let h0 = i32x4.splat(0), h1 = h0, h2 = h0, h3 = h0, l0 = h0, l1 = h0, l2 = h0, l3 = h0;
    const limit = min<usize>(a + fold, end);
    for (; a < limit; a += 64, p += 64) {
      const a0 = v128.load(a), a1 = v128.load(a, 16), a2 = v128.load(a, 32), a3 = v128.load(a, 48);
      let x = v128.load(p), y = v128.and(i16x8.shr_u(x, 4), m); x = v128.and(x, m);
      h0 = i16x8.add(h0, i16x8.add(dot(a0, x), dot(a1, y)));
      l0 = i16x8.add(l0, i16x8.add(dot(a2, x), dot(a3, y)));
      x = v128.load(p, 16), y = v128.and(i16x8.shr_u(x, 4), m); x = v128.and(x, m);
      h1 = i16x8.add(h1, i16x8.add(dot(a0, x), dot(a1, y)));
      l1 = i16x8.add(l1, i16x8.add(dot(a2, x), dot(a3, y)));
      x = v128.load(p, 32), y = v128.and(i16x8.shr_u(x, 4), m); x = v128.and(x, m);
      h2 = i16x8.add(h2, i16x8.add(dot(a0, x), dot(a1, y)));
      l2 = i16x8.add(l2, i16x8.add(dot(a2, x), dot(a3, y)));
      x = v128.load(p, 48), y = v128.and(i16x8.shr_u(x, 4), m); x = v128.and(x, m);
      h3 = i16x8.add(h3, i16x8.add(dot(a0, x), dot(a1, y)));
      l3 = i16x8.add(l3, i16x8.add(dot(a2, x), dot(a3, y)));
    }
    A0 = i32x4.add(A0, widen(h0, l0));
    A1 = i32x4.add(A1, widen(h1, l1));
    A2 = i32x4.add(A2, widen(h2, l2));
    A3 = i32x4.add(A3, widen(h3, l3));
  }
  return sum4x4(A0, A1, A2, A3);
}

/** Rows outermost in steps of four, so that a tile row is read from memory once for all tokens. */
export function int4Matmul(
  out: usize, outStride: i32, q: usize, bytes: usize, w: usize, scales: usize, K: i32, T: i32, r0: i32, r1: i32,
): void {
  const m = i8x16.splat(<i8>lowHalfMask);
  const at = partsAt(K), length = int4Stride(K), fold = foldBytes(K);
  let p = w + <usize>(r0 >> 2) * length;
  for (let r = r0; r < r1; r += 4, p += length) {
    const rowScales = load4(scales + (<usize>r << 2), r1 - r);
    for (let t: usize = 0; t < <usize>T; t++) {
      const row = q + t * bytes;
      const sums = tileSums(p, row + at, row + at + length, fold, m);
      storeRows(out + (t * <usize>outStride + <usize>r << 2), finishScaled(sums, row, rowScales), 0, r1 - r);
    }
  }
}
