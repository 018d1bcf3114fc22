/**
 * Rotary positions and attention of the reference backend. Attention over a token's positions 0..p runs in blocks of 64
 * counted from position 0: each block has its own maximum, exponentials, their 16-lane sum and its mix of values (summed
 * in order of position); blocks are folded in order, at once or from partial results. Neither the chunk in which tokens
 * arrive nor the split over threads can change a sum (after arXiv:2205.14135).
 */
import {
  ATTENTION_BLOCK,
  ATTENTION_TOKENS,
  type AttentionArgs,
  attentionPartialStride,
  kvBlockCount,
  RopeStyle,
  rowStride,
} from '../kernels.ts';
import { dotLanes, expF32, foldLanes } from './arithmetic.ts';
import { kvHeadAddress, readKvRow } from './kv-block.ts';
import type { Views } from './views.ts';

const f = Math.fround;

/** See Kernels.rope. */
export function rope(
  { f32, f64, i32 }: Views,
  out: number,
  x: number,
  inStride: number,
  positions: number,
  table: number,
  style: RopeStyle,
  heads: number,
  headLength: number,
  t0: number,
  t1: number,
): void {
  const half = headLength / 2;
  const padded = rowStride(headLength);
  for (let t = t0; t < t1; t++) {
    const angles = table / 8 + i32[positions / 4 + t]! * headLength;
    for (let h = 0; h < heads; h++) {
      const from = x / 4 + t * inStride + h * headLength;
      const to = out / 4 + (t * heads + h) * padded;
      for (let i = 0; i < half; i++) {
        const first = style === RopeStyle.Half ? i : 2 * i;
        const second = style === RopeStyle.Half ? i + half : 2 * i + 1;
        const cos = f64[angles + i]!;
        const sin = f64[angles + half + i]!;
        const a = f32[from + first]!;
        const b = f32[from + second]!;
        f32[to + first] = a * cos - b * sin;
        f32[to + second] = a * sin + b * cos;
      }
    }
  }
}

/** See Kernels.attention. */
export function attention(views: Views, args: AttentionArgs, i0: number, i1: number): void {
  const group = args.heads / args.kvHeads;
  const tokenBlocks = Math.ceil(args.tokens / ATTENTION_TOKENS);
  for (let item = i0; item < i1; item++) {
    const head = Math.floor(item / (tokenBlocks * group)) * group + (item % group);
    const first = (Math.floor(item / group) % tokenBlocks) * ATTENTION_TOKENS;
    for (let t = first; t < Math.min(first + ATTENTION_TOKENS, args.tokens); t++)
      attend(views, args, t, head);
  }
}

/** One query: out = Σ softmax(q·k · scale) v over positions 0 … position + t. */
function attend(views: Views, args: AttentionArgs, t: number, head: number): void {
  const running = newSoftmax(args.headLength);
  const block = newSoftmax(args.headLength);
  for (let start = 0; start <= args.position + t; start += ATTENTION_BLOCK) {
    attendBlock(views, args, t, head, start, block);
    fold(running, block, start === 0);
  }
  store(views, args, t, head, running);
}

/** See Kernels.attentionBlocks. */
export function attentionBlocks(
  views: Views,
  partials: number,
  args: AttentionArgs,
  i0: number,
  i1: number,
): void {
  const group = args.heads / args.kvHeads;
  const result = newSoftmax(args.headLength);
  for (let item = i0; item < i1; item++) {
    const block = Math.floor(item / args.kvHeads);
    const firstHead = (item % args.kvHeads) * group;
    const start = block * ATTENTION_BLOCK;
    for (let t = Math.max(0, start - args.position); t < args.tokens; t++) {
      for (let head = firstHead; head < firstHead + group; head++) {
        attendBlock(views, args, t, head, start, result);
        const at = partialIndex(partials, args, t, head, block);
        views.f32[at] = result.maximum;
        views.f32[at + 1] = result.weight;
        views.f32.set(result.mix, at + 16);
      }
    }
  }
}

/** See Kernels.attentionFold. */
export function attentionFold(
  views: Views,
  partials: number,
  args: AttentionArgs,
  i0: number,
  i1: number,
): void {
  const { f32 } = views;
  const running = newSoftmax(args.headLength);
  for (let item = i0; item < i1; item++) {
    const t = Math.floor(item / args.heads);
    const head = item % args.heads;
    for (let block = 0; block * ATTENTION_BLOCK <= args.position + t; block++) {
      const at = partialIndex(partials, args, t, head, block);
      const mix = f32.subarray(at + 16, at + 16 + running.mix.length);
      fold(running, { maximum: f32[at]!, weight: f32[at + 1]!, mix }, block === 0);
    }
    store(views, args, t, head, running);
  }
}

/** The index of f32 at which a partial result begins. */
function partialIndex(partials: number, args: AttentionArgs, t: number, head: number, block: number): number {
  const entry = (t * args.heads + head) * kvBlockCount(args.position, args.tokens) + block;
  return partials / 4 + entry * attentionPartialStride(args.headLength);
}

/** A softmax over some positions: the largest score, the sum of the weights, and the values mixed by them. */
interface Softmax {
  maximum: number;
  weight: number;
  /** f32 [rowStride(D)] */
  readonly mix: Float32Array;
}

function newSoftmax(headLength: number): Softmax {
  return { maximum: 0, weight: 0, mix: new Float32Array(rowStride(headLength)) };
}

/** The softmax of one query over the positions from `start` on that it sees, at most a block. */
function attendBlock(
  views: Views,
  args: AttentionArgs,
  t: number,
  head: number,
  start: number,
  into: Softmax,
): void {
  const { blocks, format, headLength } = args;
  const padded = rowStride(headLength);
  const kvHead = Math.floor(head / (args.heads / args.kvHeads));
  const keys = kvHeadAddress(views, blocks, args.keys, format, headLength, start, kvHead);
  const values = kvHeadAddress(views, blocks, args.values, format, headLength, start, kvHead);
  const q = args.q / 4 + (t * args.heads + head) * padded;
  const n = Math.min(ATTENTION_BLOCK, args.position + t + 1 - start);
  const row = new Float32Array(padded);
  const scores = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    readKvRow(views, keys, format, headLength, i, row);
    scores[i] = dotLanes(views.f32, q, row, 0, padded) * f(args.scale);
  }
  into.maximum = Math.max(...scores);
  const lanes = new Float32Array(16);
  into.mix.fill(0);
  for (let i = 0; i < n; i++) {
    const weight = expF32(f(scores[i]! - into.maximum));
    lanes[i & 15] = lanes[i & 15]! + weight;
    readKvRow(views, values, format, headLength, i, row);
    for (let d = 0; d < headLength; d++) into.mix[d] = into.mix[d]! + f(weight * row[d]!);
  }
  into.weight = foldLanes(lanes);
}

/** running = running with the next block; the block itself when it is the first. */
function fold(running: Softmax, block: Readonly<Softmax>, isFirst: boolean): void {
  if (isFirst) {
    running.maximum = block.maximum;
    running.weight = block.weight;
    running.mix.set(block.mix);
    return;
  }
  const maximum = Math.max(running.maximum, block.maximum);
  const keep = expF32(f(running.maximum - maximum));
  const take = expF32(f(block.maximum - maximum));
  running.maximum = maximum;
  running.weight = f(f(running.weight * keep) + f(block.weight * take));
  for (let d = 0; d < running.mix.length; d++)
    running.mix[d] = f(running.mix[d]! * keep) + f(block.mix[d]! * take);
}

/** out of a token and query head = its mix, divided by the sum of its weights. */
function store({ f32 }: Views, args: AttentionArgs, t: number, head: number, { weight, mix }: Softmax): void {
  const { headLength } = args;
  const to = args.out / 4 + t * args.outStride + head * headLength;
  const inverse = f(1 / weight);
  for (let d = 0; d < headLength; d++) f32[to + d] = mix[d]! * inverse;
}
