/**
 * Root-mean-square norm (arXiv:1910.07467), forward and backward over some tokens of a pass. The gradient of its weights
 * is summed over those tokens alone; {@link addPartials} adds the sums of all of them in their order, so that it does not
 * depend on which thread had which tokens.
 */
import { rowStride } from '../../kernels/kernels.ts';
import type { Member } from '../../kernels/team/member.ts';

/** A norm of rows of `length` elements. */
export interface NormPlan {
  /** f32 [rowStride(length)] */
  readonly weights: number;
  /** the same */
  readonly gradient: number;
  readonly length: number;
  readonly epsilon: number;
  /** f32 [chunks][rowStride(length)]: gradients of the weights, by chunks of tokens */
  readonly partials: number;
}

/** out [n][length] = x * w / sqrt(mean(x²) + eps) */
export function normForward({ kernels }: Member, norm: NormPlan, out: number, x: number, n: number): void {
  kernels.rmsNorm(out, x, norm.weights, norm.epsilon, norm.length, 0, n);
}

/**
 * dx [n][length] = the gradient of x, added to what is there when `accumulate` is 1; and the gradient of the weights over
 * these tokens into row `chunk` of the partials.
 *
 * @param dy [n][length], not dx
 * @param x [n][length], as it was in {@link normForward}
 * @param inverses scratch, f32 [n]
 */
export function normBackward(
  { kernels, heap }: Member,
  norm: NormPlan,
  dx: number,
  dy: number,
  x: number,
  inverses: number,
  accumulate: number,
  chunk: number,
  n: number,
): void {
  const { weights, epsilon, length } = norm;
  kernels.rmsNormBackward(dx, inverses, dy, x, weights, epsilon, length, accumulate, 0, n);
  const stride = rowStride(length);
  const partial = norm.partials + 4 * chunk * stride;
  heap.f32(partial, stride).fill(0);
  kernels.rmsNormWeightGradient(partial, dy, x, inverses, length, n, 0, length);
}

/** gradient += the partials of all chunks, this thread's columns. */
export function addPartials(
  { kernels }: Member,
  { gradient, partials, length }: NormPlan,
  chunks: number,
  c0: number,
  c1: number,
): void {
  if (c0 === c1) return;
  for (let chunk = 0; chunk < chunks; chunk++) {
    kernels.add(gradient, 0, partials + 4 * chunk * rowStride(length), 0, 1, c0, c1);
  }
}
