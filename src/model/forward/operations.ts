/**
 * The steps of the forward pass in terms of kernels: which buffers, strides and shares of the work each takes. A thread
 * works on its own tokens (norms, rotation, quantisation) or its own rows of a matrix (projections). No step waits for the
 * others except where it says so. Attention is in attend.ts.
 */
import { rowStride } from '../../kernels/kernels.ts';
import { type Member, share, takeShares } from '../../kernels/team/member.ts';
import type { LayerPlan, Matrix, ModelPlan } from '../plan.ts';

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

/** Tokens from which on a projection takes so long that threads take pieces of it as they become free: fewer lose more by calls. */
const LONG_TOKENS = 32;

/** Calls `visit` with ranges of `rows` output rows that are this thread's to compute. */
function forRows(
  member: Member,
  rows: number,
  tokens: number,
  visit: (r0: number, r1: number) => void,
): void {
  const { rowStep } = member.kernels;
  if (tokens >= LONG_TOKENS) takeShares(member, rows, rowStep, visit);
  else visit(...share(member, rows, rowStep));
}

/** out = matrix · input (+ bias, where that is not 0); out += that when `accumulate` is 1. */
export function project(
  member: Member,
  model: ModelPlan,
  matrix: Matrix,
  out: number,
  input: number,
  tokens: number,
  bias = 0,
  accumulate = 0,
): void {
  forRows(member, matrix.rows, tokens, (r0, r1) => {
    multiply(member, model, matrix, out, input, tokens, accumulate, r0, r1);
    if (bias !== 0) member.kernels.add(out, rowStride(matrix.rows), bias, 0, tokens, r0, r1);
  });
}

/** gate = activation(gate · input) * (up · input): nobody waits between the three, each thread has its own rows. */
export function projectGated(member: Member, model: ModelPlan, layer: LayerPlan, tokens: number): void {
  const { work, config } = model;
  const { rows } = layer.gate;
  forRows(member, rows, tokens, (r0, r1) => {
    multiply(member, model, layer.gate, work.gate, work.input, tokens, 0, r0, r1);
    multiply(member, model, layer.up, work.up, work.input, tokens, 0, r0, r1);
    const stride = rowStride(rows);
    member.kernels.gate(work.gate, work.gate, work.up, config.activation, stride, tokens, r0, r1);
  });
}

/** Rows [r0, r1) of out = matrix · input. */
function multiply(
  { kernels }: Member,
  { work }: ModelPlan,
  matrix: Matrix,
  out: number,
  input: number,
  tokens: number,
  accumulate: number,
  r0: number,
  r1: number,
): void {
  const { address, columns: K } = matrix;
  const stride = rowStride(matrix.rows);
  const q = work.quantized;
  switch (matrix.kind) {
    case 'ternary':
      kernels.ternaryMatmul(out, stride, q, address, matrix.scale, K, tokens, accumulate, r0, r1);
      break;
    case 'dense':
      kernels.denseMatmul(out, stride, input, address, matrix.format, K, tokens, accumulate, r0, r1);
      break;
    case 'int8':
      kernels.int8Matmul(out, stride, q, address, matrix.scales, K, tokens, r0, r1);
      break;
  }
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
    project(member, model, matrix, work.x, input, tokens, 0, 1);
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
