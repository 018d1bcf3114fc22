/** A product's terms, added up one after the other. */
import type { DotProduct } from '../../transport/inside-source.ts';

/** How far the sum is after some terms. */
export interface Progress {
  readonly sum: number;
  readonly additions: number;
  readonly subtractions: number;
  readonly skipped: number;
}

/** See the file's header. */
export class Terms {
  readonly product: DotProduct;
  readonly count: number;
  /** [count + 1]: the sum of the first so many terms */
  readonly sums: Int32Array;
  readonly #additions: Int32Array;
  readonly #subtractions: Int32Array;

  constructor(product: DotProduct) {
    this.product = product;
    const { weights, quantised } = product;
    this.count = weights.length;
    this.sums = new Int32Array(this.count + 1);
    this.#additions = new Int32Array(this.count + 1);
    this.#subtractions = new Int32Array(this.count + 1);
    for (let k = 0; k < this.count; k++) {
      const weight = weights[k]!;
      this.sums[k + 1] = this.sums[k]! + weight * quantised[k]!;
      this.#additions[k + 1] = this.#additions[k]! + (weight === 1 ? 1 : 0);
      this.#subtractions[k + 1] = this.#subtractions[k]! + (weight === -1 ? 1 : 0);
    }
  }

  /** After the first `done` terms. */
  after(done: number): Progress {
    const additions = this.#additions[done]!;
    const subtractions = this.#subtractions[done]!;
    return { sum: this.sums[done]!, additions, subtractions, skipped: done - additions - subtractions };
  }
}
