/**
 * Sequences that decode together, one token each in every step of the engine: how many tokens a second a server can give
 * to several users at once. With one sequence it is what a single user gets.
 */
import type { Engine } from '../../engine/engine.ts';
import { Sampler } from '../../engine/generation/sampler.ts';
import type { TokenLogits } from '../../engine/step-outputs.ts';
import { ATTENTION_BLOCK } from '../../kernels/kernels.ts';
import { type KvCache, kvCacheBytes } from '../../model/kv-cache.ts';

interface Sequence {
  readonly cache: KvCache;
  readonly sampler: Sampler;
}

/** A number of sequences with caches of their own. */
export class Sequences {
  readonly #engine: Engine;
  readonly #sequences: readonly Sequence[];
  readonly #tokens: readonly number[];
  /** Where logits are copied to, step after step. */
  readonly #logits: readonly Float32Array[];

  /** @param tokens what all of them hold once they are filled */
  constructor(engine: Engine, count: number, tokens: readonly number[]) {
    const { vocabularySize } = engine.config;
    this.#engine = engine;
    this.#tokens = tokens;
    this.#sequences = Array.from({ length: count }, () => ({
      cache: engine.allocateCache(),
      sampler: new Sampler({ temperature: 0, seed: 0 }, vocabularySize),
    }));
    this.#logits = this.#sequences.map(() => new Float32Array(vocabularySize));
  }

  /** Computes the tokens into the first cache and copies it to the others. @throws as Engine.step; the signal's reason */
  async fill(signal: AbortSignal, onTokens: (count: number) => void): Promise<void> {
    const { batchTokens, config, kvFormat, loaded } = this.#engine;
    const [first, ...others] = this.#sequences.map(({ cache }) => cache);
    for (let position = 0; position < this.#tokens.length; position += batchTokens) {
      signal.throwIfAborted();
      const tokens = this.#tokens.slice(position, position + batchTokens);
      await this.#engine.step([{ cache: first!, position, tokens, outputs: [] }]);
      onTokens(tokens.length);
    }
    // Copies and no forks: every sequence is to read memory of its own.
    const { heap, pool } = loaded;
    const bytes = kvCacheBytes(config, ATTENTION_BLOCK, kvFormat);
    for (const cache of others) {
      pool.reserve([{ cache, position: 0, count: this.#tokens.length }]);
      for (const [i, block] of cache.blocks.entries()) {
        heap.u8(block, bytes).set(heap.u8(first!.blocks[i]!, bytes));
      }
    }
  }

  /**
   * Generates `count` tokens in each of the first `batch` sequences behind their first `start` tokens, always the
   * likeliest; what came there before is written over.
   *
   * @returns seconds from the first logits on
   */
  async decode(batch: number, start: number, count: number, signal: AbortSignal): Promise<number> {
    const active = this.#sequences.slice(0, batch);
    let next = active.map(() => this.#tokens[start - 1]!);
    let logits = await this.#step(active, start - 1, next);
    const begin = performance.now();
    for (let i = 0; i < count; i++) {
      signal.throwIfAborted();
      next = active.map(({ sampler }, s) => sampler.sample(logits[s]!, this.#tokens));
      logits = await this.#step(active, start + i, next);
    }
    return (performance.now() - begin) / 1000;
  }

  /** Gives the caches back. */
  dispose(): void {
    for (const { cache } of this.#sequences) this.#engine.freeCache(cache);
  }

  #step(active: readonly Sequence[], position: number, next: readonly number[]): Promise<TokenLogits[]> {
    const items = active.map(({ cache, sampler }, s) => {
      const output = { index: 0, ...sampler.request(this.#tokens) };
      return { cache, position, tokens: [next[s]!], outputs: [output] };
    });
    return this.#engine.step(items, this.#logits);
  }
}
