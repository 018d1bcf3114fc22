// Causal attention over the KV cache in blocks of 64 positions (see src/kernels/reference/attention.ts for the order of
// every sum). Up to 8 tokens and the query heads of one kv head are worked on together: a block of keys, then of values,
// is expanded to f32 once and used for all of them.
//
// Scratch: f32 block [64][P], scores [R][64], running {maximum, weight} [R][2], out [R][P], partial sums [16], with
// P = rowStride(D) and R = 8 tokens * query heads per kv head.
import { BLOCK, blockAddress, expandRows, kvHeadBytes } from './kv';
import { exp1, exp4, fold16, fold4, fold4x4, rowStride } from '../lanes';

/** Bytes of a partial result before its mix of values: the largest score and the sum of the weights, f32 each. */
const PARTIAL_HEAD: usize = 64;
const TOKENS: i32 = 8;

export function attentionScratchBytes(heads: i32, kvHeads: i32, headLength: i32): usize {
  const rows = TOKENS * (heads / kvHeads);
  const padded = rowStride(headLength);
  return <usize>(BLOCK * padded + rows * (BLOCK + 2 + padded) + 16) << 2;
}

export function attention(
  out: usize, outStride: i32, q: usize, blocks: usize, keys: usize, values: usize, format: i32, scratch: usize, scale: f32,
  heads: i32, kvHeads: i32, headLength: i32, position: i32, tokens: i32, i0: i32, i1: i32,
): void {
  const group = heads / kvHeads;
  const tokenBlocks = (tokens + TOKENS - 1) / TOKENS;
  const headBytes = kvHeadBytes(format, headLength);
  while (i0 < i1) {
    // The heads of this item's group and token block that lie in the range.
    const first = i0 % group;
    const count = min<i32>(group - first, i1 - i0);
    const kvHead = i0 / (tokenBlocks * group);
    const t0 = (i0 / group) % tokenBlocks * TOKENS;
    const t1 = min<i32>(t0 + TOKENS, tokens);
    const offset = <usize>kvHead * headBytes;
    attendTokens(
      out, outStride, q, blocks, keys + offset, values + offset, format, scratch, scale,
      heads, kvHead * group + first, count, headLength, position, t0, t1,
    );
    i0 += count;
  }
}

/** Tokens [t0, t1), at most 8, for `headCount` query heads of one kv head; `keys` and `values` are that head's offsets. */
function attendTokens(
  out: usize, outStride: i32, q: usize, blocks: usize, keys: usize, values: usize, format: i32, scratch: usize, scale: f32,
  heads: i32, head: i32, headCount: i32, headLength: i32, position: i32, t0: i32, t1: i32,
): void {
  const padded = <usize>rowStride(headLength);
  const rows = <usize>((t1 - t0) * headCount);
  const scores = scratch + (<usize>BLOCK * padded << 2);
  const running = scores + (rows * <usize>BLOCK << 2);
  const sums = running + (rows << 3);
  const last = position + t1; // positions that the last token sees
  for (let start: i32 = 0; start < last; start += BLOCK) {
    const block = blockAddress(blocks, start / BLOCK);
    const n = min<i32>(BLOCK, last - start);
    expandRows(scratch, block + keys, format, <usize>n, padded);
    scoreRows(scores, q, scratch, padded, scale, heads, head, headCount, position - start, t0, t1, sums + (rows * padded << 2));
    expandRows(scratch, block + values, format, <usize>n, padded);
    for (let row: usize = 0; row < rows; row++) {
      const seen = min<i32>(BLOCK, position + t0 + <i32>row / headCount + 1 - start);
      if (seen > 0) {
        mixRow(sums + (row * padded << 2), running + (row << 3), scores + (row * <usize>BLOCK << 2), scratch, padded, seen, start);
      }
    }
  }
  for (let row: usize = 0; row < rows; row++) {
    const t = t0 + <i32>row / headCount, h = head + <i32>row % headCount;
    const to = out + (<usize>t * <usize>outStride + <usize>h * <usize>headLength << 2);
    storeRow(to, sums + (row * padded << 2), load<f32>(running + (row << 3), 4), <usize>headLength);
  }
}

export function attentionBlocks(
  partials: usize,
  out: usize, outStride: i32, q: usize, blocks: usize, keys: usize, values: usize, format: i32, scratch: usize, scale: f32,
  heads: i32, kvHeads: i32, headLength: i32, position: i32, tokens: i32, i0: i32, i1: i32,
): void {
  const group = heads / kvHeads;
  const padded = <usize>rowStride(headLength);
  const headBytes = kvHeadBytes(format, headLength);
  const blockCount = <usize>((position + tokens + BLOCK - 1) / BLOCK);
  const scores = scratch + (<usize>BLOCK * padded << 2);
  const partial = scores + (<usize>(TOKENS * group * BLOCK) << 2);
  for (; i0 < i1; i0++) {
    const block = i0 / kvHeads, kvHead = i0 % kvHeads;
    const start = block * BLOCK;
    const address = blockAddress(blocks, block) + <usize>kvHead * headBytes;
    for (let t0 = max<i32>(0, start - position); t0 < tokens; t0 += TOKENS) {
      const t1 = min<i32>(t0 + TOKENS, tokens);
      const n = <usize>min<i32>(BLOCK, position + t1 - start);
      expandRows(scratch, address + keys, format, n, padded);
      scoreRows(scores, q, scratch, padded, scale, heads, kvHead * group, group, position - start, t0, t1, partial);
      expandRows(scratch, address + values, format, n, padded);
      for (let t = t0; t < t1; t++) {
        const seen = min<i32>(BLOCK, position + t + 1 - start);
        for (let h: i32 = 0; h < group; h++) {
          const row = <usize>((t - t0) * group + h);
          const entry = <usize>(t * heads + kvHead * group + h) * blockCount + <usize>block;
          const to = partials + entry * (PARTIAL_HEAD + (padded << 2));
          mixRow(to + PARTIAL_HEAD, to, scores + (row * <usize>BLOCK << 2), scratch, padded, seen, 0);
        }
      }
    }
  }
}

export function attentionFold(
  partials: usize,
  out: usize, outStride: i32, q: usize, blocks: usize, keys: usize, values: usize, format: i32, scratch: usize, scale: f32,
  heads: i32, kvHeads: i32, headLength: i32, position: i32, tokens: i32, i0: i32, i1: i32,
): void {
  const bytes = <usize>rowStride(headLength) << 2;
  const stride = PARTIAL_HEAD + bytes;
  const blockCount = <usize>((position + tokens + BLOCK - 1) / BLOCK);
  for (; i0 < i1; i0++) {
    const t = i0 / heads, h = i0 % heads;
    let from = partials + <usize>i0 * blockCount * stride;
    let most = load<f32>(from), weight = load<f32>(from, 4);
    memory.copy(scratch, from + PARTIAL_HEAD, bytes);
    for (let start = BLOCK; start <= position + t; start += BLOCK) {
      from += stride;
      const maximum = load<f32>(from), now = max<f32>(most, maximum);
      const keep = exp1(most - now), take = exp1(maximum - now);
      most = now;
      weight = weight * keep + load<f32>(from, 4) * take;
      const k = f32x4.splat(keep), s = f32x4.splat(take);
      for (let j: usize = 0; j < bytes; j += 16) {
        const a = f32x4.mul(v128.load(scratch + j), k), b = f32x4.mul(v128.load(from + PARTIAL_HEAD + j), s);
        v128.store(scratch + j, f32x4.add(a, b));
      }
    }
    const to = out + (<usize>t * <usize>outStride + <usize>h * <usize>headLength << 2);
    storeRow(to, scratch, weight, <usize>headLength);
  }
}

/** A head's result: its mix of values, divided by the sum of their weights. */
function storeRow(to: usize, from: usize, weight: f32, headLength: usize): void {
  const inverse: f32 = <f32>1 / weight;
  const bytes = headLength << 2;
  let i: usize = 0;
  for (; i + 16 <= bytes; i += 16) v128.store(to + i, f32x4.mul(v128.load(from + i), f32x4.splat(inverse)));
  for (; i < bytes; i += 4) store<f32>(to + i, load<f32>(from + i) * inverse);
}

/**
 * Scores [t1 - t0][headCount][64] of a block's keys, f32 at `keys`, for the tokens and heads that see any of them; token
 * t sees `before` + t + 1 and at most all. `partial` is room for 16 f32.
 */
// @ts-ignore: decorator
@inline function scoreRows(
  scores: usize, q: usize, keys: usize, padded: usize, scale: f32,
  heads: i32, head: i32, headCount: i32, before: i32, t0: i32, t1: i32, partial: usize,
): void {
  for (let t = t0; t < t1; t++) {
    const seen = min<i32>(BLOCK, before + t + 1);
    for (let h: i32 = 0; h < headCount; h++, scores += <usize>BLOCK << 2) {
      if (seen > 0) scoreRow(scores, q + (<usize>(t * heads + head + h) * padded << 2), keys, padded, seen, scale, partial);
    }
  }
}

/** q·k of two positions, lanes folded to four each, at `partial` [2]. */
// @ts-ignore: decorator
@inline function dotTwo(partial: usize, q: usize, k0: usize, bytes: usize): void {
  let a = f32x4.splat(0), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  const k1 = k0 + bytes;
  for (let j: usize = 0; j < bytes; j += 64) {
    let x = v128.load(q + j);
    a = f32x4.add(a, f32x4.mul(x, v128.load(k0 + j))); e = f32x4.add(e, f32x4.mul(x, v128.load(k1 + j)));
    x = v128.load(q + j, 16);
    b = f32x4.add(b, f32x4.mul(x, v128.load(k0 + j, 16))); f = f32x4.add(f, f32x4.mul(x, v128.load(k1 + j, 16)));
    x = v128.load(q + j, 32);
    c = f32x4.add(c, f32x4.mul(x, v128.load(k0 + j, 32))); g = f32x4.add(g, f32x4.mul(x, v128.load(k1 + j, 32)));
    x = v128.load(q + j, 48);
    d = f32x4.add(d, f32x4.mul(x, v128.load(k0 + j, 48))); h = f32x4.add(h, f32x4.mul(x, v128.load(k1 + j, 48)));
  }
  v128.store(partial, fold4(a, b, c, d));
  v128.store(partial, fold4(e, f, g, h), 16);
}

/**
 * scores [seen] = q·k * scale. Works in fours: the block of keys and the row of scores have room for 64, and what is
 * written behind `seen` is never read.
 */
function scoreRow(scores: usize, q: usize, keys: usize, padded: usize, seen: i32, scale: f32, partial: usize): void {
  const bytes = padded << 2;
  const factor = f32x4.splat(scale);
  for (let i: usize = 0; i < <usize>seen; i += 4) {
    const k = keys + i * bytes;
    dotTwo(partial, q, k, bytes);
    dotTwo(partial + 32, q, k + 2 * bytes, bytes);
    const sums = fold4x4(
      v128.load(partial), v128.load(partial, 16), v128.load(partial, 32), v128.load(partial, 48),
    );
    v128.store(scores + (i << 2), f32x4.mul(sums, factor));
  }
}

/** Softmax of one block's scores, its mix of values, and the fold into the running result. */
function mixRow(sums: usize, running: usize, scores: usize, values: usize, padded: usize, seen: i32, start: i32): void {
  let maximum = load<f32>(scores);
  for (let i: i32 = 1; i < seen; i++) maximum = max<f32>(maximum, load<f32>(scores + (<usize>i << 2)));
  const weight = exponentials(scores, maximum, seen);
  let keep: f32 = 0, take: f32 = 1;
  if (start == 0) {
    store<f32>(running, maximum);
    store<f32>(running, weight, 4);
  } else {
    const before = load<f32>(running), now = max<f32>(before, maximum);
    keep = exp1(before - now);
    take = exp1(maximum - now);
    store<f32>(running, now);
    store<f32>(running, load<f32>(running, 4) * keep + weight * take, 4);
  }
  const bytes = padded << 2;
  for (let j: usize = 0; j < bytes; j += 64) {
    let a = f32x4.splat(0), b = a, c = a, d = a;
    let v = values + j;
    for (let e = scores, end = scores + (<usize>seen << 2); e < end; e += 4, v += bytes) {
      const x = v128.load32_splat(e);
      a = f32x4.add(a, f32x4.mul(x, v128.load(v)));
      b = f32x4.add(b, f32x4.mul(x, v128.load(v, 16)));
      c = f32x4.add(c, f32x4.mul(x, v128.load(v, 32)));
      d = f32x4.add(d, f32x4.mul(x, v128.load(v, 48)));
    }
    const to = sums + j;
    if (start != 0) {
      const k = f32x4.splat(keep), s = f32x4.splat(take);
      a = f32x4.add(f32x4.mul(v128.load(to), k), f32x4.mul(a, s));
      b = f32x4.add(f32x4.mul(v128.load(to, 16), k), f32x4.mul(b, s));
      c = f32x4.add(f32x4.mul(v128.load(to, 32), k), f32x4.mul(c, s));
      d = f32x4.add(f32x4.mul(v128.load(to, 48), k), f32x4.mul(d, s));
    }
    v128.store(to, a); v128.store(to, b, 16); v128.store(to, c, 32); v128.store(to, d, 48);
  }
}

/** scores := e^(scores - maximum), zero behind `seen`; answers their 16-lane sum. */
function exponentials(scores: usize, maximum: f32, seen: i32): f32 {
  const m = f32x4.splat(maximum);
  for (let i: usize = <usize>seen; i < 64; i++) store<f32>(scores + (i << 2), 0);
  let a = f32x4.splat(0), b = a, c = a, d = a;
  const end = scores + (<usize>seen << 2);
  for (let p = scores; p < end; p += 64) {
    a = f32x4.add(a, weights4(p, m, end));
    b = f32x4.add(b, weights4(p + 16, m, end));
    c = f32x4.add(c, weights4(p + 32, m, end));
    d = f32x4.add(d, weights4(p + 48, m, end));
  }
  return fold16(a, b, c, d);
}

/** Four exponentials, stored; those at or behind `end` are zero. */
// @ts-ignore: decorator
@inline function weights4(p: usize, m: v128, end: usize): v128 {
  if (p >= end) return f32x4.splat(0);
  let e = exp4(f32x4.sub(v128.load(p), m));
  if (p + 16 > end) {
    const valid = i32x4.lt_s(i32x4(0, 4, 8, 12), i32x4.splat(<i32>(end - p)));
    e = v128.and(e, valid);
  }
  v128.store(p, e);
  return e;
}
