/**
 * The steps of the forward pass in terms of kernels: which buffers, strides and shares of the work each takes. A thread
 * works on its own tokens (norms, rotation, quantisation) or its own rows of a matrix (projections). No step waits for the
 * others except where it says so. Attention is in attend.ts.
 */
import { rowStride } from '../../kernels/kernels.ts';
import { type Member, share } from '../../kernels/team/member.ts';
import type { Matrix, ModelPlan } from '../plan.ts';

/** x = rows of the embedding. */
export function lookUp(member: Member, model: ModelPlan, tokens: number): void {
  const { embedding: table, embeddingScale: scale, work } = model;
  const [t0, t1] = share(member, tokens);
  if (table.kind === 'int8') {
    member.kernels.embedInt8(work.x, work.ids, table.address, table.scales, scale, table.columns, t0, t1);
  } else if (table.kind === 'dense') {
    member.kernels.embed(work.x, work.ids, table.address, table.format, scale, table.columns, t0, t1);
  } else throw new Error('internal error: a ternary embedding');
}

/**
 * out = norm(x) of this thread's tokens, `heads` rows of n elements each; nothing where the family has no such norm
 * (weight 0).
 *
 * @returns whether there is one
 */
export function norm(
  member: Member,
  { config }: ModelPlan,
  out: number,
  x: number,
  weight: number,
  n: number,
  tokens: number,
  heads = 1,
): boolean {
  if (weight === 0) return false;
  const [t0, t1] = share(member, tokens);
  member.kernels.rmsNorm(out, x, weight, config.layerNormRmsEpsilon, n, t0 * heads, t1 * heads);
  return true;
}

/**
 * Makes this thread's rows of `input` ready for the matrices that will read them: quantised once when any of them works
 * on integers. Then waits for the other threads' rows.
 */
export function prepare(
  member: Member,
  { work }: ModelPlan,
  matrices: readonly Matrix[],
  input: number,
  tokens: number,
): void {
  const [t0, t1] = share(member, tokens);
  const { columns } = matrices[0]!;
  if (matrices.some(({ kind }) => kind === 'ternary')) {
    member.kernels.quantize(work.quantized, input, columns, t0, t1);
  }
  if (matrices.some(({ kind }) => kind === 'int8')) {
    member.kernels.quantize16(work.quantized, input, columns, t0, t1);
  }
  member.barrier();
}

/** out = matrix · input for this thread's rows of the matrix; out += that when `accumulate` is 1. */
export function project(
  member: Member,
  { work }: ModelPlan,
  matrix: Matrix,
  out: number,
  input: number,
  tokens: number,
  accumulate = 0,
): void {
  const { address, columns: K, rows } = matrix;
  const [r0, r1] = share(member, rows, member.kernels.rowStep);
  const stride = rowStride(rows);
  const q = work.quantized;
  switch (matrix.kind) {
    case 'ternary':
      member.kernels.ternaryMatmul(out, stride, q, address, matrix.scale, K, tokens, accumulate, r0, r1);
      break;
    case 'dense':
      member.kernels.denseMatmul(out, stride, input, address, matrix.format, K, tokens, accumulate, r0, r1);
      break;
    case 'int8':
      member.kernels.int8Matmul(out, stride, q, address, matrix.scales, K, tokens, r0, r1);
      break;
  }
}

/** out += bias in the columns that this thread has just projected; nothing where the family has none (bias 0). */
export function addBias(member: Member, out: number, bias: number, rows: number, tokens: number): void {
  if (bias === 0) return;
  const [r0, r1] = share(member, rows, member.kernels.rowStep);
  member.kernels.add(out, rowStride(rows), bias, 0, tokens, r0, r1);
}

/** x += matrix · input, or x += norm(matrix · input); waits for the others at the end. */
export function addToStream(
  member: Member,
  model: ModelPlan,
  matrix: Matrix,
  input: number,
  postNorm: number,
  tokens: number,
): void {
  const { work } = model;
  if (postNorm === 0) {
    project(member, model, matrix, work.x, input, tokens, 1);
    member.barrier();
    return;
  }
  project(member, model, matrix, work.branch, input, tokens);
  member.barrier();
  norm(member, model, work.branch, work.branch, postNorm, matrix.rows, tokens);
  const [t0, t1] = share(member, tokens);
  const stride = rowStride(matrix.rows);
  const skip = 4 * t0 * stride;
  member.kernels.add(work.x + skip, stride, work.branch + skip, stride, t1 - t0, 0, matrix.rows);
  member.barrier();
}

/** out = heads of `x`, turned to their tokens' positions and padded. */
export function rotate(
  member: Member,
  { work, config, ropeTable }: ModelPlan,
  out: number,
  x: number,
  heads: number,
  tokens: number,
): void {
  const { headLength, ropeStyle } = config;
  const [t0, t1] = share(member, tokens);
  const stride = rowStride(heads * headLength);
  member.kernels.rope(out, x, stride, work.positions, ropeTable, ropeStyle, heads, headLength, t0, t1);
}
