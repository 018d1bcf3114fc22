/**
 * Backward halves of the row operations, and the loss, on the reference backend. Each element is computed in double
 * precision from its formula and rounded to f32 once.
 */
import { Activation } from '../activation.ts';
import { rowStride } from '../kernels.ts';
import type { Views } from './views.ts';

const f = Math.fround;

/** See TrainingKernels.rmsNormBackward. */
export function rmsNormBackward(
  { f32 }: Views,
  dx: number,
  inverses: number,
  dy: number,
  x: number,
  w: number,
  eps: number,
  n: number,
  accumulate: number,
  t0: number,
  t1: number,
): void {
  const stride = rowStride(n);
  for (let t = t0; t < t1; t++) {
    const row = t * stride;
    let squares = 0;
    let sum = 0;
    for (let k = 0; k < n; k++) {
      const element = f32[x / 4 + row + k]!;
      squares += element * element;
      sum += f32[w / 4 + k]! * f32[dy / 4 + row + k]! * element;
    }
    const r = f(1 / Math.sqrt(squares / n + eps));
    f32[inverses / 4 + t] = r;
    const factor = (r ** 3 / n) * sum;
    for (let k = 0; k < stride; k++) {
      const at = dx / 4 + row + k;
      const gradient = r * (f32[w / 4 + k]! * f32[dy / 4 + row + k]!) - f32[x / 4 + row + k]! * factor;
      f32[at] = accumulate === 1 ? f32[at]! + gradient : gradient;
    }
  }
}

/** See TrainingKernels.rmsNormWeightGradient. */
export function rmsNormWeightGradient(
  { f32 }: Views,
  dw: number,
  dy: number,
  x: number,
  inverses: number,
  n: number,
  T: number,
  c0: number,
  c1: number,
): void {
  for (let c = c0; c < c1; c++) {
    let sum = f32[dw / 4 + c]!;
    for (let t = 0; t < T; t++) {
      const at = t * rowStride(n) + c;
      sum += f32[dy / 4 + at]! * f32[x / 4 + at]! * f32[inverses / 4 + t]!;
    }
    f32[dw / 4 + c] = sum;
  }
}

/** See TrainingKernels.gateBackward. */
export function gateBackward(
  { f32 }: Views,
  dGate: number,
  dUp: number,
  dOut: number,
  gate: number,
  up: number,
  activation: Activation,
  e0: number,
  e1: number,
): void {
  for (let e = e0; e < e1; e++) {
    const [value, slope] = activationAndSlope(activation, f32[gate / 4 + e]!);
    const gradient = f32[dOut / 4 + e]!;
    f32[dGate / 4 + e] = gradient * f32[up / 4 + e]! * slope;
    f32[dUp / 4 + e] = gradient * value;
  }
}

/** activation(x) and activation'(x). */
function activationAndSlope(activation: Activation, x: number): [value: number, slope: number] {
  switch (activation) {
    case Activation.SiLU: {
      const sigmoid = 1 / (1 + Math.exp(-x));
      return [x * sigmoid, sigmoid * (1 + x * (1 - sigmoid))];
    }
    case Activation.ReLU2: {
      const positive = Math.max(x, 0);
      return [positive * positive, 2 * positive];
    }
    case Activation.GeluTanh: {
      // 0.5·(1 + tanh(u)) = σ(2u), u = sqrt(2/π)·(x + 0.044715·x³), and σ' = σ·(1 - σ)   (arXiv:1606.08415)
      const twice = 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
      const twiceSlope = 2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
      const sigmoid = 1 / (1 + Math.exp(-twice));
      const rest = 1 / (1 + Math.exp(twice));
      return [x * sigmoid, sigmoid + x * sigmoid * rest * twiceSlope];
    }
  }
}

/** See TrainingKernels.embedBackward. */
export function embedBackward(
  { f32, i32 }: Views,
  dTable: number,
  ids: number,
  dx: number,
  K: number,
  T: number,
  c0: number,
  c1: number,
): void {
  const stride = rowStride(K);
  for (let t = 0; t < T; t++) {
    const row = dTable / 4 + i32[ids / 4 + t]! * stride;
    for (let c = c0; c < c1; c++) f32[row + c] = f32[row + c]! + f32[dx / 4 + t * stride + c]!;
  }
}

/** See TrainingKernels.causalSoftmax. */
export function causalSoftmax(
  { f32 }: Views,
  p: number,
  ld: number,
  scale: number,
  position: number,
  columns: number,
  r0: number,
  r1: number,
): void {
  for (let r = r0; r < r1; r++) {
    const start = p / 4 + r * ld;
    const seen = f32.subarray(start, start + Math.min(position + r + 1, columns));
    const scores = Array.from(seen, (score) => score * f(scale));
    const largest = scores.reduce((most, score) => Math.max(most, score), -Infinity);
    const weights = scores.map((score) => Math.exp(score - largest));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    for (const [i, weight] of weights.entries()) seen[i] = weight / sum;
    f32.fill(0, start + seen.length, start + columns);
  }
}

/** See TrainingKernels.causalSoftmaxBackward. */
export function causalSoftmaxBackward(
  { f32 }: Views,
  dp: number,
  p: number,
  ld: number,
  scale: number,
  columns: number,
  r0: number,
  r1: number,
): void {
  for (let r = r0; r < r1; r++) {
    const gradients = dp / 4 + r * ld;
    const weights = p / 4 + r * ld;
    let sum = 0;
    for (let c = 0; c < columns; c++) sum += f32[weights + c]! * f32[gradients + c]!;
    for (let c = 0; c < columns; c++) {
      f32[gradients + c] = f(scale) * f32[weights + c]! * (f32[gradients + c]! - sum);
    }
  }
}

/** See TrainingKernels.crossEntropy. */
export function crossEntropy(
  { f32, i32 }: Views,
  losses: number,
  logits: number,
  targets: number,
  scale: number,
  V: number,
  stride: number,
  t0: number,
  t1: number,
): void {
  for (let t = t0; t < t1; t++) {
    const row = f32.subarray(logits / 4 + t * stride, logits / 4 + (t + 1) * stride);
    const target = i32[targets / 4 + t]!;
    if (target < 0) {
      f32[losses / 4 + t] = 0;
      if (scale !== 0) row.fill(0);
      continue;
    }
    let largest = -Infinity;
    for (let v = 0; v < V; v++) largest = Math.max(largest, row[v]!);
    let sum = 0;
    for (let v = 0; v < V; v++) sum += Math.exp(row[v]! - largest);
    f32[losses / 4 + t] = Math.log(sum) - (row[target]! - largest);
    if (scale === 0) continue;
    for (let v = 0; v < V; v++) {
      row[v] = (Math.exp(row[v]! - largest) / sum - (v === target ? 1 : 0)) * f(scale);
    }
    row.fill(0, V);
  }
}
