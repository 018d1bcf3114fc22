/**
 * The forward pass of every architecture, top to bottom as in the paper (arXiv:2504.12285, section 2). Each thread of a
 * team runs it on the same heap: it takes its share of every operation and meets the others at a barrier wherever the
 * next operation reads what others wrote. With the reference kernels this file is the specification.
 */
import { attentionItems, DenseFormat, type Kernels, rowStride } from '../kernels/kernels.ts';
import { type Member, share } from '../kernels/team/member.ts';
import { kvLayerBytes } from './kv-cache.ts';
import type { Batch, KvCachePlan, LayerPlan, Matrix, ModelPlan, Segment } from './plan.ts';

/** Fills the segments' caches and, for the wanted tokens, f32 [outputs][rowStride(vocabularySize)] logits. */
export function forward(member: Member, model: ModelPlan, batch: Batch): void {
  const { work } = model;
  const [t0, t1] = share(member, batch.tokens);
  lookUp(member.kernels, model.embedding, work.x, work.ids, t0, t1);
  for (const [index, layer] of model.layers.entries()) {
    attention(member, model, layer, index, batch);
    feedForward(member, model, layer, batch);
  }
  if (batch.outputs > 0) output(member, model, batch.outputs);
}

/** x += o(subNorm(softmax(q·k / sqrt(D)) v)), with q, k, v of norm(x). */
function attention(member: Member, model: ModelPlan, layer: LayerPlan, index: number, batch: Batch): void {
  const { kernels } = member;
  const { work, config } = model;
  const { embeddingLength, headCount, headCountKv, headLength, layerNormRmsEpsilon: eps } = config;
  const padded = rowStride(headLength);
  const qStride = rowStride(headCount * headLength);
  const kStride = rowStride(headCountKv * headLength);
  const [t0, t1] = share(member, batch.tokens);

  kernels.rmsNorm(work.input, work.x, layer.attentionNorm, eps, embeddingLength, t0, t1);
  prepare(member, model, [layer.q, layer.k, layer.v], work.input, batch.tokens);
  project(member, model, layer.q, work.q, qStride, work.input, batch.tokens, false);
  project(member, model, layer.k, work.k, kStride, work.input, batch.tokens, false);
  project(member, model, layer.v, work.v, kStride, work.input, batch.tokens, false);
  member.barrier();

  if (layer.qNorm !== 0) {
    kernels.rmsNorm(work.q, work.q, layer.qNorm, eps, headLength, t0 * headCount, t1 * headCount);
    kernels.rmsNorm(work.k, work.k, layer.kNorm, eps, headLength, t0 * headCountKv, t1 * headCountKv);
  }
  const {
    ropeTable,
    config: { ropeStyle },
  } = model;
  kernels.rope(
    work.rotatedQ,
    work.q,
    qStride,
    work.positions,
    ropeTable,
    ropeStyle,
    headCount,
    headLength,
    t0,
    t1,
  );
  kernels.rope(
    work.rotatedK,
    work.k,
    kStride,
    work.positions,
    ropeTable,
    ropeStyle,
    headCountKv,
    headLength,
    t0,
    t1,
  );
  for (const segment of batch.segments) {
    const { keys, values } = layerCache(model, segment.cache, index);
    const { format, capacity } = segment.cache;
    const [from, to] = overlap(segment, t0, t1);
    const k = work.rotatedK + 4 * segment.first * headCountKv * padded;
    const v = work.v + 4 * segment.first * kStride;
    const { position } = segment;
    kernels.storeKv(
      keys,
      format,
      k,
      headCountKv * padded,
      padded,
      headCountKv,
      headLength,
      capacity,
      position,
      from,
      to,
    );
    kernels.storeKv(
      values,
      format,
      v,
      kStride,
      headLength,
      headCountKv,
      headLength,
      capacity,
      position,
      from,
      to,
    );
  }
  member.barrier();

  for (const segment of batch.segments) {
    const { keys, values } = layerCache(model, segment.cache, index);
    const [i0, i1] = share(member, attentionItems(segment.count, headCount));
    // The projections q are used up once they are rotated; their rows take the result.
    const args = {
      out: work.q + 4 * segment.first * qStride,
      outStride: qStride,
      q: work.rotatedQ + 4 * segment.first * headCount * padded,
      keys,
      values,
      format: segment.cache.format,
      scratch: member.scratch,
      scale: 1 / Math.sqrt(headLength),
      heads: headCount,
      kvHeads: headCountKv,
      headLength,
      capacity: segment.cache.capacity,
      position: segment.position,
      tokens: segment.count,
    };
    kernels.attention(args, i0, i1);
  }
  member.barrier();

  const hasSubNorm = layer.attentionSubNorm !== 0;
  if (hasSubNorm) {
    kernels.rmsNorm(work.input, work.q, layer.attentionSubNorm, eps, headCount * headLength, t0, t1);
  }
  const input = hasSubNorm ? work.input : work.q;
  prepare(member, model, [layer.o], input, batch.tokens);
  project(member, model, layer.o, work.x, rowStride(embeddingLength), input, batch.tokens, true);
  member.barrier();
}

/** x += down(subNorm(activation(gate) * up)), with gate, up of norm(x). */
function feedForward(member: Member, model: ModelPlan, layer: LayerPlan, batch: Batch): void {
  const { kernels } = member;
  const { work, config } = model;
  const { embeddingLength, feedForwardLength, activation, layerNormRmsEpsilon: eps } = config;
  const stride = rowStride(feedForwardLength);
  const [t0, t1] = share(member, batch.tokens);

  kernels.rmsNorm(work.input, work.x, layer.feedForwardNorm, eps, embeddingLength, t0, t1);
  prepare(member, model, [layer.gate, layer.up], work.input, batch.tokens);
  project(member, model, layer.gate, work.gate, stride, work.input, batch.tokens, false);
  project(member, model, layer.up, work.up, stride, work.input, batch.tokens, false);
  // The columns of gate and up that this thread has just written, so no one need wait.
  const [c0, c1] = share(member, feedForwardLength, kernels.rowStep);
  kernels.gate(work.gate, work.gate, work.up, activation, stride, batch.tokens, c0, c1);
  member.barrier();

  const hasSubNorm = layer.feedForwardSubNorm !== 0;
  if (hasSubNorm) {
    kernels.rmsNorm(work.input, work.gate, layer.feedForwardSubNorm, eps, feedForwardLength, t0, t1);
  }
  const input = hasSubNorm ? work.input : work.gate;
  prepare(member, model, [layer.down], input, batch.tokens);
  project(member, model, layer.down, work.x, rowStride(embeddingLength), input, batch.tokens, true);
  member.barrier();
}

/** logits = head · norm(x) of the wanted tokens. */
function output(member: Member, model: ModelPlan, count: number): void {
  const { kernels } = member;
  const { work, config, head } = model;
  const { embeddingLength, vocabularySize, layerNormRmsEpsilon: eps } = config;
  const [r0, r1] = share(member, count);
  // Picking rows of the residual stream is a look-up in a dense f32 table.
  kernels.embed(work.hidden, work.outputRows, work.x, DenseFormat.F32, 1, embeddingLength, r0, r1);
  kernels.rmsNorm(work.hidden, work.hidden, model.outputNorm, eps, embeddingLength, r0, r1);
  prepare(member, model, [head], work.hidden, count);
  project(member, model, head, work.logits, rowStride(vocabularySize), work.hidden, count, false);
}

/** out f32 [t1 - t0][rowStride(embeddingLength)] = rows of the embedding. */
function lookUp(kernels: Kernels, table: Matrix, out: number, ids: number, t0: number, t1: number): void {
  if (table.kind === 'int8') {
    kernels.embedInt8(out, ids, table.address, table.scales, 1, table.columns, t0, t1);
  } else if (table.kind === 'dense') {
    kernels.embed(out, ids, table.address, table.format, 1, table.columns, t0, t1);
  } else throw new Error('internal error: a ternary embedding');
}

/**
 * Makes this thread's rows of `input` ready for the matrices that will read them: quantised once when any of them works
 * on integers. Then waits for the other threads' rows.
 */
function prepare(
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

/** out = matrix · input (or out += that) for this thread's rows of the matrix. */
function project(
  member: Member,
  { work }: ModelPlan,
  matrix: Matrix,
  out: number,
  outStride: number,
  input: number,
  tokens: number,
  accumulate: boolean,
): void {
  const { kernels } = member;
  const { address, columns: K } = matrix;
  const [r0, r1] = share(member, matrix.rows, kernels.rowStep);
  const add = accumulate ? 1 : 0;
  switch (matrix.kind) {
    case 'ternary':
      kernels.ternaryMatmul(out, outStride, work.quantized, address, matrix.scale, K, tokens, add, r0, r1);
      break;
    case 'dense':
      kernels.denseMatmul(out, outStride, input, address, matrix.format, K, tokens, add, r0, r1);
      break;
    case 'int8':
      kernels.int8Matmul(out, outStride, work.quantized, address, matrix.scales, K, tokens, r0, r1);
      break;
  }
}

/** Where a layer's keys and values lie in a cache. */
function layerCache(model: ModelPlan, cache: KvCachePlan, layer: number): { keys: number; values: number } {
  const bytes = kvLayerBytes(model.config, cache.capacity, cache.format);
  const keys = cache.address + 2 * layer * bytes;
  return { keys, values: keys + bytes };
}

/** The tokens of a segment, counted from its start, that lie in [t0, t1) of the batch. */
function overlap({ first, count }: Segment, t0: number, t1: number): [from: number, to: number] {
  return [Math.min(Math.max(t0 - first, 0), count), Math.min(Math.max(t1 - first, 0), count)];
}
