/**
 * The three products of a linear layer out = W · x in f32, forward and backward, for projections and the output head.
 * Arrays have their rows at a stride of rowStride of their columns.
 */
import { rowStride } from '../../kernels/kernels.ts';
import type { Member } from '../../kernels/team/member.ts';
import { GemmForm } from '../../kernels/training-kernels.ts';

/** Of W: outputs and inputs. */
export interface LinearShape {
  readonly rows: number;
  readonly columns: number;
}

/** out [n][rows] = W · x [n][columns], added to what is there when `accumulate` is 1. */
export function linearForward(
  { kernels, scratch }: Member,
  { rows, columns }: LinearShape,
  weights: number,
  out: number,
  x: number,
  accumulate: number,
  n: number,
): void {
  const K = rowStride(columns);
  const ldc = rowStride(rows);
  kernels.gemm(out, ldc, x, K, weights, K, GemmForm.NT, rows, columns, accumulate, scratch, 0, n);
}

/** dx [n][columns] = dy [n][rows] · W, added to what is there when `accumulate` is 1. */
export function linearInputGradient(
  { kernels, scratch }: Member,
  { rows, columns }: LinearShape,
  weights: number,
  dx: number,
  dy: number,
  accumulate: number,
  n: number,
): void {
  const K = rowStride(columns);
  const lda = rowStride(rows);
  kernels.gemm(dx, K, dy, lda, weights, K, GemmForm.NN, columns, rows, accumulate, scratch, 0, n);
}

/** Rows [r0, r1) of gradient [rows][columns] += dyᵀ · x over n tokens. */
export function linearWeightGradient(
  { kernels, scratch }: Member,
  { rows, columns }: LinearShape,
  gradient: number,
  dy: number,
  x: number,
  n: number,
  r0: number,
  r1: number,
): void {
  const K = rowStride(columns);
  const lda = rowStride(rows);
  kernels.gemm(gradient, K, dy, lda, x, K, GemmForm.TN, columns, n, 1, scratch, r0, r1);
}
