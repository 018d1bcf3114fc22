// The output head's screen: its 4-bit plane, and the choice of rows from coarse scores (see
// src/kernels/reference/screen.ts).
//
// Tile: 4 rows by 32 columns in 64 bytes. Row r of the tile has the 16 bytes at 16 * r; byte j holds code + 8 of column
// j in its low half and of column 16 + j in its high one.
import { fold16, rowStride } from '../lanes';
import { denseRowBytes, expandRow } from '../rows';

/** Bytes of a tile row: four rows of K codes. */
// @ts-ignore: decorator
@inline export function int4Stride(K: i32): usize {
  return <usize>((K + 31) & ~31) << 1;
}

export function int4Bytes(M: i32, K: i32): usize {
  return <usize>((M + 3) >> 2) * int4Stride(K);
}

/** `scratch` holds one expanded row, f32 [rowStride(K)]. */
export function packInt4Rows(
  w: usize, scales: usize, errors: usize, source: usize, format: i32, K: i32, row0: i32, row1: i32,
  rounding: f32, activation: f32, alignment: f32, scratch: usize,
): void {
  const bytes = denseRowBytes(format, K);
  const rowEnd = scratch + (<usize>rowStride(K) << 2);
  for (let r = <usize>row0; r < <usize>row1; r++, source += bytes) {
    expandRow(scratch, source, format, 1, K);
    const most = largestMagnitude(scratch, rowEnd);
    const step = most / <f32>7.5;
    store<f32>(scales + (r << 2), step);
    const to = w + (r >> 2) * int4Stride(K) + ((r & 3) << 4);
    const error = packRow(to, scratch, rowEnd, most < <f32>1e-30 ? 0 : <f32>7.5 / most, step, rounding, activation, alignment);
    store<f32>(errors + (r << 2), error);
  }
}

function largestMagnitude(from: usize, end: usize): f32 {
  let largest = f32x4.splat(0);
  for (; from < end; from += 16) largest = f32x4.max(largest, f32x4.abs(v128.load(from)));
  largest = f32x4.max(largest, v128.shuffle<f32>(largest, largest, 2, 3, 0, 1));
  return max<f32>(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1));
}

/** Four codes as f32. */
// @ts-ignore: decorator
@inline function codes4(x: v128, inverse: v128): v128 {
  return f32x4.max(f32x4.min(f32x4.nearest(f32x4.mul(x, inverse)), f32x4.splat(7)), f32x4.splat(-8));
}

/** Codes + 8 of 16 columns in the low halves of bytes. */
// @ts-ignore: decorator
@inline function halfBytes(c0: v128, c1: v128, c2: v128, c3: v128): v128 {
  const low = i16x8.narrow_i32x4_s(i32x4.trunc_sat_f32x4_s(c0), i32x4.trunc_sat_f32x4_s(c1));
  const high = i16x8.narrow_i32x4_s(i32x4.trunc_sat_f32x4_s(c2), i32x4.trunc_sat_f32x4_s(c3));
  return i8x16.add(i8x16.narrow_i16x8_s(low, high), i8x16.splat(8));
}

/** Writes the strips of one row, and answers its error. */
function packRow(
  to: usize, from: usize, end: usize, inverse: f32, step: f32, rounding: f32, activation: f32, alignment: f32,
): f32 {
  const factor = f32x4.splat(inverse), d = f32x4.splat(step);
  // Lanes of Σ residual², Σ x² and Σ residual * x.
  let R0 = f32x4.splat(0), R1 = R0, R2 = R0, R3 = R0, X0 = R0, X1 = R0, X2 = R0, X3 = R0, P0 = R0, P1 = R0, P2 = R0, P3 = R0;
  for (let isHigh = false; from < end; from += 64, isHigh = !isHigh) {
    const x0 = v128.load(from), x1 = v128.load(from, 16), x2 = v128.load(from, 32), x3 = v128.load(from, 48);
    const c0 = codes4(x0, factor), c1 = codes4(x1, factor), c2 = codes4(x2, factor), c3 = codes4(x3, factor);
    let e = f32x4.sub(x0, f32x4.mul(c0, d));
    R0 = f32x4.add(R0, f32x4.mul(e, e)); X0 = f32x4.add(X0, f32x4.mul(x0, x0)); P0 = f32x4.add(P0, f32x4.mul(e, x0));
    e = f32x4.sub(x1, f32x4.mul(c1, d));
    R1 = f32x4.add(R1, f32x4.mul(e, e)); X1 = f32x4.add(X1, f32x4.mul(x1, x1)); P1 = f32x4.add(P1, f32x4.mul(e, x1));
    e = f32x4.sub(x2, f32x4.mul(c2, d));
    R2 = f32x4.add(R2, f32x4.mul(e, e)); X2 = f32x4.add(X2, f32x4.mul(x2, x2)); P2 = f32x4.add(P2, f32x4.mul(e, x2));
    e = f32x4.sub(x3, f32x4.mul(c3, d));
    R3 = f32x4.add(R3, f32x4.mul(e, e)); X3 = f32x4.add(X3, f32x4.mul(x3, x3)); P3 = f32x4.add(P3, f32x4.mul(e, x3));
    const codes = halfBytes(c0, c1, c2, c3);
    if (isHigh) {
      v128.store(to, v128.or(v128.load(to), i16x8.shl(codes, 4)));
      to += 64;
    } else v128.store(to, codes);
  }
  const length = sqrt<f32>(fold16(X0, X1, X2, X3));
  const noise = max<f32>(sqrt<f32>(fold16(R0, R1, R2, R3)), step * rounding);
  const aligned: f32 = length == 0 ? 0 : abs<f32>(fold16(P0, P1, P2, P3)) / length;
  return noise + length * activation + aligned * alignment;
}

/** Whether row a comes after row b: a lower score, or the higher id among equals. */
// @ts-ignore: decorator
@inline function isWorse(scores: usize, a: i32, b: i32): bool {
  const x = load<f32>(scores + (<usize>a << 2)), y = load<f32>(scores + (<usize>b << 2));
  return x < y || (x == y && a > b);
}

/** Puts `id` into the heap of `count` ids, worst on top, at or below `at`. */
function sink(ids: usize, scores: usize, count: i32, at: i32, id: i32): void {
  for (;;) {
    let child = 2 * at + 1;
    if (child >= count) break;
    let other = load<i32>(ids + (<usize>child << 2));
    if (child + 1 < count) {
      const next = load<i32>(ids + (<usize>child << 2), 4);
      if (isWorse(scores, next, other)) {
        other = next;
        child++;
      }
    }
    if (!isWorse(scores, other, id)) break;
    store<i32>(ids + (<usize>at << 2), other);
    at = child;
  }
  store<i32>(ids + (<usize>at << 2), id);
}

export function selectTop(ids: usize, scores: usize, count: i32, r0: i32, r1: i32): i32 {
  count = min<i32>(count, r1 - r0);
  if (count <= 0) return 0;
  for (let i: i32 = 0; i < count; i++) store<i32>(ids + (<usize>i << 2), r0 + i);
  for (let i = (count >> 1) - 1; i >= 0; i--) sink(ids, scores, count, i, load<i32>(ids + (<usize>i << 2)));
  let least = load<f32>(scores + (<usize>load<i32>(ids) << 2));
  let r = r0 + count;
  while (r < r1) {
    const at = scores + (<usize>r << 2);
    if (r + 16 <= r1) {
      const floor = f32x4.splat(least);
      const low = v128.or(f32x4.gt(v128.load(at), floor), f32x4.gt(v128.load(at, 16), floor));
      const high = v128.or(f32x4.gt(v128.load(at, 32), floor), f32x4.gt(v128.load(at, 48), floor));
      if (!v128.any_true(v128.or(low, high))) {
        r += 16;
        continue;
      }
    }
    // Of equals, those that came before have the lower ids.
    const end = min<i32>(r + 16, r1);
    for (; r < end; r++) {
      if (!(load<f32>(scores + (<usize>r << 2)) > least)) continue;
      sink(ids, scores, count, 0, r);
      least = load<f32>(scores + (<usize>load<i32>(ids) << 2));
    }
  }
  return count;
}

export function selectAbove(
  ids: usize, scores: usize, errors: usize, factor: f32, threshold: f32, capacity: i32, r0: i32, r1: i32,
): i32 {
  const f = f32x4.splat(factor), t = f32x4.splat(threshold);
  let count: i32 = 0;
  let r = r0;
  for (; r + 4 <= r1; r += 4) {
    const at = <usize>r << 2;
    const bound = f32x4.add(v128.load(scores + at), f32x4.mul(v128.load(errors + at), f));
    // Lanes that are not below.
    for (let bits = i32x4.bitmask(f32x4.lt(bound, t)) ^ 15; bits != 0; bits &= bits - 1) {
      if (count < capacity) store<i32>(ids + (<usize>count << 2), r + ctz<i32>(bits));
      count++;
    }
  }
  for (; r < r1; r++) {
    const at = <usize>r << 2;
    if (load<f32>(scores + at) + load<f32>(errors + at) * factor < threshold) continue;
    if (count < capacity) store<i32>(ids + (<usize>count << 2), r);
    count++;
  }
  return count;
}
