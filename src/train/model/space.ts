/**
 * What passes of a model write to: how large it is, and its allocation. All tokens of a pass have a place in everything
 * but scratch and logits; what layers keep is by far the most.
 */
import { roundUp } from '../../base/assert.ts';
import type { Heap } from '../../kernels/heap.ts';
import { type Kernels, rowStride } from '../../kernels/kernels.ts';
import type { ModelConfig } from '../../model/config.ts';
import { attentionBackwardBytes } from '../layers/attention.ts';
import { chunkScratchBytes } from './chunks.ts';
import { type Kept, LONGEST_CHUNK, type WorkSpace } from './plan.ts';

/** Bytes that logits and their gradients may take at once, as far as a chunk of tokens needs no more. */
const LOGITS_BYTES = 16 * 2 ** 20;

/** What sizes depend on. */
export interface Space {
  readonly config: ModelConfig;
  /** in a pass, at most */
  readonly tokens: number;
  /** whether inputs of projections are kept in 8 bits */
  readonly isTernary: boolean;
}

/** Bytes of each part of {@link Kept}. */
export function keptBytes(
  { activationBytes }: Pick<Kernels, 'activationBytes'>,
  { config, tokens, isTernary }: Space,
): Record<keyof Kept, number> {
  const { embeddingLength: d, feedForwardLength: ff, headCount, headCountKv, headLength } = config;
  const q = headCount * headLength;
  const kv = headCountKv * headLength;
  const rows = (columns: number) => 4 * tokens * rowStride(columns);
  const quantized = (columns: number) => (isTernary ? tokens * activationBytes(columns) : 0);
  return {
    x: rows(d),
    headsInput: quantized(d),
    q: rows(q),
    k: rows(kv),
    v: rows(kv),
    attention: rows(q),
    outputInput: quantized(q),
    middle: rows(d),
    feedForwardInput: quantized(d),
    gate: rows(ff),
    up: rows(ff),
    downInput: quantized(ff),
  };
}

/** Bytes of each part of a {@link WorkSpace}. */
export function workSpaceBytes({ config, tokens }: Space): Record<keyof WorkSpace, number> {
  const { embeddingLength: d, feedForwardLength: ff, headCount, headCountKv, headLength } = config;
  const q = headCount * headLength;
  const kv = headCountKv * headLength;
  const rows = (columns: number) => 4 * tokens * rowStride(columns);
  const atHead = headTokens(config, tokens);
  return {
    ids: 4 * tokens,
    targets: 4 * tokens,
    losses: 4 * tokens,
    x: rows(d),
    dX: rows(d),
    dMiddle: rows(d),
    dAttention: rows(q),
    dRotatedQ: rows(q),
    dRotatedK: rows(kv),
    dQ: rows(q),
    dK: rows(kv),
    dV: rows(kv),
    dGate: rows(ff),
    dUp: rows(ff),
    headsInput: rows(d),
    outputInput: rows(q),
    feedForwardInput: rows(d),
    downInput: rows(ff),
    hidden: 4 * atHead * rowStride(d),
    logits: 4 * atHead * rowStride(config.vocabularySize),
  };
}

/** Tokens whose logits are held at once: one chunk at the least. */
export function headTokens({ vocabularySize }: ModelConfig, tokens: number): number {
  const fitting = Math.floor(LOGITS_BYTES / (4 * rowStride(vocabularySize)));
  return Math.min(Math.max(fitting, LONGEST_CHUNK), roundUp(tokens, LONGEST_CHUNK));
}

/** Elements of the longest row of activations, but for logits. */
export function longestRow(config: ModelConfig): number {
  const { embeddingLength, feedForwardLength, headCount, headLength } = config;
  return rowStride(Math.max(embeddingLength, feedForwardLength, headCount * headLength));
}

/** Bytes of a thread's scratch: what operations need for themselves comes first, then rows. */
export function scratchBytes(
  kernels: Kernels,
  config: ModelConfig,
): { readonly operations: number; readonly all: number } {
  const { headCount, headCountKv, headLength, contextLength } = config;
  const gemm = kernels.gemmScratchBytes();
  const attention = kernels.attentionScratchBytes(headCount, headCountKv, headLength);
  const operations = roundUp(Math.max(gemm, attention), 64);
  const rows = chunkScratchBytes(longestRow(config));
  return { operations, all: operations + Math.max(rows, attentionBackwardBytes(contextLength)) };
}

/** Allocates parts of the sizes given; one of no bytes has the address 0. */
export function allocateParts<Part extends string>(
  heap: Heap,
  bytes: Readonly<Record<Part, number>>,
): Record<Part, number> {
  const parts: Record<Part, number> = { ...bytes };
  for (const part of Object.keys(bytes) as Part[]) parts[part] = bytes[part] && heap.allocate(bytes[part]);
  return parts;
}
