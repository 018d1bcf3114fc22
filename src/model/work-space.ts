/** Allocates what a forward pass writes to, for a given number of tokens at once. */
import type { Backend } from '../kernels/backend.ts';
import { rowStride } from '../kernels/kernels.ts';
import type { ModelConfig } from './config.ts';
import type { WorkSpace } from './plan.ts';

/** Work space for passes of at most `tokens` tokens, of which `outputs` give logits. */
export function allocateWorkSpace(
  { heap, kernels }: Backend,
  config: ModelConfig,
  tokens: number,
  outputs: number,
): WorkSpace {
  const { embeddingLength, feedForwardLength, headCount, headCountKv, headLength, vocabularySize } = config;
  const longest = Math.max(embeddingLength, feedForwardLength, headCount * headLength);
  const rows = (count: number, elements: number) => heap.allocate(4 * count * rowStride(elements));
  return {
    tokens,
    outputs,
    ids: heap.allocate(4 * tokens),
    positions: heap.allocate(4 * tokens),
    outputRows: heap.allocate(4 * outputs),
    x: rows(tokens, embeddingLength),
    input: rows(tokens, longest),
    quantized: heap.allocate(Math.max(tokens, outputs) * kernels.activationBytes(longest)),
    q: rows(tokens, headCount * headLength),
    k: rows(tokens, headCountKv * headLength),
    v: rows(tokens, headCountKv * headLength),
    rotatedQ: rows(tokens * headCount, headLength),
    rotatedK: rows(tokens * headCountKv, headLength),
    gate: rows(tokens, feedForwardLength),
    up: rows(tokens, feedForwardLength),
    hidden: rows(outputs, embeddingLength),
    logits: rows(outputs, vocabularySize),
  };
}
