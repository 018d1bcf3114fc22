/**
 * The backward pass: forward.ts from its end to its beginning. From the gradient of the residual stream behind a layer
 * follow those of its projections' inputs and of the stream before it, token by token but for attention; between them,
 * where all tokens are there, those of the weights.
 *
 * In ternary runs, gradients go straight through both quantisers: inputs count as they were multiplied (quantised), and
 * so do weights.
 */
import { type Member, share, takeShares } from '../../kernels/team/member.ts';
import { attentionBackward, type Sequences } from '../layers/attention.ts';
import { embeddingBackward } from '../layers/embedding.ts';
import { gateBackward, gateForward } from '../layers/gated-feed-forward.ts';
import { addPartials, type NormPlan, normBackward, normForward } from '../layers/norm.ts';
import {
  type ProjectionPlan,
  projectionInputGradient,
  projectionWeightGradient,
} from '../layers/projection.ts';
import { rotaryBackward } from '../layers/rotary.ts';
import { type Chunk, forChunks, rowsOf } from './chunks.ts';
import { copyRows } from './forward.ts';
import { lossBackward } from './loss.ts';
import { chunkTokens, type LayerPlan, type TrainingPlan, type WorkSpace } from './plan.ts';

/** Rows of a gradient that a thread takes at once: many, since each piece reads all tokens. */
const GRADIENT_ROWS = 256;

/** After {@link forward}: losses, and the gradients of scale * their sum, added to what is there. */
export function backward(member: Member, plan: TrainingPlan, sequences: Sequences, scale: number): void {
  const { embedding, layers, outputNorm, attention } = plan;
  lossBackward(member, plan, sequences, scale);
  normGradients(member, sequences, [outputNorm]);
  let { work } = plan;
  for (const layer of layers.toReversed()) {
    forChunks(member, plan, sequences, (chunk) => {
      feedForwardBackward(member, plan, work, layer, chunk);
      outputBackward(member, plan, work, layer, chunk);
    });
    member.barrier();
    const gradients = { q: work.dRotatedQ, k: work.dRotatedK, v: work.dV };
    attentionBackward(member, attention, sequences, gradients, work.dAttention, layer.kept);
    weightGradients(member, sequences, [
      [layer.down, work.dX, work.downInput],
      [layer.gate, work.dGate, work.feedForwardInput],
      [layer.up, work.dUp, work.feedForwardInput],
      [layer.o, work.dMiddle, work.outputInput],
    ]);
    normGradients(member, sequences, [
      layer.attentionSubNorm,
      layer.feedForwardNorm,
      layer.feedForwardSubNorm,
    ]);
    member.barrier();
    forChunks(member, plan, sequences, (chunk) => headsBackward(member, plan, work, layer, chunk));
    member.barrier();
    // Nobody waits for these: the next layer's chunks write to other places.
    weightGradients(member, sequences, [
      [layer.q, work.dQ, work.headsInput],
      [layer.k, work.dK, work.headsInput],
      [layer.v, work.dV, work.headsInput],
    ]);
    normGradients(member, sequences, [layer.attentionNorm]);
    work = { ...work, dX: work.dMiddle, dMiddle: work.dX };
  }
  embeddingBackward(member, embedding, work.ids, work.dX, sequences.count * sequences.length);
}

/** From dX: dGate, dUp, and dMiddle, the gradient of what the block and the stream past it read. */
function feedForwardBackward(
  member: Member,
  plan: TrainingPlan,
  work: WorkSpace,
  layer: LayerPlan,
  chunk: Chunk,
): void {
  const { kept, gate, up, down } = layer;
  const { n } = chunk;
  const [hidden, dNormed, dHidden] = chunk.scratch;
  const width = plan.embeddingLength;
  const length = plan.feedForwardLength;
  const rows = (address: number) => rowsOf(chunk, address, length);
  const dX = rowsOf(chunk, work.dX, width);

  gateForward(member, plan.activation, hidden, rows(kept.gate), rows(kept.up), length, n);
  restoreInput(member, layer.feedForwardSubNorm, down, work.downInput, kept.downInput, hidden, chunk);
  inputBackward(member, layer.feedForwardSubNorm, down, dHidden, dX, hidden, dNormed, chunk);
  const dGate = rows(work.dGate);
  const dUp = rows(work.dUp);
  gateBackward(member, plan.activation, dGate, dUp, dHidden, rows(kept.gate), rows(kept.up), length, n);

  const middle = rowsOf(chunk, kept.middle, width);
  restoreInput(
    member,
    layer.feedForwardNorm,
    gate,
    work.feedForwardInput,
    kept.feedForwardInput,
    middle,
    chunk,
  );
  projectionInputGradient(member, gate, dNormed, dGate, 0, n);
  projectionInputGradient(member, up, dNormed, dUp, 1, n);
  const dMiddle = copyRows(member, chunk, work.dMiddle, work.dX, width);
  normBackward(member, layer.feedForwardNorm, dMiddle, dNormed, middle, chunk.inverses, 1, chunk.index, n);
}

/** From dMiddle: dAttention. */
function outputBackward(
  member: Member,
  plan: TrainingPlan,
  work: WorkSpace,
  layer: LayerPlan,
  chunk: Chunk,
): void {
  const { kept, o, attentionSubNorm: norm } = layer;
  const attention = rowsOf(chunk, kept.attention, o.columns);
  const dMiddle = rowsOf(chunk, work.dMiddle, plan.embeddingLength);
  const dAttention = rowsOf(chunk, work.dAttention, o.columns);
  restoreInput(member, norm, o, work.outputInput, kept.outputInput, attention, chunk);
  inputBackward(member, norm, o, dAttention, dMiddle, attention, chunk.scratch[0], chunk);
}

/** From the gradients of rotated queries and keys and of values: dQ, dK, and in dMiddle that of the layer's input. */
function headsBackward(
  member: Member,
  plan: TrainingPlan,
  work: WorkSpace,
  layer: LayerPlan,
  chunk: Chunk,
): void {
  const { kept, q, k, v } = layer;
  const { headCount, headCountKv } = plan.attention;
  const { first, n } = chunk;
  const [dNormed] = chunk.scratch;
  const dQ = rowsOf(chunk, work.dQ, q.rows);
  const dK = rowsOf(chunk, work.dK, k.rows);
  rotaryBackward(member, plan.rotary, dQ, rowsOf(chunk, work.dRotatedQ, q.rows), headCount, first, n);
  rotaryBackward(member, plan.rotary, dK, rowsOf(chunk, work.dRotatedK, k.rows), headCountKv, first, n);
  const x = rowsOf(chunk, kept.x, plan.embeddingLength);
  restoreInput(member, layer.attentionNorm, q, work.headsInput, kept.headsInput, x, chunk);
  projectionInputGradient(member, q, dNormed, dQ, 0, n);
  projectionInputGradient(member, k, dNormed, dK, 1, n);
  projectionInputGradient(member, v, dNormed, rowsOf(chunk, work.dV, v.rows), 1, n);
  const dX = rowsOf(chunk, work.dMiddle, plan.embeddingLength);
  normBackward(member, layer.attentionNorm, dX, dNormed, x, chunk.inverses, 1, chunk.index, n);
}

/** dx = gradient of x in projection(norm(x)), where there is a norm; `dNormed` is scratch for what is between. */
function inputBackward(
  member: Member,
  norm: NormPlan | undefined,
  projection: ProjectionPlan,
  dx: number,
  dy: number,
  x: number,
  dNormed: number,
  chunk: Chunk,
): void {
  const { inverses, index, n } = chunk;
  projectionInputGradient(member, projection, norm === undefined ? dx : dNormed, dy, 0, n);
  if (norm !== undefined) normBackward(member, norm, dx, dNormed, x, inverses, 0, index, n);
}

/** A chunk's rows of `input`: what the projection multiplied with, from what was kept, or again from x in f32. */
function restoreInput(
  member: Member,
  norm: NormPlan | undefined,
  { ternary, columns }: ProjectionPlan,
  input: number,
  kept: number,
  x: number,
  chunk: Chunk,
): void {
  const { kernels, heap } = member;
  const { first, n } = chunk;
  const rows = rowsOf(chunk, input, columns);
  if (ternary !== undefined) {
    kernels.dequantize(rows, kept + first * kernels.activationBytes(columns), columns, 0, n);
  } else if (norm !== undefined) normForward(member, norm, rows, x, n);
  else heap.f32(rows, n * columns).set(heap.f32(x, n * columns));
}

/** Gradients of matrices from those of their results and their inputs; threads take pieces, the largest first. */
function weightGradients(
  member: Member,
  { count, length }: Sequences,
  products: readonly (readonly [projection: ProjectionPlan, dy: number, x: number])[],
): void {
  const pieces = products.flatMap(([projection, dy, x]) =>
    Array.from({ length: Math.ceil(projection.rows / GRADIENT_ROWS) }, (_, i) => ({ projection, dy, x, i })),
  );
  takeShares(member, pieces.length, 1, (start, end) => {
    for (const { projection, dy, x, i } of pieces.slice(start, end)) {
      const r0 = i * GRADIENT_ROWS;
      const r1 = Math.min(r0 + GRADIENT_ROWS, projection.rows);
      projectionWeightGradient(member, projection, dy, x, count * length, r0, r1);
    }
  });
}

/** Gradients of norms, each thread its columns. */
function normGradients(member: Member, sequences: Sequences, norms: readonly (NormPlan | undefined)[]): void {
  const chunks = Math.ceil((sequences.count * sequences.length) / chunkTokens(sequences));
  for (const norm of norms) {
    if (norm !== undefined) addPartials(member, norm, chunks, ...share(member, norm.length, 16));
  }
}
