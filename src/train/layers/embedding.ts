/** Rows of the embedding for tokens, and the gradient of the table. */
import { DenseFormat, rowStride } from '../../kernels/kernels.ts';
import { type Member, share } from '../../kernels/team/member.ts';

/** A table f32 [rows][rowStride(columns)], of the embedding or the output head. */
export interface TablePlan {
  readonly rows: number;
  readonly columns: number;
  readonly weights: number;
  readonly gradient: number;
}

/** x [n][columns] = rows `ids` (i32 [n]) of the table. */
export function embeddingForward(
  { kernels }: Member,
  { weights, columns }: TablePlan,
  x: number,
  ids: number,
  n: number,
): void {
  kernels.embed(x, ids, weights, DenseFormat.F32, 1, columns, 0, n);
}

/** Row ids[t] of the gradient += row t of dx [tokens][columns], this thread's columns. */
export function embeddingBackward(
  member: Member,
  { gradient, columns }: TablePlan,
  ids: number,
  dx: number,
  tokens: number,
): void {
  const [c0, c1] = share(member, columns, 16);
  if (c0 < c1) member.kernels.embedBackward(gradient, ids, dx, columns, tokens, c0, c1);
}

/** Address of row t of f32 [tokens][rowStride(columns)]. */
export function rowAt(address: number, t: number, columns: number): number {
  return address + 4 * t * rowStride(columns);
}
