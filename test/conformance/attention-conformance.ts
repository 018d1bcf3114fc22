/** The KV cache and attention over it, whole and in two halves, bit for bit as the reference does them. */
import { createRandom } from '#src/base/random.js';
import {
  type AttentionArgs,
  attentionItems,
  attentionPartialStride,
  kvBlockCount,
  kvHeadBytes,
  rowStride,
} from '#src/kernels/kernels.js';
import type { GuardedHeap } from './guarded-heap.ts';
import { ATTENTION_CASES, type AttentionCase, HEAD_LENGTHS, KV_FORMATS } from './kernel-cases.ts';
import type { KernelPair } from './kernel-pair.ts';
import { blockBytes, pageLayer, randomBlock } from './paged-cache.ts';
import { randomRows } from './random-data.ts';

/** Values on both sides of every rounding of a half, into blocks that other positions and layers keep. */
export function kvStores(pair: KernelPair): void {
  const random = createRandom(15);
  const T = 5;
  const edges = [0, -0, 2 ** -24, 2 ** -25, 1.5 * 2 ** -24, 6.1e-5, 2049, 2051, 65504, 65519.9, 65520, -1e9];
  for (const headLength of HEAD_LENGTHS) {
    for (const kvHeads of [1, 3]) {
      const stride = rowStride(kvHeads * headLength);
      const values = randomRows(random, T, kvHeads * headLength);
      for (const [i, edge] of edges.entries()) values[(7 * i) % (kvHeads * headLength)] = edge;
      values.fill(0, 2 * stride, 3 * stride);
      for (const { name, format } of KV_FORMATS) {
        for (const position of [0, 61, 64]) {
          pair.compare(`storeKv ${name} D=${headLength} heads=${kvHeads} at ${position}`, (heap, split) => {
            const x = heap.input(values);
            const half = kvHeads * kvHeadBytes(format, headLength);
            const layer = pageLayer(heap, 2, half, (_, bytes) => heap.output(bytes));
            for (const offset of [layer.keys, layer.values]) {
              for (const [t0, t1] of split(T)) {
                heap.kernels.storeKv(
                  layer.blocks,
                  offset,
                  format,
                  x,
                  stride,
                  headLength,
                  kvHeads,
                  headLength,
                  position,
                  t0,
                  t1,
                );
              }
            }
            return layer.addresses.map((address) => heap.read(address, layer.blockBytes));
          });
        }
      }
    }
  }
}

/** Attention over ragged heads, groups, positions and batches, its items split anywhere. */
export function attentions(pair: KernelPair): void {
  for (const attentionCase of ATTENTION_CASES) {
    const { heads, kvHeads, headLength, tokens, place } = prepare(attentionCase);
    pair.compare(`attention ${nameOf(attentionCase)}`, (heap, split) => {
      const { args, outBytes } = place(heap);
      for (const [i0, i1] of split(attentionItems(tokens, heads))) {
        const scratch = heap.output(heap.kernels.attentionScratchBytes(heads, kvHeads, headLength));
        heap.kernels.attention({ ...args, scratch }, i0, i1);
      }
      return [heap.read(args.out, outBytes)];
    });
  }
}

/** The same in two halves, each split anywhere. */
export function attentionHalves(pair: KernelPair): void {
  for (const attentionCase of ATTENTION_CASES) {
    const { heads, kvHeads, headLength, position, tokens, place } = prepare(attentionCase);
    const blocks = kvBlockCount(position, tokens);
    pair.compare(`attention in halves ${nameOf(attentionCase)}`, (heap, split) => {
      const { args, outBytes } = place(heap);
      const partials = heap.output(4 * tokens * heads * blocks * attentionPartialStride(headLength));
      const scratch = () => heap.output(heap.kernels.attentionScratchBytes(heads, kvHeads, headLength));
      for (const [i0, i1] of split(blocks * kvHeads)) {
        heap.kernels.attentionBlocks(partials, { ...args, scratch: scratch() }, i0, i1);
      }
      for (const [i0, i1] of split(tokens * heads)) {
        heap.kernels.attentionFold(partials, { ...args, scratch: scratch() }, i0, i1);
      }
      return [heap.read(args.out, outBytes)];
    });
  }
}

/** A case with its data made, ready to be placed on heaps. */
export interface PreparedAttention extends AttentionCase {
  readonly heads: number;
  /** The arguments but for the scratch, and how many bytes `out` has. */
  place(heap: GuardedHeap): { readonly args: Omit<AttentionArgs, 'scratch'>; readonly outBytes: number };
}

/** Random queries, and a cache whose last block goes on behind the tokens: an earlier generation was there. */
export function prepare(attentionCase: AttentionCase): PreparedAttention {
  const { headLength, group, kvHeads, format, position, tokens } = attentionCase;
  const random = createRandom(16 + position + headLength);
  const heads = group * kvHeads;
  const outStride = rowStride(heads * headLength);
  const outBytes = 4 * ((tokens - 1) * outStride + heads * headLength);
  const queries = randomRows(random, tokens * heads, headLength, 1.5);
  const contents = Array.from({ length: kvBlockCount(position, tokens) }, (_, block) => {
    const keys = randomBlock(random, kvHeads, headLength, 1.5);
    const values = randomBlock(random, kvHeads, headLength, 1);
    // As halves these are infinite, and so are the sums that they are part of.
    if (block === 0) values.set([70000, -70000]);
    return blockBytes(keys, values, format, headLength);
  });
  const place = (heap: GuardedHeap) => {
    const half = kvHeads * kvHeadBytes(format, headLength);
    const { blocks, keys, values } = pageLayer(heap, contents.length, half, (i) => heap.input(contents[i]!));
    const args = {
      out: heap.output(outBytes),
      outStride,
      q: heap.input(queries),
      blocks,
      keys,
      values,
      format,
      scale: 1 / Math.sqrt(headLength),
      heads,
      kvHeads,
      headLength,
      position,
      tokens,
    };
    return { args, outBytes };
  };
  return { ...attentionCase, heads, place };
}

/** What a failure says of a case. */
export function nameOf({ headLength, group, kvHeads, format, position, tokens }: AttentionCase): string {
  return `D=${headLength} heads=${group * kvHeads}/${kvHeads} format=${format} position=${position} tokens=${tokens}`;
}
