/**
 * The output head and the loss: logits = table · hidden, loss = -ln softmax(logits)[target], over some tokens of a pass,
 * so that logits of all tokens at once are never needed. A tied head is the embedding's own table and adds to its gradient.
 */
import { DenseFormat, rowStride } from '../../kernels/kernels.ts';
import { type Member, share } from '../../kernels/team/member.ts';
import { GemmForm } from '../../kernels/training-kernels.ts';
import type { TablePlan } from './embedding.ts';

/** logits [n][rows] = table · hidden [n][columns], bit by bit as inference computes them. */
export function headForward(
  { kernels }: Member,
  { rows, columns, weights }: TablePlan,
  logits: number,
  hidden: number,
  n: number,
): void {
  const format = DenseFormat.F32;
  kernels.denseMatmul(logits, rowStride(rows), hidden, weights, format, columns, n, 0, 0, rows);
}

/** As {@link headForward}, as fast as products of matrices are; sums have another order. */
export function headForwardFast(
  { kernels, scratch }: Member,
  { rows, columns, weights }: TablePlan,
  logits: number,
  hidden: number,
  n: number,
): void {
  const K = rowStride(columns);
  const ldc = rowStride(rows);
  kernels.gemm(logits, ldc, hidden, K, weights, K, GemmForm.NT, rows, columns, 0, scratch, 0, n);
}

/**
 * losses f32 [n] of targets i32 [n], 0 for negative ones; unless `scale` is 0, logits [n][rows] become the gradients of
 * scale * their sum.
 */
export function lossOf(
  { kernels }: Member,
  { rows }: TablePlan,
  losses: number,
  logits: number,
  targets: number,
  scale: number,
  n: number,
): void {
  kernels.crossEntropy(losses, logits, targets, scale, rows, rowStride(rows), 0, n);
}

/** dHidden [n][columns] = dLogits · table */
export function headInputGradient(
  { kernels, scratch }: Member,
  { rows, columns, weights }: TablePlan,
  dHidden: number,
  dLogits: number,
  n: number,
): void {
  const K = rowStride(columns);
  const lda = rowStride(rows);
  kernels.gemm(dHidden, K, dLogits, lda, weights, K, GemmForm.NN, columns, rows, 0, scratch, 0, n);
}

/** gradient += dLogitsᵀ · hidden over n tokens, this thread's rows of the table. */
export function headWeightGradient(
  member: Member,
  { rows, columns, gradient }: TablePlan,
  dLogits: number,
  hidden: number,
  n: number,
): void {
  const [r0, r1] = share(member, rows, 16);
  if (r0 === r1) return;
  const { kernels, scratch } = member;
  const K = rowStride(columns);
  const lda = rowStride(rows);
  kernels.gemm(gradient, K, dLogits, lda, hidden, K, GemmForm.TN, columns, n, 1, scratch, r0, r1);
}
