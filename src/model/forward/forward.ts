/**
 * The forward pass of every architecture, top to bottom as in the paper (arXiv:2504.12285, section 2). Each thread of a
 * team runs it on the same heap: it takes its share of every operation and meets the others at a barrier wherever the
 * next operation reads what others wrote. With the reference kernels this file is the specification; operations.ts and
 * attend.ts have the steps in terms of kernels.
 */
import type { Member } from '../../kernels/team/member.ts';
import type { Batch, LayerPlan, ModelPlan } from '../plan.ts';
import { attend, storeKv } from './attend.ts';
import { addToStream, lookUp, norm, prepare, project, projectGated, rotate } from './operations.ts';
import { outputHead } from './output-head.ts';

/** Fills the segments' caches and answers the wanted outputs, see outputHead. */
export function forward(member: Member, model: ModelPlan, batch: Batch): void {
  const { screened, full, states } = batch.outputs;
  const hasOutputs = screened.length + full + states > 0;
  lookUp(member, model, batch.tokens);
  for (const [index, layer] of model.layers.entries()) {
    // Where no outputs are wanted, what the last layer adds to the stream is not either.
    const isEnd = !hasOutputs && index === model.layers.length - 1;
    projectHeads(member, model, layer, index, batch, !isEnd);
    if (isEnd) return;
    attention(member, model, layer, index, batch);
    feedForward(member, model, layer, batch.tokens);
  }
  outputHead(member, model, batch);
}

/** Rotated queries (where they are wanted) of norm(x), and rotated keys and values in the cache. */
function projectHeads(
  member: Member,
  model: ModelPlan,
  layer: LayerPlan,
  index: number,
  batch: Batch,
  hasQueries: boolean,
): void {
  const { work } = model;
  const { embeddingLength, headCount, headCountKv, headLength } = model.config;
  const { tokens } = batch;

  norm(member, model, work.input, work.x, layer.attentionNorm, embeddingLength, tokens);
  prepare(member, model, [layer.q, layer.k, layer.v], work.input, tokens);
  if (hasQueries) project(member, model, layer.q, work.q, work.input, tokens, layer.qBias);
  project(member, model, layer.k, work.k, work.input, tokens, layer.kBias);
  project(member, model, layer.v, work.v, work.input, tokens, layer.vBias);
  member.barrier();

  if (hasQueries) {
    norm(member, model, work.q, work.q, layer.qNorm, headLength, tokens, headCount);
    rotate(member, model, work.rotatedQ, work.q, headCount, tokens);
  }
  norm(member, model, work.k, work.k, layer.kNorm, headLength, tokens, headCountKv);
  rotate(member, model, work.rotatedK, work.k, headCountKv, tokens);
  storeKv(member, model, index, batch);
  member.barrier();
}

/** x += postNorm(o(subNorm(softmax(q·k / sqrt(D)) v))); norms where the family has them. */
function attention(member: Member, model: ModelPlan, layer: LayerPlan, index: number, batch: Batch): void {
  const { work } = model;
  const { headCount, headLength } = model.config;
  const { tokens } = batch;

  // The projections q are used up once they are rotated; their rows take the result.
  attend(member, model, work.q, index, batch);
  member.barrier();

  const isNormed = norm(
    member,
    model,
    work.input,
    work.q,
    layer.attentionSubNorm,
    headCount * headLength,
    tokens,
  );
  const input = isNormed ? work.input : work.q;
  prepare(member, model, [layer.o], input, tokens);
  addToStream(member, model, layer.o, input, layer.attentionPostNorm, tokens);
}

/** x += postNorm(down(subNorm(activation(gate) * up))), with gate, up of norm(x); norms where the family has them. */
function feedForward(member: Member, model: ModelPlan, layer: LayerPlan, tokens: number): void {
  const { work } = model;
  const { embeddingLength, feedForwardLength } = model.config;

  norm(member, model, work.input, work.x, layer.feedForwardNorm, embeddingLength, tokens);
  prepare(member, model, [layer.gate, layer.up], work.input, tokens);
  projectGated(member, model, layer, tokens);
  member.barrier();

  const isNormed = norm(
    member,
    model,
    work.input,
    work.gate,
    layer.feedForwardSubNorm,
    feedForwardLength,
    tokens,
  );
  const input = isNormed ? work.input : work.gate;
  prepare(member, model, [layer.down], input, tokens);
  addToStream(member, model, layer.down, input, layer.feedForwardPostNorm, tokens);
}
