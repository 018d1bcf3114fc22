/**
 * The output head and the loss: logits = table · hidden, loss = -ln softmax(logits)[target], over some tokens of a pass,
 * so that logits of all tokens at once are never needed. A tied head is the embedding's own table and adds to its gradient.
 */
import { DenseFormat, rowStride } from '../../kernels/kernels.ts';
import { type Member, share } from '../../kernels/team/member.ts';
import type { TablePlan } from './embedding.ts';
import { linearForward, linearInputGradient, linearWeightGradient } from './linear.ts';

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
  member: Member,
  table: TablePlan,
  logits: number,
  hidden: number,
  n: number,
): void {
  linearForward(member, table, table.weights, logits, hidden, 0, n);
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
  member: Member,
  table: TablePlan,
  dHidden: number,
  dLogits: number,
  n: number,
): void {
  linearInputGradient(member, table, table.weights, dHidden, dLogits, 0, n);
}

/** gradient += dLogitsᵀ · hidden over n tokens, this thread's rows of the table. */
export function headWeightGradient(
  member: Member,
  table: TablePlan,
  dLogits: number,
  hidden: number,
  n: number,
): void {
  const [r0, r1] = share(member, table.rows, 16);
  if (r0 === r1) return;
  linearWeightGradient(member, table, table.gradient, dLogits, hidden, n, r0, r1);
}
