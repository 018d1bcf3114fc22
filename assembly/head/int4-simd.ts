// 4-bit rows by int16 activations with plain SIMD128. A 16-byte strip, seen as eight 16-bit lanes, gives the codes of
// eight columns per AND; those in the second and fourth four bits of a lane are left where they are, 16 times too
// large, and have sums of their own. Half of the columns are 16 times too large, and a code + 8 is below 16, where
// int8ActivationLimit leaves room for 127: no sum leaves int32.
import { lowHalfMask } from '../constants';
import { HEAD_BYTES, rowStride, sum4x4 } from '../lanes';
import { quantize16Row } from '../quantize';
import { int4Stride } from './screen';
import { finishScaled, load4, storeRows } from '../matmul/results';

/** Bytes from the start of a quantised row to its columns in the order of the lanes. */
// @ts-ignore: decorator
@inline function columnsAt(K: i32): usize {
  return (HEAD_BYTES + (<usize>rowStride(K) << 1) + 63) & ~63;
}

/** Bytes of a row of {@link quantize16}. */
export function activation16Bytes(K: i32): usize {
  return columnsAt(K) + int4Stride(K);
}

/** Per 32 columns four vectors of i16: the even ones of the first 16 and of the next 16, then the odd ones. */
export function quantize16(q: usize, x: usize, K: i32, limit: i32, bytes: usize, t0: i32, t1: i32): void {
  const stride = <usize>rowStride(K);
  for (let t = <usize>t0; t < <usize>t1; t++) {
    const to = q + t * bytes;
    quantize16Row(to, x + t * (stride << 2), K, limit);
    let columns = to + columnsAt(K);
    const end = to + HEAD_BYTES + (stride << 1);
    for (let from = to + HEAD_BYTES; from < end; from += 64, columns += 64) {
      deal(columns, v128.load(from), v128.load(from, 16));
      if (from + 32 < end) deal(columns + 16, v128.load(from, 32), v128.load(from, 48));
      else deal(columns + 16, i32x4.splat(0), i32x4.splat(0));
    }
  }
}

// @ts-ignore: decorator
@inline function deal(to: usize, a: v128, b: v128): void {
  v128.store(to, v128.shuffle<i16>(a, b, 0, 2, 4, 6, 8, 10, 12, 14));
  v128.store(to, v128.shuffle<i16>(a, b, 1, 3, 5, 7, 9, 11, 13, 15), 32);
}

// @ts-ignore: decorator
@inline function dot(codes: v128, a: v128): v128 {
  return i32x4.dot_i16x8_s(codes, a);
}

/** Σ (code + 8)·q of one row, in four lanes. */
// @ts-ignore: decorator
@inline function rowSums(p: usize, columns: usize, end: usize, m0: v128, m1: v128): v128 {
  let E = i32x4.splat(0), O = E;
  for (let a = columns; a < end; a += 64, p += 64) {
    const x = v128.load(p), y = i16x8.shr_u(x, 8);
    E = i32x4.add(E, dot(v128.and(x, m0), v128.load(a)));
    O = i32x4.add(O, dot(v128.and(x, m1), v128.load(a, 16)));
    E = i32x4.add(E, dot(v128.and(y, m0), v128.load(a, 32)));
    O = i32x4.add(O, dot(v128.and(y, m1), v128.load(a, 48)));
  }
  return i32x4.add(E, i32x4.shr_s(O, 4));
}

/** Rows outermost in steps of four, so that a tile row is read from memory once for all tokens. */
export function int4Matmul(
  out: usize, outStride: i32, q: usize, bytes: usize, w: usize, scales: usize, K: i32, T: i32, r0: i32, r1: i32,
): void {
  const m0 = i16x8.splat(<i16>lowHalfMask), m1 = i16x8.splat(<i16>(lowHalfMask << 4));
  const at = columnsAt(K), length = int4Stride(K);
  let p = w + <usize>(r0 >> 2) * length;
  for (let r = r0; r < r1; r += 4, p += length) {
    const rowScales = load4(scales + (<usize>r << 2), r1 - r);
    for (let t: usize = 0; t < <usize>T; t++) {
      const row = q + t * bytes, columns = row + at, end = columns + length;
      const sums = sum4x4(
        rowSums(p, columns, end, m0, m1), rowSums(p + 16, columns, end, m0, m1),
        rowSums(p + 32, columns, end, m0, m1), rowSums(p + 48, columns, end, m0, m1),
      );
      storeRows(out + (t * <usize>outStride + <usize>r << 2), finishScaled(sums, row, rowScales), 0, r1 - r);
    }
  }
}
