/** A text whose vector is wanted, in line with the sequences of a scheduler: it computes by itself once it is its turn. */
import type { Engine } from '../engine.ts';
import type { Pooling } from './sequence.ts';

/** Computes the vector of a text: f32 [embeddingLength], not normalised. Keeps a cache of its own while it does. */
export type EmbedTokens = (
  engine: Engine,
  tokens: readonly number[],
  pooling: Pooling,
  options: { readonly signal: AbortSignal },
) => Promise<Float32Array>;

/** See the file's header. */
export class EmbedTask {
  readonly kind = 'embed';
  readonly number: number;
  readonly priority: number;
  readonly tokens: readonly number[];
  /** Settles with the vector, or at once when it is given up. */
  readonly result: Promise<Float32Array>;
  readonly #pooling: Pooling;
  readonly #controller = new AbortController();
  #resolve!: (vector: Float32Array) => void;
  #reject!: (reason: unknown) => void;

  constructor(number: number, priority: number, tokens: readonly number[], pooling: Pooling) {
    this.number = number;
    this.priority = priority;
    this.tokens = [...tokens];
    this.#pooling = pooling;
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /** Resolves when the computation has come to its end, whatever that is. */
  async run(engine: Engine, embed: EmbedTokens): Promise<void> {
    try {
      this.#resolve(await embed(engine, this.tokens, this.#pooling, this.#controller));
    } catch (error) {
      this.#reject(error);
    }
  }

  fail(reason: unknown): void {
    this.#reject(reason);
    this.#controller.abort(reason);
  }
}
