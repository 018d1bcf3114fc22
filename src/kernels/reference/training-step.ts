/** What the optimiser does with gradients, on the reference backend: their size, and a step of AdamW (arXiv:1711.05101). */
import { SQUARES_BLOCK } from '../training-kernels.ts';
import type { Views } from './views.ts';

/** See TrainingKernels.sumSquares. */
export function sumSquares(
  { f32 }: Views,
  sums: number,
  x: number,
  count: number,
  b0: number,
  b1: number,
): void {
  for (let block = b0; block < b1; block++) {
    let sum = 0;
    for (let i = block * SQUARES_BLOCK; i < Math.min((block + 1) * SQUARES_BLOCK, count); i++) {
      sum += f32[x / 4 + i]! ** 2;
    }
    f32[sums / 4 + block] = sum;
  }
}

/** See TrainingKernels.adamw. */
export function adamw(
  { f32 }: Views,
  w: number,
  m: number,
  v: number,
  g: number,
  learningRate: number,
  beta1: number,
  beta2: number,
  epsilon: number,
  weightDecay: number,
  gradientScale: number,
  correction1: number,
  correction2: number,
  e0: number,
  e1: number,
): void {
  for (let e = e0; e < e1; e++) {
    const gradient = gradientScale * f32[g / 4 + e]!;
    const weight = f32[w / 4 + e]!;
    const mean = beta1 * f32[m / 4 + e]! + (1 - beta1) * gradient;
    const square = beta2 * f32[v / 4 + e]! + (1 - beta2) * gradient * gradient;
    const step = mean / correction1 / (Math.sqrt(square / correction2) + epsilon) + weightDecay * weight;
    f32[m / 4 + e] = mean;
    f32[v / 4 + e] = square;
    f32[w / 4 + e] = weight - learningRate * step;
  }
}
