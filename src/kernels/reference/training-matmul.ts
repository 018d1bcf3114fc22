/**
 * Products and weights of the reference backend's training operations: f32 matrix products, absmean ternary weights
 * (arXiv:2402.17764), activations back from int8. Sums are doubles, rounded to f32 once: what the sums of other backends
 * are close to.
 */
import { rowStride } from '../kernels.ts';
import { GemmForm, PEAK_ROUND } from '../training-kernels.ts';
import { roundTiesToEven } from './arithmetic.ts';
import { activationBytes, HEAD_BYTES } from './matmul.ts';
import type { Views } from './views.ts';

const f = Math.fround;

/** See TrainingKernels.gemm; needs no scratch. */
export function gemm(
  { f32 }: Views,
  c: number,
  ldc: number,
  a: number,
  lda: number,
  b: number,
  ldb: number,
  form: GemmForm,
  N: number,
  K: number,
  accumulate: number,
  _scratch: number,
  r0: number,
  r1: number,
): void {
  const [aRow, aStep] = form === GemmForm.TN ? [1, lda] : [lda, 1];
  const [bColumn, bStep] = form === GemmForm.NT ? [ldb, 1] : [1, ldb];
  const sums = new Float64Array(N);
  for (let r = r0; r < r1; r++) {
    const out = c / 4 + r * ldc;
    for (let j = 0; j < N; j++) sums[j] = accumulate === 1 ? f32[out + j]! : 0;
    for (let k = 0; k < K; k++) {
      const left = f32[a / 4 + r * aRow + k * aStep]!;
      const row = b / 4 + k * bStep;
      for (let j = 0; j < N; j++) sums[j] = sums[j]! + left * f32[row + j * bColumn]!;
    }
    f32.set(sums, out);
  }
}

/** See TrainingKernels.absSums. */
export function absSums({ f32 }: Views, sums: number, w: number, K: number, r0: number, r1: number): void {
  for (let r = r0; r < r1; r++) {
    const from = w / 4 + r * rowStride(K);
    let sum = 0;
    for (let k = 0; k < K; k++) sum += Math.abs(f32[from + k]!);
    f32[sums / 4 + r] = sum;
  }
}

/** See TrainingKernels.quantizeWeights. */
export function quantizeWeights(
  { f32, u8, i32 }: Views,
  codes: number,
  values: number,
  counts: number,
  w: number,
  scale: number,
  K: number,
  r0: number,
  r1: number,
): void {
  const inverse = f(1 / f(scale));
  for (let r = r0; r < r1; r++) {
    const from = w / 4 + r * rowStride(K);
    const to = values / 4 + r * rowStride(K);
    let changed = 0;
    let zeros = 0;
    for (let k = 0; k < K; k++) {
      const value = Math.max(-1, Math.min(1, roundTiesToEven(f(f32[from + k]! * inverse))));
      const at = codes + r * K + k;
      if (u8[at] !== value + 1) changed++;
      if (value === 0) zeros++;
      u8[at] = value + 1;
      f32[to + k] = value * f(scale);
    }
    f32.fill(0, to + K, to + rowStride(K));
    i32[counts / 4 + 2 * r] = changed;
    i32[counts / 4 + 2 * r + 1] = zeros;
  }
}

/** See TrainingKernels.dequantize. */
export function dequantize(
  { f32, i8 }: Views,
  out: number,
  q: number,
  K: number,
  t0: number,
  t1: number,
): void {
  for (let t = t0; t < t1; t++) {
    const from = q + t * activationBytes(K);
    const to = out / 4 + t * rowStride(K);
    for (let k = 0; k < K; k++) f32[to + k] = i8[from + HEAD_BYTES + k]! / f32[from / 4]!;
    f32.fill(0, to + K, to + rowStride(K));
  }
}

/** See TrainingKernels.multiplyAddPeak. */
export function multiplyAddPeak(_views: Views, rounds: number): number {
  let sum = 1;
  for (let i = 0; i < rounds * PEAK_ROUND; i++) sum = f(f(sum * 0.5) + 0.25);
  return sum;
}
