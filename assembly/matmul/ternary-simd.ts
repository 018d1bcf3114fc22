// Ternary products with plain SIMD128. A 16-byte strip of codes, seen as eight 16-bit lanes, gives the codes of eight
// columns per AND, still shifted left by twice the field number; the activations are stored shifted by the complement,
// so every product is 64 times too large in the same way and one dot_i16x8 accumulates them all. Exact: the sum is
// divided by 64 at the end.
//
// Quantised row: head, then per 64 columns eight vectors of i16: field 0..3 of the even columns, then of the odd ones,
// values q << (6 - 2 * field).
import { codeMask } from '../constants';
import { HEAD_BYTES, rowStride, sum4x4 } from '../lanes';
import { divide8, rowScale, scaled8 } from '../quantize';
import { activation16Bytes } from '../head/int4-simd';
import { finish, storeRows, storeTile } from './results';

/** Bytes of a quantised row of either width. */
export function activationBytes(K: i32): usize {
  const values = (HEAD_BYTES + (<usize>((K + 63) & ~63) << 1) + 63) & ~63;
  return max<usize>(values, activation16Bytes(K));
}

export function quantize(q: usize, x: usize, K: i32, t0: i32, t1: i32): void {
  const stride = <usize>rowStride(K);
  const padded = (stride + 63) & ~63;
  const zero = i32x4.splat(0);
  for (let t = <usize>t0; t < <usize>t1; t++) {
    const from = x + t * (stride << 2);
    const to = q + t * activationBytes(K) + HEAD_BYTES;
    const scale = rowScale(from, K, 127, 1e-5);
    const s = f32x4.splat(scale);
    let sum = zero;
    for (let k: usize = 0; k < padded; k += 16) {
      let v = zero;
      if (k < stride) v = i8x16.narrow_i16x8_s(scaled8(from + (k << 2), s), scaled8(from + (k << 2) + 32, s));
      sum = i32x4.add(sum, i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(v)));
      const field = (k >> 4) & 3;
      const shift = 6 - 2 * <i32>field;
      const block = to + ((k & ~63) << 1) + (field << 4);
      v128.store(block, i16x8.shl(i16x8.shr_s(i16x8.shl(v, 8), 8), shift));
      v128.store(block, i16x8.shl(i16x8.shr_s(v, 8), shift), 64);
    }
    sum = sum4x4(sum, sum, sum, sum);
    store<f32>(to - HEAD_BYTES, scale);
    store<i32>(to - HEAD_BYTES, i32x4.extract_lane(sum, 0), 4);
  }
}

/** out f32 [T][rowStride(K)] = the values of rows of {@link quantize} divided by their s. */
export function dequantize(out: usize, q: usize, K: i32, t0: i32, t1: i32): void {
  const stride = <usize>rowStride(K);
  for (let t = <usize>t0; t < <usize>t1; t++) {
    const from = q + t * activationBytes(K);
    const to = out + t * (stride << 2);
    const s = v128.load_splat<f32>(from);
    for (let k: usize = 0; k < stride; k += 16) {
      const field = (k >> 4) & 3;
      const shift = 6 - 2 * <i32>field;
      const block = from + HEAD_BYTES + ((k & ~63) << 1) + (field << 4);
      const even = i16x8.shr_s(v128.load(block), shift), odd = i16x8.shr_s(v128.load(block, 64), shift);
      divide8(to + (k << 2), v128.shuffle<i16>(even, odd, 0, 8, 1, 9, 2, 10, 3, 11), s);
      divide8(to + (k << 2) + 32, v128.shuffle<i16>(even, odd, 4, 12, 5, 13, 6, 14, 7, 15), s);
    }
  }
}

// @ts-ignore: decorator
@inline function dot(codes: v128, a: v128): v128 {
  return i32x4.dot_i16x8_s(codes, a);
}

/** One token: rows [r0, r1), four at a time. */
function gemv(
  out: usize, q: usize, w: usize, weightScale: f32, K: i32, accumulate: i32, r0: i32, r1: i32,
): void {
  const m0 = i16x8.splat(<i16>codeMask), m1 = i16x8.splat(<i16>(codeMask << 2));
  const m2 = i16x8.splat(<i16>(codeMask << 4)), m3 = i16x8.splat(<i16>(codeMask << 6));
  const zero = i32x4.splat(0);
  const padded = <usize>((K + 63) & ~63);
  const begin = q + HEAD_BYTES, end = begin + (padded << 1);
  let p = w + <usize>(r0 >> 2) * padded;
  for (let r = r0; r < r1; r += 4) {
    let A0 = zero, A1 = zero, A2 = zero, A3 = zero;
    for (let a = begin; a < end; a += 128, p += 64) {
      let x0 = v128.load(p), x1 = v128.load(p, 16), x2 = v128.load(p, 32), x3 = v128.load(p, 48);
      for (let odd: usize = 0; odd < 2; odd++) {
        const from = a + (odd << 6);
        let t = v128.load(from);
        A0 = i32x4.add(A0, dot(v128.and(x0, m0), t)); A1 = i32x4.add(A1, dot(v128.and(x1, m0), t));
        A2 = i32x4.add(A2, dot(v128.and(x2, m0), t)); A3 = i32x4.add(A3, dot(v128.and(x3, m0), t));
        t = v128.load(from, 16);
        A0 = i32x4.add(A0, dot(v128.and(x0, m1), t)); A1 = i32x4.add(A1, dot(v128.and(x1, m1), t));
        A2 = i32x4.add(A2, dot(v128.and(x2, m1), t)); A3 = i32x4.add(A3, dot(v128.and(x3, m1), t));
        t = v128.load(from, 32);
        A0 = i32x4.add(A0, dot(v128.and(x0, m2), t)); A1 = i32x4.add(A1, dot(v128.and(x1, m2), t));
        A2 = i32x4.add(A2, dot(v128.and(x2, m2), t)); A3 = i32x4.add(A3, dot(v128.and(x3, m2), t));
        t = v128.load(from, 48);
        A0 = i32x4.add(A0, dot(v128.and(x0, m3), t)); A1 = i32x4.add(A1, dot(v128.and(x1, m3), t));
        A2 = i32x4.add(A2, dot(v128.and(x2, m3), t)); A3 = i32x4.add(A3, dot(v128.and(x3, m3), t));
        x0 = i16x8.shr_u(x0, 8), x1 = i16x8.shr_u(x1, 8), x2 = i16x8.shr_u(x2, 8), x3 = i16x8.shr_u(x3, 8);
      }
    }
    const sums = i32x4.shr_s(sum4x4(A0, A1, A2, A3), 6);
    storeRows(out + (<usize>r << 2), finish(sums, q, weightScale), accumulate, r1 - r);
  }
}

/** Four tokens by rows [r0, r1). */
function gemm4(
  out: usize, outBytes: usize, q: usize, w: usize, weightScale: f32, K: i32, accumulate: i32,
  r0: i32, r1: i32, sums: usize,
): void {
  const zero = i32x4.splat(0);
  const padded = <usize>((K + 63) & ~63);
  const b1 = activationBytes(K), b2 = b1 * 2, b3 = b1 * 3;
  const m = i16x8.splat(<i16>codeMask);
  for (let r = r0; r < r1; r += 4) {
    for (let pair: usize = 0; pair < 2; pair++) {
      let A00 = zero, A01 = zero, A10 = zero, A11 = zero, A20 = zero, A21 = zero, A30 = zero, A31 = zero;
      let p = w + <usize>(r >> 2) * padded + (pair << 5);
      let a = q + HEAD_BYTES;
      for (const end = a + (padded << 1); a < end; p += 64) {
        let x = v128.load(p), y = v128.load(p, 16);
        for (let odd: i32 = 0; odd < 2; odd++) {
          let field = m;
          for (let f: i32 = 0; f < 4; f++, a += 16) {
            const c = v128.and(x, field), d = v128.and(y, field);
            field = i16x8.shl(field, 2);
            let t = v128.load(a);
            A00 = i32x4.add(A00, dot(c, t)); A01 = i32x4.add(A01, dot(d, t));
            t = v128.load(a + b1);
            A10 = i32x4.add(A10, dot(c, t)); A11 = i32x4.add(A11, dot(d, t));
            t = v128.load(a + b2);
            A20 = i32x4.add(A20, dot(c, t)); A21 = i32x4.add(A21, dot(d, t));
            t = v128.load(a + b3);
            A30 = i32x4.add(A30, dot(c, t)); A31 = i32x4.add(A31, dot(d, t));
          }
          x = i16x8.shr_u(x, 8), y = i16x8.shr_u(y, 8);
        }
      }
      v128.store(sums + (pair << 5), i32x4.shr_s(sum4x4(A00, A01, A10, A11), 6));
      v128.store(sums + (pair << 5), i32x4.shr_s(sum4x4(A20, A21, A30, A31), 6), 16);
    }
    storeTile(out + (<usize>r << 2), outBytes, q, b1, sums, weightScale, accumulate, r1 - r);
  }
}

/** Rows outermost in steps of four, so that a tile row is read from memory once for all tokens. */
export function ternaryMatmul(
  out: usize, outStride: i32, q: usize, w: usize, weightScale: f32, K: i32, T: i32, accumulate: i32,
  r0: i32, r1: i32, sums: usize,
): void {
  const outBytes = <usize>outStride << 2;
  const rowBytes = activationBytes(K);
  if (T == 1) {
    gemv(out, q, w, weightScale, K, accumulate, r0, r1);
    return;
  }
  for (let r = r0; r < r1; r += 4) {
    const last = min<i32>(r + 4, r1);
    let t: i32 = 0;
    for (; t + 4 <= T; t += 4) {
      gemm4(out + <usize>t * outBytes, outBytes, q + <usize>t * rowBytes, w, weightScale, K, accumulate, r, last, sums);
    }
    for (; t < T; t++) {
      gemv(out + <usize>t * outBytes, q + <usize>t * rowBytes, w, weightScale, K, accumulate, r, last);
    }
  }
}
