/**
 * Rotary positions, the KV cache and attention of the reference backend. Attention over a token's positions 0..p runs
 * in blocks of 64 counted from position 0: each block has its own maximum, exponentials, their 16-lane sum and its
 * mix of values (summed in order of position); blocks are folded in order. Neither the chunk in which tokens arrive
 * nor the split over threads can change a sum (after arXiv:2205.14135).
 */
import { floatToHalf, halfToFloat } from '../../tensor/half.ts';
import {
  ATTENTION_BLOCK,
  ATTENTION_TOKENS,
  type AttentionArgs,
  KvFormat,
  RopeStyle,
  rowStride,
} from '../kernels.ts';
import { dotLanes, expF32, foldLanes } from './arithmetic.ts';
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

/** See Kernels.storeKv. */
export function storeKv(
  { f32, u16 }: Views,
  cache: number,
  format: KvFormat,
  x: number,
  tokenStride: number,
  headStride: number,
  kvHeads: number,
  headLength: number,
  capacity: number,
  position: number,
  t0: number,
  t1: number,
): void {
  const padded = rowStride(headLength);
  for (let t = t0; t < t1; t++) {
    for (let h = 0; h < kvHeads; h++) {
      const row = (h * capacity + position + t) * padded;
      for (let i = 0; i < headLength; i++) {
        const value = f32[x / 4 + t * tokenStride + h * headStride + i]!;
        if (format === KvFormat.F16) u16[cache / 2 + row + i] = floatToHalf(value);
        else f32[cache / 4 + row + i] = value;
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
function attend({ f32, u16 }: Views, args: AttentionArgs, t: number, head: number): void {
  const D = args.headLength;
  const padded = rowStride(D);
  const kvHead = Math.floor(head / (args.heads / args.kvHeads));
  const readRow = (cache: number, position: number, row: Float32Array) => {
    const start = (kvHead * args.capacity + position) * padded;
    for (let i = 0; i < D; i++) {
      row[i] =
        args.format === KvFormat.F16 ? halfToFloat(u16[cache / 2 + start + i]!) : f32[cache / 4 + start + i]!;
    }
  };
  const from = args.q / 4 + (t * args.heads + head) * padded;
  const q = f32.slice(from, from + padded);
  const positions = args.position + t + 1;
  const row = new Float32Array(padded);
  const scores = new Float32Array(ATTENTION_BLOCK);
  const lanes = new Float32Array(16);
  const mixed = new Float32Array(D);
  const total = new Float32Array(D);
  let totalMaximum = 0;
  let totalWeight = 0;
  for (let start = 0; start < positions; start += ATTENTION_BLOCK) {
    const n = Math.min(ATTENTION_BLOCK, positions - start);
    let maximum = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < n; i++) {
      readRow(args.keys, start + i, row);
      scores[i] = dotLanes(q, 0, row, 0, padded) * f(args.scale);
      maximum = Math.max(maximum, scores[i]!);
    }
    lanes.fill(0);
    mixed.fill(0);
    for (let i = 0; i < n; i++) {
      const weight = expF32(f(scores[i]! - maximum));
      lanes[i & 15] = lanes[i & 15]! + weight;
      readRow(args.values, start + i, row);
      for (let d = 0; d < D; d++) mixed[d] = mixed[d]! + f(weight * row[d]!);
    }
    const blockWeight = foldLanes(lanes);
    if (start === 0) {
      totalMaximum = maximum;
      totalWeight = blockWeight;
      total.set(mixed);
      continue;
    }
    const newMaximum = Math.max(totalMaximum, maximum);
    const keep = expF32(f(totalMaximum - newMaximum));
    const take = expF32(f(maximum - newMaximum));
    totalWeight = f(f(totalWeight * keep) + f(blockWeight * take));
    for (let d = 0; d < D; d++) total[d] = f(total[d]! * keep) + f(mixed[d]! * take);
    totalMaximum = newMaximum;
  }
  const inverse = f(1 / totalWeight);
  for (let d = 0; d < D; d++) f32[args.out / 4 + t * args.outStride + head * D + d] = total[d]! * inverse;
}
