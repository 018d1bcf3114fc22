/**
 * Causal attention with grouped queries over whole sequences, forward and backward. Forward is inference's own operation
 * over a KV cache of f32. Backward computes the probabilities again, by blocks of query rows, and skips the keys that
 * none of a block's rows sees.
 *
 * With S = scale * Q·Kᵀ, P = softmax(S), O = P·V:  dV = Pᵀ·dO,  dP = dO·Vᵀ,  dS = P * (dP - Σ P * dP),
 * dQ = scale * dS·K,  dK = scale * dSᵀ·Q; keys and values get the sum over the query heads of their group.
 */
import { roundUp } from '../../base/assert.ts';
import {
  type AttentionArgs,
  attentionItems,
  KvFormat,
  kvBlockCount,
  kvHeadBytes,
  rowStride,
} from '../../kernels/kernels.ts';
import { type Member, takeShares } from '../../kernels/team/member.ts';
import { GemmForm } from '../../kernels/training-kernels.ts';

/** Query rows whose probabilities are held at once. */
const QUERY_ROWS = 128;
/** Items of Kernels.attention that one thread takes at least. */
const SHARED_ITEMS = 32;

/** Dims, and a KV cache that has room for the sequences of a pass in one layer. */
export interface AttentionPlan {
  readonly headCount: number;
  readonly headCountKv: number;
  readonly headLength: number;
  /** f64 [sequences][kvBlockCount(0, positions)]: addresses of KV blocks, each keys, then values of all kv heads */
  readonly blocks: number;
  /** that a sequence can have */
  readonly positions: number;
}

/** Sequences of equal length, one after the other. */
export interface Sequences {
  readonly count: number;
  readonly length: number;
}

/** Rotated queries and keys, and values, f32 [tokens][heads * headLength]; or their gradients. */
export interface Heads {
  readonly q: number;
  readonly k: number;
  readonly v: number;
}

/** Bytes of one KV block. */
export function trainingBlockBytes(headCountKv: number, headLength: number): number {
  return 2 * headCountKv * kvHeadBytes(KvFormat.F32, headLength);
}

/** Bytes of scratch that {@link attentionBackward} needs behind that of gemm. */
export function attentionBackwardBytes(length: number): number {
  return 2 * 4 * Math.min(QUERY_ROWS, rowStride(length)) * rowStride(length);
}

/** Puts keys and values of tokens first … first + n - 1 into the cache. */
export function storeHeads(
  { kernels }: Member,
  plan: AttentionPlan,
  { length }: Sequences,
  { k, v }: Heads,
  first: number,
  n: number,
): void {
  const { headCountKv, headLength: D } = plan;
  const stride = rowStride(headCountKv * D);
  const values = headCountKv * kvHeadBytes(KvFormat.F32, D);
  for (let s = Math.floor(first / length); s * length < first + n; s++) {
    const start = s * length;
    const t0 = Math.max(first - start, 0);
    const t1 = Math.min(first + n - start, length);
    const blocks = tableOf(plan, s);
    const skip = 4 * start * stride;
    kernels.storeKv(blocks, 0, KvFormat.F32, k + skip, stride, D, headCountKv, D, 0, t0, t1);
    kernels.storeKv(blocks, values, KvFormat.F32, v + skip, stride, D, headCountKv, D, 0, t0, t1);
  }
}

/** out [tokens][headCount * headLength] = attention of all sequences; threads take pieces of it. */
export function attentionForward(
  member: Member,
  plan: AttentionPlan,
  { count, length }: Sequences,
  out: number,
  q: number,
): void {
  const { headCount, headCountKv, headLength: D } = plan;
  const stride = rowStride(headCount * D);
  for (let s = 0; s < count; s++) {
    const args: AttentionArgs = {
      out: out + 4 * s * length * stride,
      outStride: stride,
      q: q + 4 * s * length * stride,
      blocks: tableOf(plan, s),
      keys: 0,
      values: headCountKv * kvHeadBytes(KvFormat.F32, D),
      format: KvFormat.F32,
      scratch: member.scratch,
      scale: 1 / Math.sqrt(D),
      heads: headCount,
      kvHeads: headCountKv,
      headLength: D,
      position: 0,
      tokens: length,
    };
    takeShares(member, attentionItems(length, headCount), SHARED_ITEMS, (i0, i1) => {
      member.kernels.attention(args, i0, i1);
    });
  }
}

/**
 * Gradients of rotated queries and keys and of values from that of {@link attentionForward}'s result; threads take pairs
 * of a sequence and a kv head.
 *
 * @param dOut [tokens][headCount * headLength]
 */
export function attentionBackward(
  member: Member,
  plan: AttentionPlan,
  { count, length }: Sequences,
  gradients: Heads,
  dOut: number,
  heads: Heads,
): void {
  takeShares(member, count * plan.headCountKv, 1, (i0, i1) => {
    for (let item = i0; item < i1; item++) {
      const first = Math.floor(item / plan.headCountKv) * length;
      groupBackward(member, plan, gradients, dOut, heads, first, length, item % plan.headCountKv);
    }
  });
}

/** {@link attentionBackward} of one kv head and the query heads that share it, in one sequence. */
function groupBackward(
  member: Member,
  { headCount, headCountKv, headLength: D }: AttentionPlan,
  gradients: Heads,
  dOut: number,
  heads: Heads,
  first: number,
  length: number,
  kvHead: number,
): void {
  const { kernels } = member;
  const ldq = rowStride(headCount * D);
  const ldkv = rowStride(headCountKv * D);
  const ldp = rowStride(length);
  const gemmScratch = member.scratch;
  const p = gemmScratch + roundUp(kernels.gemmScratchBytes(), 64);
  const dp = p + attentionBackwardBytes(length) / 2;
  const scale = 1 / Math.sqrt(D);
  const kvSkip = 4 * (first * ldkv + kvHead * D);
  const k = heads.k + kvSkip;
  const v = heads.v + kvSkip;
  const dK = gradients.k + kvSkip;
  const dV = gradients.v + kvSkip;
  const group = headCount / headCountKv;
  // From the last rows on, which see all keys: the first products of a group give dK and dV, all others add to them.
  const lastRow = Math.floor((length - 1) / QUERY_ROWS) * QUERY_ROWS;
  let accumulate = 0;
  for (let head = kvHead * group; head < (kvHead + 1) * group; head++) {
    for (let row = lastRow; row >= 0; row -= QUERY_ROWS) {
      const rows = Math.min(QUERY_ROWS, length - row);
      const keys = row + rows;
      const skip = 4 * ((first + row) * ldq + head * D);
      const q = heads.q + skip;
      const dO = dOut + skip;
      kernels.gemm(p, ldp, q, ldq, k, ldkv, GemmForm.NT, keys, D, 0, gemmScratch, 0, rows);
      kernels.causalSoftmax(p, ldp, scale, row, keys, 0, rows);
      kernels.gemm(dp, ldp, dO, ldq, v, ldkv, GemmForm.NT, keys, D, 0, gemmScratch, 0, rows);
      kernels.gemm(dV, ldkv, p, ldp, dO, ldq, GemmForm.TN, D, rows, accumulate, gemmScratch, 0, keys);
      kernels.causalSoftmaxBackward(dp, p, ldp, scale, keys, 0, rows);
      kernels.gemm(gradients.q + skip, ldq, dp, ldp, k, ldkv, GemmForm.NN, D, keys, 0, gemmScratch, 0, rows);
      kernels.gemm(dK, ldkv, dp, ldp, q, ldq, GemmForm.TN, D, rows, accumulate, gemmScratch, 0, keys);
      accumulate = 1;
    }
  }
}

/** Writes the table of blocks that lie one after the other from `address` on. */
export function fillBlockTable(table: Float64Array, address: number, blockBytes: number): void {
  for (let i = 0; i < table.length; i++) table[i] = address + i * blockBytes;
}

function tableOf({ blocks, positions }: AttentionPlan, sequence: number): number {
  return blocks + 8 * sequence * kvBlockCount(0, positions);
}
