/**
 * Vectors of texts from a decoder model: the final hidden states, behind the output norm, of the last token or of all
 * tokens on average. A sequence is computed in chunks on a cache that nobody else uses; the output head is never read.
 * Other sequences may be stepped in between. Which tokens a text becomes is up to the caller.
 */
import type { KvCache } from '../model/kv-cache.ts';
import type { Engine } from './engine.ts';
import type { Pooling } from './serving/sequence.ts';
import { checkTokens } from './session.ts';

/** How tokens are embedded. */
export interface EmbedTokensOptions {
  /** Looked at before every chunk. */
  readonly signal?: AbortSignal | undefined;
  /** An empty cache of the caller's, who frees it; by default one is made and freed. */
  readonly cache?: KvCache | undefined;
}

/**
 * The vector of a sequence of tokens. Its bits do not depend on chunks, threads, backend or other sequences.
 *
 * @param pooling `last`: the final hidden state of the last token; `mean`: the arithmetic mean of all tokens', added up in
 *   doubles in order of position
 * @returns f32 [embeddingLength], not normalised
 * @throws ContextLengthExceeded; BitnetError `tokens/empty`, `tokens/bad-id`, `model/disposed`, `memory/…`; the signal's
 *   reason
 */
export async function embedTokens(
  engine: Engine,
  tokens: ArrayLike<number>,
  pooling: Pooling,
  options: EmbedTokensOptions = {},
): Promise<Float32Array> {
  checkTokens(engine, tokens);
  options.signal?.throwIfAborted();
  const cache = options.cache ?? engine.allocateCache();
  try {
    return await pool(engine, Array.from(tokens), pooling, cache, options.signal);
  } finally {
    if (options.cache === undefined) engine.freeCache(cache);
  }
}

async function pool(
  engine: Engine,
  tokens: readonly number[],
  pooling: Pooling,
  cache: KvCache,
  signal: AbortSignal | undefined,
): Promise<Float32Array> {
  const last = tokens.length - 1;
  const first = pooling === 'last' ? last : 0;
  // From -0 on, so that one state alone keeps even the sign of its zeros.
  const sums = new Float64Array(engine.config.embeddingLength).fill(-0);
  for (let position = 0; position <= last; position += engine.batchTokens) {
    signal?.throwIfAborted();
    const chunk = tokens.slice(position, position + engine.batchTokens);
    const outputs = Array.from(chunk, (_, index) => ({ index, state: true }) as const).slice(
      Math.max(first - position, 0),
    );
    for (const { state } of await engine.step([{ cache, position, tokens: chunk, outputs }])) {
      for (let k = 0; k < sums.length; k++) sums[k]! += state![k]!;
    }
  }
  const count = tokens.length - first;
  return Float32Array.from(sums, (sum) => sum / count);
}

/**
 * A vector of length 1 in the same direction, for comparisons by dot product; zeros stay zeros. The length is added up in
 * doubles, in order.
 *
 * @returns f32, of as many elements
 */
export function normalise(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const length = Math.sqrt(squares);
  return length === 0 ? vector.slice() : vector.map((value) => value / length);
}
