/**
 * Matrix products of the reference backend, and the quantisation of their inputs. A quantised row is a 16-byte head
 * (f32 s, i32 Σq) and then int8 or int16 values.
 */
import { roundUp } from '../../base/assert.ts';
import { type DenseFormat, denseRowBytes, int8ActivationLimit, rowStride } from '../kernels.ts';
import { dotLanes, roundTiesToEven } from './arithmetic.ts';
import { readDenseRow } from './pack.ts';
import type { Views } from './views.ts';

const f = Math.fround;
/** Bytes before the values of a quantised row. */
export const HEAD_BYTES = 16;

/** Bytes of a quantised row, with room for either width. */
export function activationBytes(K: number): number {
  return roundUp(HEAD_BYTES + 2 * rowStride(K), 64);
}

/** See Kernels.quantize. */
export function quantize(
  { f32, i8, i32 }: Views,
  q: number,
  x: number,
  K: number,
  t0: number,
  t1: number,
): void {
  for (let t = t0; t < t1; t++) {
    const from = x / 4 + t * rowStride(K);
    const to = q + t * activationBytes(K);
    const s = f(127 / largestMagnitude(f32, from, K, f(1e-5)));
    let sum = 0;
    for (let k = 0; k < K; k++) {
      const value = Math.max(-128, Math.min(127, roundTiesToEven(f(f32[from + k]! * s))));
      i8[to + HEAD_BYTES + k] = value;
      sum += value;
    }
    f32[to / 4] = s;
    i32[to / 4 + 1] = sum;
  }
}

/** See Kernels.quantize16. */
export function quantize16(
  { f32, i16 }: Views,
  q: number,
  x: number,
  K: number,
  t0: number,
  t1: number,
): void {
  const limit = int8ActivationLimit(K);
  for (let t = t0; t < t1; t++) {
    const from = x / 4 + t * rowStride(K);
    const to = q + t * activationBytes(K);
    const s = f(limit / largestMagnitude(f32, from, K, f(1e-30)));
    for (let k = 0; k < rowStride(K); k++) {
      const value = Math.max(-limit, Math.min(limit, roundTiesToEven(f(f32[from + k]! * s))));
      i16[(to + HEAD_BYTES) / 2 + k] = value;
    }
    f32[to / 4] = s;
  }
}

function largestMagnitude(x: Float32Array, start: number, count: number, floor: number): number {
  let largest = floor;
  for (let k = 0; k < count; k++) largest = Math.max(largest, Math.abs(x[start + k]!));
  return largest;
}

/** See Kernels.ternaryMatmul; `w` is i8 [M][K]. */
export function ternaryMatmul(
  { f32, i8 }: Views,
  out: number,
  outStride: number,
  q: number,
  w: number,
  weightScale: number,
  K: number,
  T: number,
  accumulate: number,
  r0: number,
  r1: number,
): void {
  const tokens = Array.from({ length: T }, (_, t) => {
    const row = q + t * activationBytes(K);
    const values = i8.slice(row + HEAD_BYTES, row + HEAD_BYTES + K);
    return { values, scale: f(f(weightScale) / f32[row / 4]!) };
  });
  for (let r = r0; r < r1; r++) {
    const weights = i8.slice(w + r * K, w + (r + 1) * K);
    for (const [t, { values, scale }] of tokens.entries()) {
      const to = out / 4 + t * outStride + r;
      const product = f(f(dotIntegers(weights, values)) * scale);
      f32[to] = accumulate ? f32[to]! + product : product;
    }
  }
}

/**
 * Exact Σ a[i]·b[i]. Both are copies: V8 reads arrays on a growing buffer several times slower, and tests multiply whole
 * models here.
 */
export function dotIntegers(a: Int8Array, b: Int8Array | Int16Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** See Kernels.denseMatmul. */
export function denseMatmul(
  views: Views,
  out: number,
  outStride: number,
  x: number,
  w: number,
  format: DenseFormat,
  K: number,
  T: number,
  accumulate: number,
  r0: number,
  r1: number,
): void {
  const { f32 } = views;
  const stride = rowStride(K);
  const row = new Float32Array(stride);
  const inputs = f32.slice(x / 4, x / 4 + T * stride);
  for (let r = r0; r < r1; r++) {
    readDenseRow(views, w + r * denseRowBytes(format, K), format, K, row);
    for (let t = 0; t < T; t++) {
      const to = out / 4 + t * outStride + r;
      const product = dotLanes(row, 0, inputs, t * stride, stride);
      f32[to] = accumulate ? f32[to]! + product : product;
    }
  }
}

/** See Kernels.int8Matmul. */
export function int8Matmul(
  { f32, i8, i16 }: Views,
  out: number,
  outStride: number,
  q: number,
  w: number,
  scales: number,
  K: number,
  T: number,
  r0: number,
  r1: number,
): void {
  const stride = rowStride(K);
  const tokens = Array.from({ length: T }, (_, t) => {
    const row = q + t * activationBytes(K);
    const from = (row + HEAD_BYTES) / 2;
    return { values: i16.slice(from, from + stride), s: f32[row / 4]! };
  });
  for (let r = r0; r < r1; r++) {
    const weights = i8.slice(w + r * stride, w + (r + 1) * stride);
    const scale = f32[scales / 4 + r]!;
    for (const [t, { values, s }] of tokens.entries()) {
      f32[out / 4 + t * outStride + r] = f(f(dotIntegers(weights, values)) * f(scale / s));
    }
  }
}
