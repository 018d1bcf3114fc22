/**
 * Linear projections out = W · x of a layer, ternary or f32.
 *
 * Ternary (arXiv:2402.17764): activations are rounded to 8 bits per token, weights to {-1, 0, +1} times their mean
 * magnitude, both in the forward pass alone. Backward goes straight through the rounding: gradients are those of a linear
 * layer with the rounded numbers, and they are the latent weights'.
 */
import { rowStride } from '../../kernels/kernels.ts';
import type { Member } from '../../kernels/team/member.ts';
import { linearForward, linearInputGradient, linearWeightGradient } from './linear.ts';

/** A matrix [rows][columns]; f32 arrays have rows at a stride of rowStride(columns). */
export interface ProjectionPlan {
  readonly rows: number;
  readonly columns: number;
  /** latent weights, f32 */
  readonly weights: number;
  readonly gradient: number;
  /** what the forward pass multiplies with, f32: (code - 1) * scale, or the weights themselves */
  readonly values: number;
  /** where a ternary run has more of it */
  readonly ternary: TernaryPlan | undefined;
}

/** What the rounding of a matrix gives; see model/ternary-weights.ts. */
export interface TernaryPlan {
  /** u8 [rows][columns] */
  readonly codes: number;
  /** the backend's packed form */
  readonly packed: number;
  /** f32 [1] */
  readonly scale: number;
  /** f32 [rows] */
  readonly sums: number;
  /** i32 [rows][2] */
  readonly counts: number;
}

/**
 * out [n][rows] = W · x, added to what is there when `accumulate` is 1.
 *
 * @param x f32 [n][columns], read in f32
 * @param quantized the same by {@link quantizeInput}, read in ternary
 */
export function projectionForward(
  member: Member,
  projection: ProjectionPlan,
  out: number,
  x: number,
  quantized: number,
  accumulate: number,
  n: number,
): void {
  const { rows, columns, weights, ternary } = projection;
  if (ternary === undefined) {
    linearForward(member, projection, weights, out, x, accumulate, n);
    return;
  }
  const { kernels, heap } = member;
  const ldc = rowStride(rows);
  const scale = heap.f32(ternary.scale, 1)[0]!;
  kernels.ternaryMatmul(out, ldc, quantized, ternary.packed, scale, columns, n, accumulate, 0, rows);
}

/** The input of ternary projections, rounded to 8 bits per token; nothing in f32. */
export function quantizeInput(
  { kernels }: Member,
  { ternary, columns }: ProjectionPlan,
  quantized: number,
  x: number,
  n: number,
): void {
  if (ternary !== undefined) kernels.quantize(quantized, x, columns, 0, n);
}

/** dx [n][columns] = dy [n][rows] · values, added to what is there when `accumulate` is 1. */
export function projectionInputGradient(
  member: Member,
  projection: ProjectionPlan,
  dx: number,
  dy: number,
  accumulate: number,
  n: number,
): void {
  linearInputGradient(member, projection, projection.values, dx, dy, accumulate, n);
}

/**
 * Rows [r0, r1) of gradient [rows][columns] += dyᵀ · x over all tokens.
 *
 * @param x f32 [tokens][columns]: what the forward pass multiplied with, so the rounded input in ternary
 */
export function projectionWeightGradient(
  member: Member,
  projection: ProjectionPlan,
  dy: number,
  x: number,
  tokens: number,
  r0: number,
  r1: number,
): void {
  linearWeightGradient(member, projection, projection.gradient, dy, x, tokens, r0, r1);
}
