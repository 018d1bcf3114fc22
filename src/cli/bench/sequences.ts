/**
 * Sequences that decode together, one token each in every step of the engine: how many tokens a second a server can give
 * to several users at once. With one sequence it is what a single user gets.
 */
import type { Engine } from '../../engine/engine.ts';
import { Sampler } from '../../engine/generation/sampler.ts';
import type { TokenLogits } from '../../engine/step-outputs.ts';
import type { KvCache } from '../../model/kv-cache.ts';

/** Sequences that all begin with the same tokens and have caches of their own, shared with none. */
export class Sequences {
  readonly #engine: Engine;
  readonly #tokens: readonly number[];
  /** Holds the tokens; what decodes works on copies. */
  readonly #filled: KvCache;
  readonly #sampler: Sampler;
  /** Where logits are copied to, step after step. */
  readonly #logits: readonly Float32Array[];

  /** @param most sequences at once */
  constructor(engine: Engine, most: number, tokens: readonly number[]) {
    const { vocabularySize } = engine.config;
    this.#engine = engine;
    this.#tokens = tokens;
    this.#filled = engine.allocateCache();
    this.#sampler = new Sampler({ temperature: 0, seed: 0 }, vocabularySize);
    this.#logits = Array.from({ length: most }, () => new Float32Array(vocabularySize));
  }

  /** Computes the tokens, once. @throws as Engine.step; the signal's reason */
  async fill(signal: AbortSignal, onTokens: (count: number) => void): Promise<void> {
    const { batchTokens } = this.#engine;
    for (let position = 0; position < this.#tokens.length; position += batchTokens) {
      signal.throwIfAborted();
      const tokens = this.#tokens.slice(position, position + batchTokens);
      await this.#engine.step([{ cache: this.#filled, position, tokens, outputs: [] }]);
      onTokens(tokens.length);
    }
  }

  /**
   * Generates `count` tokens in each of `batch` sequences behind their first `start` tokens, always the likeliest.
   *
   * @returns seconds from the first logits on
   * @throws as Engine.step; BitnetError `memory/…`; the signal's reason
   */
  async decode(batch: number, start: number, count: number, signal: AbortSignal): Promise<number> {
    const { pool } = this.#engine.loaded;
    const caches: KvCache[] = [];
    try {
      for (let i = 0; i < batch; i++) caches.push(pool.copy(this.#filled, start));
      let next = caches.map(() => this.#tokens[start - 1]!);
      let logits = await this.#step(caches, start - 1, next);
      const begin = performance.now();
      for (let i = 0; i < count; i++) {
        signal.throwIfAborted();
        next = caches.map((_, s) => this.#sampler.sample(logits[s]!, this.#tokens));
        logits = await this.#step(caches, start + i, next);
      }
      return (performance.now() - begin) / 1000;
    } finally {
      for (const cache of caches) this.#engine.freeCache(cache);
    }
  }

  /** Gives the memory back. */
  dispose(): void {
    this.#engine.freeCache(this.#filled);
  }

  #step(caches: readonly KvCache[], position: number, next: readonly number[]): Promise<TokenLogits[]> {
    const outputs = [{ index: 0, ...this.#sampler.request(this.#tokens) }];
    const items = caches.map((cache, s) => ({ cache, position, tokens: [next[s]!], outputs }));
    return this.#engine.step(items, this.#logits);
  }
}
