/** A generation under way: iterate it for pieces, or await its text. */
import type { GenerationResult, Piece } from './generate.ts';

/** What generate and send return. Pieces can be taken once; {@link result} is there when they have all been taken. */
export class Generation implements AsyncIterable<Piece> {
  readonly #pieces: AsyncGenerator<Piece, GenerationResult, undefined>;
  #result: GenerationResult | undefined;

  constructor(pieces: AsyncGenerator<Piece, GenerationResult, undefined>) {
    this.#pieces = pieces;
  }

  /** How it ended; undefined while it has not, or when it was cut off. */
  get result(): GenerationResult | undefined {
    return this.#result;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Piece, void, undefined> {
    // yield* answers the return value of what it delegates to, and passes an early end on to it.
    this.#result = yield* this.#pieces;
  }

  /** Runs to the end and answers the whole text. */
  async text(): Promise<string> {
    for await (const _piece of this);
    return this.#result?.text ?? '';
  }
}
