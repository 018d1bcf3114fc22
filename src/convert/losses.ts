/**
 * What a conversion could not keep, counted while it writes: a conversion is lossless when nothing was counted, and
 * otherwise says in one line each what was rounded and why.
 */

/** Ways to lose something. */
export type LossKind = 'scales' | 'tables' | 'weights' | 'activations' | 'quantised' | 'forced';

/**
 * Root mean square of the differences of logits over that of the logits themselves, beyond which a difference is no
 * longer explained. Measured on random and on trained models (docs/convert.md) and taken about four times as large.
 */
const TOLERANCES: Readonly<Record<LossKind, number>> = {
  scales: 0.05,
  tables: 0.01,
  weights: 0.05,
  activations: 0.3,
  quantised: 0.2,
  // Nothing explains what is left of a model then.
  forced: Number.POSITIVE_INFINITY,
};
/** The same for sums whose terms come in another order, which loses nothing but rounds otherwise. */
const ORDER_TOLERANCE = 0.02;

/** Counts losses. */
export class Losses {
  /**
   * Whether rows of queries and keys change places: scores of attention then sum the same products in another order.
   */
  isReordered = false;
  readonly #counts = new Map<LossKind, Map<string, { why: string; count: number; of: number }>>();

  /**
   * Notes that `count` of `of` things were changed.
   *
   * @param what  the things, the subject of a sentence: `values of token_embd.weight`
   * @param why   the rest of the sentence
   */
  add(kind: LossKind, what: string, why: string, count: number, of: number): void {
    if (count === 0) return;
    const byWhat = this.#counts.get(kind) ?? new Map();
    this.#counts.set(kind, byWhat);
    const known = byWhat.get(what);
    byWhat.set(what, { why, count: (known?.count ?? 0) + count, of: (known?.of ?? 0) + of });
  }

  /** One sentence for each loss. */
  get sentences(): string[] {
    return [...this.#counts.values()].flatMap((byWhat) =>
      [...byWhat].map(([what, { why, count, of }]) =>
        count === of ? `All ${of} ${what} ${why}.` : `${count} of ${of} ${what} ${why}.`,
      ),
    );
  }

  /** How far logits may be off, relative to their spread; 0 when they have to be identical. */
  get tolerance(): number {
    const order = this.isReordered ? ORDER_TOLERANCE : 0;
    return [...this.#counts.keys()].reduce((sum, kind) => sum + TOLERANCES[kind], order);
  }
}
