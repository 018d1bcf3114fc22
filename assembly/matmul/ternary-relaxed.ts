// Ternary products with the relaxed-SIMD dot of signed bytes by 7-bit bytes. Weight codes 0..2 (4-bit products of a
// shifted field: 0, 4, 8) stay far below the saturation that the relaxed instruction leaves open, so results are exact:
// Σ w·q = Σ code·q - Σ q.
import { codeMask } from '../constants';
import { HEAD_BYTES, rowStride, sum4x4 } from '../lanes';
import { divide8, rowScale, scaled8 } from '../quantize';
import { activation16Bytes } from '../head/int4-relaxed';
import { finish, storeRows, storeTile } from './results';

/** Bytes of a quantised row, with room for either width; the narrow one is a head and i8 [K up to a multiple of 64]. */
export function activationBytes(K: i32): usize {
  const values = (HEAD_BYTES + <usize>((K + 63) & ~63) + 63) & ~63;
  return max<usize>(values, activation16Bytes(K));
}

export function quantize(q: usize, x: usize, K: i32, t0: i32, t1: i32): void {
  const stride = <usize>rowStride(K);
  const padded = (stride + 63) & ~63;
  for (let t = <usize>t0; t < <usize>t1; t++) {
    const from = x + t * (stride << 2);
    const to = q + t * activationBytes(K);
    const scale = rowScale(from, K, 127, 1e-5);
    const s = f32x4.splat(scale);
    let sum = i32x4.splat(0);
    let k: usize = 0;
    for (; k < stride; k += 16) {
      const v = i8x16.narrow_i16x8_s(scaled8(from + (k << 2), s), scaled8(from + (k << 2) + 32, s));
      v128.store(to + HEAD_BYTES + k, v);
      sum = i32x4.add(sum, i32x4.extadd_pairwise_i16x8_s(i16x8.extadd_pairwise_i8x16_s(v)));
    }
    for (; k < padded; k += 16) v128.store(to + HEAD_BYTES + k, i32x4.splat(0));
    store<f32>(to, scale);
    sum = sum4x4(sum, sum, sum, sum);
    store<i32>(to, i32x4.extract_lane(sum, 0), 4);
  }
}

/** out f32 [T][rowStride(K)] = the values of rows of {@link quantize} divided by their s. */
export function dequantize(out: usize, q: usize, K: i32, t0: i32, t1: i32): void {
  const stride = <usize>rowStride(K);
  for (let t = <usize>t0; t < <usize>t1; t++) {
    const from = q + t * activationBytes(K);
    const to = out + t * (stride << 2);
    const s = v128.load_splat<f32>(from);
    for (let k: usize = 0; k < stride; k += 8) {
      divide8(to + (k << 2), i16x8.extend_low_i8x16_s(v128.load64_zero(from + HEAD_BYTES + k)), s);
    }
  }
}

// @ts-ignore: decorator
@inline function dot(a: v128, codes: v128): v128 {
  return i16x8.relaxed_dot_i8x16_i7x16_s(a, codes);
}

/** One token: rows [r0, r1), four at a time. */
function gemv(
  out: usize, q: usize, w: usize, weightScale: f32, K: i32, accumulate: i32, r0: i32, r1: i32,
): void {
  const m0 = i8x16.splat(<i8>codeMask), m1 = i8x16.splat(<i8>(codeMask << 2));
  const zero = i32x4.splat(0);
  const padded = <usize>((K + 63) & ~63);
  const begin = q + HEAD_BYTES, end = begin + padded;
  let p = w + <usize>(r0 >> 2) * padded;
  for (let r = r0; r < r1; r += 4) {
    let A0 = zero, A1 = zero, A2 = zero, A3 = zero;
    let a = begin;
    while (a < end) {
      // s: fields 0 and 2 in place; f: fields 1 and 3, four times too large. 512 columns fill an int16 at most.
      let s0 = zero, s1 = zero, s2 = zero, s3 = zero, f0 = zero, f1 = zero, f2 = zero, f3 = zero;
      const limit = min<usize>(a + 512, end);
      for (; a < limit; a += 64, p += 64) {
        const a0 = v128.load(a), a1 = v128.load(a, 16), a2 = v128.load(a, 32), a3 = v128.load(a, 48);
        let x = v128.load(p), y = i16x8.shr_u(x, 4);
        s0 = i16x8.add(s0, i16x8.add(dot(a0, v128.and(x, m0)), dot(a2, v128.and(y, m0))));
        f0 = i16x8.add(f0, i16x8.add(dot(a1, v128.and(x, m1)), dot(a3, v128.and(y, m1))));
        x = v128.load(p, 16), y = i16x8.shr_u(x, 4);
        s1 = i16x8.add(s1, i16x8.add(dot(a0, v128.and(x, m0)), dot(a2, v128.and(y, m0))));
        f1 = i16x8.add(f1, i16x8.add(dot(a1, v128.and(x, m1)), dot(a3, v128.and(y, m1))));
        x = v128.load(p, 32), y = i16x8.shr_u(x, 4);
        s2 = i16x8.add(s2, i16x8.add(dot(a0, v128.and(x, m0)), dot(a2, v128.and(y, m0))));
        f2 = i16x8.add(f2, i16x8.add(dot(a1, v128.and(x, m1)), dot(a3, v128.and(y, m1))));
        x = v128.load(p, 48), y = i16x8.shr_u(x, 4);
        s3 = i16x8.add(s3, i16x8.add(dot(a0, v128.and(x, m0)), dot(a2, v128.and(y, m0))));
        f3 = i16x8.add(f3, i16x8.add(dot(a1, v128.and(x, m1)), dot(a3, v128.and(y, m1))));
      }
      A0 = i32x4.add(A0, widen(s0, f0));
      A1 = i32x4.add(A1, widen(s1, f1));
      A2 = i32x4.add(A2, widen(s2, f2));
      A3 = i32x4.add(A3, widen(s3, f3));
    }
    storeRows(out + (<usize>r << 2), finish(sum4x4(A0, A1, A2, A3), q, weightScale), accumulate, r1 - r);
  }
}

// @ts-ignore: decorator
@inline function widen(s: v128, f: v128): v128 {
  return i32x4.add(i32x4.extadd_pairwise_i16x8_s(s), i32x4.shr_s(i32x4.extadd_pairwise_i16x8_s(f), 2));
}

/** Four tokens by rows [r0, r1): each pair of rows is unpacked in registers once for the four. */
function gemm4(
  out: usize, outBytes: usize, q: usize, w: usize, weightScale: f32, K: i32, accumulate: i32,
  r0: i32, r1: i32, sums: usize,
): void {
  const m = i8x16.splat(<i8>codeMask);
  const zero = i32x4.splat(0);
  const padded = <usize>((K + 63) & ~63);
  const rowBytes = activationBytes(K);
  for (let r = r0; r < r1; r += 4) {
    for (let pair: usize = 0; pair < 2; pair++) {
      let A00 = zero, A01 = zero, A10 = zero, A11 = zero, A20 = zero, A21 = zero, A30 = zero, A31 = zero;
      let p = w + <usize>(r >> 2) * padded + (pair << 5);
      let a = q + HEAD_BYTES;
      const end = a + padded;
      const b1 = rowBytes, b2 = rowBytes * 2, b3 = rowBytes * 3;
      while (a < end) {
        // 1024 columns fill an int16 at most.
        let s00 = zero, s01 = zero, s10 = zero, s11 = zero, s20 = zero, s21 = zero, s30 = zero, s31 = zero;
        const limit = min<usize>(a + 1024, end);
        for (; a < limit; a += 64, p += 64) {
          let x = v128.load(p), y = v128.load(p, 16);
          for (let field: usize = 0; field < 64; field += 16) {
            const c = v128.and(x, m), d = v128.and(y, m);
            x = i16x8.shr_u(x, 2), y = i16x8.shr_u(y, 2);
            let t = v128.load(a + field);
            s00 = i16x8.add(s00, dot(t, c)); s01 = i16x8.add(s01, dot(t, d));
            t = v128.load(a + field + b1);
            s10 = i16x8.add(s10, dot(t, c)); s11 = i16x8.add(s11, dot(t, d));
            t = v128.load(a + field + b2);
            s20 = i16x8.add(s20, dot(t, c)); s21 = i16x8.add(s21, dot(t, d));
            t = v128.load(a + field + b3);
            s30 = i16x8.add(s30, dot(t, c)); s31 = i16x8.add(s31, dot(t, d));
          }
        }
        A00 = i32x4.add(A00, i32x4.extadd_pairwise_i16x8_s(s00)); A01 = i32x4.add(A01, i32x4.extadd_pairwise_i16x8_s(s01));
        A10 = i32x4.add(A10, i32x4.extadd_pairwise_i16x8_s(s10)); A11 = i32x4.add(A11, i32x4.extadd_pairwise_i16x8_s(s11));
        A20 = i32x4.add(A20, i32x4.extadd_pairwise_i16x8_s(s20)); A21 = i32x4.add(A21, i32x4.extadd_pairwise_i16x8_s(s21));
        A30 = i32x4.add(A30, i32x4.extadd_pairwise_i16x8_s(s30)); A31 = i32x4.add(A31, i32x4.extadd_pairwise_i16x8_s(s31));
      }
      v128.store(sums + (pair << 5), sum4x4(A00, A01, A10, A11));
      v128.store(sums + (pair << 5), sum4x4(A20, A21, A30, A31), 16);
    }
    storeTile(out + (<usize>r << 2), outBytes, q, rowBytes, sums, weightScale, accumulate, r1 - r);
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
