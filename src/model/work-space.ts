/** What a forward pass writes to, for a given number of tokens at once: how large it is, and its allocation. */
import type { Backend } from '../kernels/backend.ts';
import { attentionPartialStride, type Kernels, rowStride } from '../kernels/kernels.ts';
import type { ModelConfig } from './config.ts';
import { partialEntries } from './forward/attend.ts';
import type { WorkSpace } from './plan.ts';

/** The parts of a work space that lie on the heap. */
type Parts = Record<Exclude<keyof WorkSpace, 'tokens' | 'outputs' | 'partialEntries'>, number>;

/**
 * Bytes of each part of a work space for passes of at most `tokens` tokens, of which `outputs` give logits, in sequences of
 * at most `contextLength`.
 */
export function workSpaceBytes(
  kernels: Pick<Kernels, 'activationBytes'>,
  config: ModelConfig,
  tokens: number,
  outputs: number,
  contextLength: number,
): Parts {
  const { embeddingLength, feedForwardLength, headCount, headCountKv, headLength, vocabularySize } = config;
  const longest = Math.max(embeddingLength, feedForwardLength, headCount * headLength);
  const rows = (count: number, elements: number) => 4 * count * rowStride(elements);
  return {
    ids: 4 * tokens,
    positions: 4 * tokens,
    outputRows: 4 * outputs,
    stateRows: 4 * tokens,
    x: rows(tokens, embeddingLength),
    branch: rows(tokens, embeddingLength),
    input: rows(tokens, longest),
    quantized: Math.max(tokens, outputs) * kernels.activationBytes(longest),
    q: rows(tokens, headCount * headLength),
    k: rows(tokens, headCountKv * headLength),
    v: rows(tokens, headCountKv * headLength),
    rotatedQ: rows(tokens * headCount, headLength),
    rotatedK: rows(tokens * headCountKv, headLength),
    partials: 4 * partialEntries(config, contextLength) * attentionPartialStride(headLength),
    gate: rows(tokens, feedForwardLength),
    up: rows(tokens, feedForwardLength),
    hidden: rows(outputs, embeddingLength),
    logits: rows(outputs, vocabularySize),
  };
}

/** A work space of the sizes of {@link workSpaceBytes}. */
export function allocateWorkSpace(
  { heap, kernels }: Backend,
  config: ModelConfig,
  tokens: number,
  outputs: number,
  contextLength: number,
): WorkSpace {
  const parts = workSpaceBytes(kernels, config, tokens, outputs, contextLength);
  for (const part of Object.keys(parts) as (keyof Parts)[]) parts[part] = heap.allocate(parts[part]);
  return { tokens, outputs, partialEntries: partialEntries(config, contextLength), ...parts };
}
