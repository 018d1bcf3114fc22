/**
 * Attention of a batch over its sequences' KV caches: keys and values go into the blocks, queries look at them. A few
 * tokens over a long cache are worked on by blocks of the cache, whose partial results are folded after a barrier; that
 * keeps all threads busy for a single token. The choice is made once for all threads, and no bit depends on it.
 */
import {
  type AttentionArgs,
  attentionItems,
  attentionPartialStride,
  kvBlockCount,
  rowStride,
} from '../../kernels/kernels.ts';
import { type Member, share, takeShares } from '../../kernels/team/member.ts';
import type { ModelConfig } from '../config.ts';
import { kvLayerBytes } from '../kv-cache.ts';
import type { Batch, ModelPlan, Segment, WorkSpace } from '../plan.ts';

/** Segments of more tokens have work for all threads as they are. */
const MOST_SPLIT_TOKENS = 16;
/** Tokens at the end of the context that partial results have room for, as far as they take no more than… */
const PARTIAL_TOKENS = 8;
const PARTIAL_BYTES = 16 * 2 ** 20;

/** Items of `attention` that one thread takes at least: so many use what the kernels expand of a block. */
const SHARED_ITEMS = 8;

/** How many partial results the work space has room for: one token's at the least. */
export function partialEntries({ headCount, headLength }: ModelConfig, contextLength: number): number {
  const oneToken = headCount * kvBlockCount(0, contextLength);
  const most = Math.floor(PARTIAL_BYTES / (4 * attentionPartialStride(headLength)));
  return Math.max(oneToken, Math.min(PARTIAL_TOKENS * oneToken, most));
}

/**
 * The segments with the places of their partial results. One has none when it is long, when its cache is one block, of
 * which there is nothing to fold, or when there is no room left.
 */
export function placePartials(
  { headCount, headLength }: ModelConfig,
  work: Pick<WorkSpace, 'partials' | 'partialEntries'>,
  segments: readonly Omit<Segment, 'partials'>[],
): Segment[] {
  let used = 0;
  return segments.map((segment) => {
    const blocks = kvBlockCount(segment.position, segment.count);
    const entries = segment.count * headCount * blocks;
    if (segment.count > MOST_SPLIT_TOKENS || blocks < 2 || used + entries > work.partialEntries) {
      return { ...segment, partials: 0 };
    }
    const partials = work.partials + 4 * used * attentionPartialStride(headLength);
    used += entries;
    return { ...segment, partials };
  });
}

/** Puts this thread's tokens' rotated keys and their values into the caches. */
export function storeKv(member: Member, model: ModelPlan, layer: number, batch: Batch): void {
  const { work, config } = model;
  const { headCountKv: heads, headLength: D } = config;
  const padded = rowStride(D);
  const stride = rowStride(heads * D);
  const [t0, t1] = share(member, batch.tokens);
  for (const segment of batch.segments) {
    const { first, position, count } = segment;
    const { blocks, format } = segment.cache;
    const { keys, values } = layerOffsets(model, segment, layer);
    const [from, to] = overlap(first, count, t0, t1);
    const k = work.rotatedK + 4 * first * heads * padded;
    const v = work.v + 4 * first * stride;
    member.kernels.storeKv(blocks, keys, format, k, heads * padded, padded, heads, D, position, from, to);
    member.kernels.storeKv(blocks, values, format, v, stride, D, heads, D, position, from, to);
  }
}

/**
 * out [tokens][heads * headLength] = attention of every segment over its own cache. Waits for the others once when
 * there are partial results, and not at the end.
 */
export function attend(member: Member, model: ModelPlan, out: number, layer: number, batch: Batch): void {
  const { headCount, headCountKv } = model.config;
  const argsOf = (segment: Segment) => attentionArgs(member, model, out, layer, segment);
  const split = batch.segments.filter(({ partials }) => partials !== 0);

  // Every block takes about the same time, whichever segment it is of, so they are shared out as one list.
  const itemsOf = ({ position, count }: Segment) => kvBlockCount(position, count) * headCountKv;
  const [s0, s1] = share(
    member,
    split.reduce((sum, segment) => sum + itemsOf(segment), 0),
  );
  let before = 0;
  for (const segment of split) {
    const items = itemsOf(segment);
    const [i0, i1] = overlap(before, items, s0, s1);
    if (i0 < i1) member.kernels.attentionBlocks(segment.partials, argsOf(segment), i0, i1);
    before += items;
  }
  for (const segment of batch.segments) {
    if (segment.partials !== 0) continue;
    const args = argsOf(segment);
    // Query heads of a group, and neighbouring tokens, read the same keys and values, which stay expanded between them.
    const group = headCount / headCountKv;
    const step = group * Math.max(1, Math.floor(SHARED_ITEMS / group));
    takeShares(member, attentionItems(segment.count, headCount), step, (i0, i1) => {
      member.kernels.attention(args, i0, i1);
    });
  }
  if (split.length === 0) return;
  member.barrier();
  for (const segment of split) {
    const [i0, i1] = share(member, segment.count * headCount);
    member.kernels.attentionFold(segment.partials, argsOf(segment), i0, i1);
  }
}

function attentionArgs(
  member: Member,
  model: ModelPlan,
  out: number,
  layer: number,
  segment: Segment,
): AttentionArgs {
  const { headCount, headCountKv, headLength } = model.config;
  const outStride = rowStride(headCount * headLength);
  return {
    out: out + 4 * segment.first * outStride,
    outStride,
    q: model.work.rotatedQ + 4 * segment.first * headCount * rowStride(headLength),
    blocks: segment.cache.blocks,
    ...layerOffsets(model, segment, layer),
    format: segment.cache.format,
    scratch: member.scratch,
    scale: 1 / Math.sqrt(headLength),
    heads: headCount,
    kvHeads: headCountKv,
    headLength,
    position: segment.position,
    tokens: segment.count,
  };
}

/** Where a layer's keys and values lie in a block. */
function layerOffsets(
  { config }: ModelPlan,
  { cache }: Segment,
  layer: number,
): { keys: number; values: number } {
  const bytes = kvLayerBytes(config, cache.format);
  return { keys: 2 * layer * bytes, values: (2 * layer + 1) * bytes };
}

/** The part of `count` things from `first` on that lies in [start, end), counted from `first`. */
function overlap(first: number, count: number, start: number, end: number): [from: number, to: number] {
  return [Math.min(Math.max(start - first, 0), count), Math.min(Math.max(end - first, 0), count)];
}
