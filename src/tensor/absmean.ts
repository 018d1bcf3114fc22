/**
 * Absmean quantisation of master weights to ternary codes (BitNet b1.58, arXiv:2402.17764 section 2), with the
 * arithmetic of the published training code: scale a = max(mean |W|, 1e-5) and code = clamp(round(W * (1/a)), -1, 1) + 1,
 * ties to even, product and reciprocal rounded to float32. Two passes over the weights: first the mean, then the codes.
 */
import { assert } from '../base/assert.ts';
import { BitnetError } from '../base/errors.ts';
import type { DType } from './dtype.ts';
import { bfloat16ToFloat, floatToBfloat16, floatToHalf, halfToFloat } from './half.ts';

/** The least scale: a matrix of zeros must not divide by zero. */
const SCALE_FLOOR = 1e-5;

/**
 * The sum of |w|, accumulated in float64 from the first weight to the last. A matrix read in pieces adds the sums of its
 * pieces, so the last bits of the mean depend on how it was cut; float64 leaves those far below float32.
 */
export function sumOfMagnitudes(weights: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum += Math.abs(weights[i]!);
  return sum;
}

/**
 * The scale of a matrix, as float32.
 *
 * @param sum    sum of |w| over the whole matrix
 * @param count  weights of the whole matrix
 * @throws BitnetError `tensor/not-finite` when a weight was infinite or not a number
 */
export function absmeanScale(sum: number, count: number, name: string): number {
  const mean = count === 0 ? 0 : sum / count;
  if (!Number.isFinite(mean)) {
    throw new BitnetError(
      'tensor/not-finite',
      `${name}: a weight is infinite or not a number, so the matrix has no mean; the checkpoint is damaged`,
      { details: { tensor: name } },
    );
  }
  return Math.fround(Math.max(mean, Math.fround(SCALE_FLOOR)));
}

/**
 * The scale by which codes are multiplied: {@link absmeanScale} in the type of the master weights, since the published
 * code rounds the quantised weights to it. So BF16 masters give the bfloat16 `weight_scale` of their packed form.
 */
export function scaleInType(dtype: DType, scale: number): number {
  if (dtype === 'BF16') return bfloat16ToFloat(floatToBfloat16(scale));
  return dtype === 'F16' ? halfToFloat(floatToHalf(scale)) : scale;
}

/**
 * The ternary codes of some weights of a matrix.
 *
 * @param weights  f32 [n], finite
 * @param scale    of the whole matrix, from {@link absmeanScale}
 * @param codes    u8 [n], overwritten
 */
export function absmeanCodes(weights: Float32Array, scale: number, codes: Uint8Array): void {
  assert(codes.length >= weights.length, 'room for every code');
  const inverse = Math.fround(1 / scale);
  for (let i = 0; i < weights.length; i++) {
    const ratio = Math.fround(weights[i]! * inverse);
    // Rounding sends exactly half to 0, and everything beyond is clamped to one step.
    codes[i] = ratio > 0.5 ? 2 : ratio < -0.5 ? 0 : 1;
  }
}
