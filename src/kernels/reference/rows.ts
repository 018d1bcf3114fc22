/** Operations on rows of f32 activations: embedding, norm, gate, addition. */
import { Activation } from '../activation.ts';
import { type DenseFormat, denseRowBytes, rowStride } from '../kernels.ts';
import { dotLanes, expF32 } from './arithmetic.ts';
import { readDenseRow } from './pack.ts';
import type { Views } from './views.ts';

const f = Math.fround;

/** See Kernels.embed. */
export function embed(
  views: Views,
  out: number,
  ids: number,
  table: number,
  format: DenseFormat,
  scale: number,
  K: number,
  t0: number,
  t1: number,
): void {
  const row = new Float32Array(rowStride(K));
  for (let t = t0; t < t1; t++) {
    readDenseRow(views, table + views.i32[ids / 4 + t]! * denseRowBytes(format, K), format, K, row);
    for (let k = 0; k < row.length; k++) views.f32[out / 4 + t * row.length + k] = row[k]! * f(scale);
  }
}

/** See Kernels.embedInt8. */
export function embedInt8(
  { i8, i32, f32 }: Views,
  out: number,
  ids: number,
  table: number,
  scales: number,
  scale: number,
  K: number,
  t0: number,
  t1: number,
): void {
  const stride = rowStride(K);
  for (let t = t0; t < t1; t++) {
    const id = i32[ids / 4 + t]!;
    const factor = f(f32[scales / 4 + id]! * f(scale));
    for (let k = 0; k < stride; k++) f32[out / 4 + t * stride + k] = i8[table + id * stride + k]! * factor;
  }
}

/** See Kernels.rmsNorm. */
export function rmsNorm(
  { f32 }: Views,
  out: number,
  x: number,
  w: number,
  eps: number,
  n: number,
  t0: number,
  t1: number,
): void {
  const stride = rowStride(n);
  for (let t = t0; t < t1; t++) {
    const from = x / 4 + t * stride;
    const scale = f(1 / Math.sqrt(dotLanes(f32, from, f32, from, stride) / n + eps));
    for (let k = 0; k < stride; k++) {
      f32[out / 4 + t * stride + k] = f32[from + k]! * f(f32[w / 4 + k]! * scale);
    }
  }
}

/** See Kernels.gate. */
export function gate(
  { f32 }: Views,
  out: number,
  gateRows: number,
  up: number,
  activation: Activation,
  stride: number,
  T: number,
  c0: number,
  c1: number,
): void {
  for (let t = 0; t < T; t++) {
    for (let c = t * stride + c0; c < t * stride + c1; c++) {
      f32[out / 4 + c] = activate(activation, f32[gateRows / 4 + c]!) * f32[up / 4 + c]!;
    }
  }
}

function activate(activation: Activation, x: number): number {
  switch (activation) {
    case Activation.SiLU:
      return f(x / f(1 + expF32(-x)));
    case Activation.ReLU2: {
      const positive = Math.max(x, 0);
      return f(positive * positive);
    }
    case Activation.GeluTanh: {
      // 0.5·x·(1 + tanh(u)) = x·(1 - 1/(e^2u + 1)), u = sqrt(2/π)·(x + 0.044715·x³)   (arXiv:1606.08415)
      const cubic = f(f(f(x * x) * x) * f(0.044715));
      const twice = f(f(x + cubic) * f(1.5957691216057308));
      return f(x * f(1 - f(1 / f(expF32(twice) + 1))));
    }
  }
}

/** See Kernels.add. */
export function add(
  { f32 }: Views,
  x: number,
  xStride: number,
  y: number,
  yStride: number,
  T: number,
  c0: number,
  c1: number,
): void {
  for (let t = 0; t < T; t++) {
    for (let c = c0; c < c1; c++) {
      const at = x / 4 + t * xStride + c;
      f32[at] = f32[at]! + f32[y / 4 + t * yStride + c]!;
    }
  }
}
