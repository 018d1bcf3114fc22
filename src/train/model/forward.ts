/**
 * The forward pass of training, with what backward.ts needs kept. It is inference's (src/model/forward/), in the same
 * order and by the same operations, so that ternary logits have the same bits as the exported model's; other than
 * there, threads share tokens and not rows of matrices, since there are many tokens and one cache for each layer.
 */

import type { Member } from '../../kernels/team/member.ts';
import { attentionForward, type Sequences, storeHeads } from '../layers/attention.ts';
import { embeddingForward } from '../layers/embedding.ts';
import { gateForward } from '../layers/gated-feed-forward.ts';
import { type NormPlan, normForward } from '../layers/norm.ts';
import { type ProjectionPlan, projectionForward, quantizeInput } from '../layers/projection.ts';
import { rotaryForward } from '../layers/rotary.ts';
import { type Chunk, forChunks, rowsOf } from './chunks.ts';
import type { LayerPlan, TrainingPlan } from './plan.ts';

/** Fills what layers keep, and the residual stream behind the last; waits for all threads at the end. */
export function forward(member: Member, plan: TrainingPlan, sequences: Sequences): void {
  const { layers, work } = plan;
  forChunks(member, plan, sequences, (chunk) => {
    const { x } = layers[0]!.kept;
    const { columns } = plan.embedding;
    embeddingForward(member, plan.embedding, rowsOf(chunk, x, columns), work.ids + 4 * chunk.first, chunk.n);
    projectHeads(member, plan, layers[0]!, sequences, chunk);
  });
  member.barrier();
  for (const [index, layer] of layers.entries()) {
    attentionForward(member, plan.attention, sequences, layer.kept.attention, layer.kept.q);
    member.barrier();
    const next = layers[index + 1];
    forChunks(member, plan, sequences, (chunk) => {
      attentionOutput(member, plan, layer, chunk);
      feedForward(member, plan, layer, next?.kept.x ?? work.x, chunk);
      if (next !== undefined) projectHeads(member, plan, next, sequences, chunk);
    });
    member.barrier();
  }
}

/** Rotated queries and keys, and values, of norm(x); keys and values go into the cache, too. */
function projectHeads(
  member: Member,
  plan: TrainingPlan,
  layer: LayerPlan,
  sequences: Sequences,
  chunk: Chunk,
): void {
  const { kept, q, k, v } = layer;
  const { headCount, headCountKv } = plan.attention;
  const { first, n } = chunk;
  const [normed, heads] = chunk.scratch;
  normForward(member, layer.attentionNorm, normed, rowsOf(chunk, kept.x, q.columns), n);
  const input = quantizedRows(member, q, kept.headsInput, normed, chunk);
  projectionForward(member, q, heads, normed, input, 0, n);
  rotaryForward(member, plan.rotary, rowsOf(chunk, kept.q, q.rows), heads, headCount, first, n);
  projectionForward(member, k, heads, normed, input, 0, n);
  rotaryForward(member, plan.rotary, rowsOf(chunk, kept.k, k.rows), heads, headCountKv, first, n);
  projectionForward(member, v, rowsOf(chunk, kept.v, v.rows), normed, input, 0, n);
  storeHeads(member, plan.attention, sequences, kept, first, n);
}

/** middle = x + o(subNorm(attention)) */
function attentionOutput(member: Member, plan: TrainingPlan, layer: LayerPlan, chunk: Chunk): void {
  const { kept, o } = layer;
  const attention = rowsOf(chunk, kept.attention, o.columns);
  const middle = copyRows(member, chunk, kept.middle, kept.x, plan.embeddingLength);
  project(member, layer.attentionSubNorm, o, middle, attention, kept.outputInput, chunk);
}

/** out = middle + down(subNorm(activation(gate) * up)), with gate and up of norm(middle) */
function feedForward(member: Member, plan: TrainingPlan, layer: LayerPlan, out: number, chunk: Chunk): void {
  const { kept, gate, up, down } = layer;
  const { n } = chunk;
  const [normed, , hidden] = chunk.scratch;
  normForward(member, layer.feedForwardNorm, normed, rowsOf(chunk, kept.middle, gate.columns), n);
  const input = quantizedRows(member, gate, kept.feedForwardInput, normed, chunk);
  const gateRows = rowsOf(chunk, kept.gate, gate.rows);
  const upRows = rowsOf(chunk, kept.up, up.rows);
  projectionForward(member, gate, gateRows, normed, input, 0, n);
  projectionForward(member, up, upRows, normed, input, 0, n);
  gateForward(member, plan.activation, hidden, gateRows, upRows, gate.rows, n);
  const stream = copyRows(member, chunk, out, kept.middle, plan.embeddingLength);
  project(member, layer.feedForwardSubNorm, down, stream, hidden, kept.downInput, chunk);
}

/** stream += projection(norm(x)), where there is a norm. */
function project(
  member: Member,
  norm: NormPlan | undefined,
  projection: ProjectionPlan,
  stream: number,
  x: number,
  keptInput: number,
  chunk: Chunk,
): void {
  const [normed] = chunk.scratch;
  if (norm !== undefined) normForward(member, norm, normed, x, chunk.n);
  const input = norm === undefined ? x : normed;
  const quantized = quantizedRows(member, projection, keptInput, input, chunk);
  projectionForward(member, projection, stream, input, quantized, 1, chunk.n);
}

/** Keeps the input of a ternary projection as it is quantised, and answers where; in f32 there is nothing to keep. */
function quantizedRows(
  member: Member,
  projection: ProjectionPlan,
  kept: number,
  x: number,
  { first, n }: Chunk,
): number {
  const rows = kept + first * member.kernels.activationBytes(projection.columns);
  quantizeInput(member, projection, rows, x, n);
  return rows;
}

/** Copies a chunk's rows of f32 [tokens][columns], and answers where they are. */
export function copyRows({ heap }: Member, chunk: Chunk, to: number, from: number, columns: number): number {
  const rows = rowsOf(chunk, to, columns);
  heap.f32(rows, chunk.n * columns).set(heap.f32(rowsOf(chunk, from, columns), chunk.n * columns));
  return rows;
}
