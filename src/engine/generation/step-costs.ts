/**
 * What a step of several tokens costs beside a step of one, learnt from the steps of an engine. Costs are kept as multiples
 * of a plain step's, so that they stay right while the context grows or the clock frequency changes.
 */

/** How generations went, as counts that only grow. */
export interface LookupCounters {
  /** Steps since the prompt's. */
  decodeSteps: number;
  /** Tokens that were drafted and computed. */
  draftedTokens: number;
  /** Those of them that the text went on with. */
  acceptedTokens: number;
}

/**
 * Share of a new measurement in a running estimate once there are several, where it is lower and where it is higher: what
 * else the machine does only ever makes a step longer.
 */
const LOWER_SHARE = 0.3;
const HIGHER_SHARE = 0.1;
/** No measurement counts as more than this many times what was expected: pauses of the machine are not costs. */
const MOST_SURPRISE = 3;
/** Expected cost of each further token of a step, in plain steps, before anything was measured. */
const UNKNOWN_SLOPE = 0.2;
/**
 * Share of an estimate's distance from 1 that is forgotten with each step, so that it will be measured again: this by
 * the number of measurements, up to {@link MOST_COUNTED}. The first of a size often holds what compiling its code took.
 */
const FORGOTTEN = 0.01;
const MOST_COUNTED = 20;

/** Running estimates of what steps cost by their number of tokens, each with its logits. */
export class StepCosts {
  /** Seconds of a step of one token. */
  #plain = 0;
  #plainCount = 0;
  /** By the number of tokens: cost in plain steps; 0 where there is no measurement. */
  readonly #ratios: number[] = [0, 1];
  /** By the number of tokens: how often it was measured. */
  readonly #counts: number[] = [0, 1];

  /** Whether a plain step was measured, without which nothing can be compared. */
  get isKnown(): boolean {
    return this.#plainCount > 0;
  }

  /** Most tokens of a step that was measured. */
  get largestMeasured(): number {
    return this.#ratios.length - 1;
  }

  /** A plain step took this many seconds. */
  observePlain(seconds: number): void {
    const expected = this.isKnown ? Math.min(seconds, MOST_SURPRISE * this.#plain) : seconds;
    this.#plainCount++;
    this.#plain = follow(this.#plain, expected, this.#plainCount);
    this.#forget();
  }

  /**
   * A step of two or more tokens took this many seconds.
   *
   * @returns its cost in plain steps
   */
  observe(tokens: number, seconds: number): number {
    this.#forget();
    const expected = this.ratio(tokens);
    // Nor is it ever dearer than as many plain steps.
    const most = Math.min(MOST_SURPRISE * expected, tokens);
    const ratio = this.#plain > 0 ? Math.min(seconds / this.#plain, most) : 1;
    while (this.#ratios.length <= tokens) {
      this.#ratios.push(0);
      this.#counts.push(0);
    }
    const count = ++this.#counts[tokens]!;
    this.#ratios[tokens] = follow(expected, ratio, count);
    return ratio;
  }

  #forget(): void {
    for (let tokens = 2; tokens < this.#ratios.length; tokens++) {
      const ratio = this.#ratios[tokens]!;
      const forgotten = FORGOTTEN / Math.min(Math.max(1, this.#counts[tokens]!), MOST_COUNTED);
      if (ratio > 1) this.#ratios[tokens] = ratio - (ratio - 1) * forgotten;
    }
  }

  /** Expected cost of a step of so many tokens, in plain steps; between and beyond measured sizes on a straight line. */
  ratio(tokens: number): number {
    const measured = this.#ratios[tokens] ?? 0;
    if (measured > 0) return Math.max(1, measured);
    let below = tokens - 1;
    while ((this.#ratios[below] ?? 0) === 0) below--;
    let above = tokens + 1;
    while (above < this.#ratios.length && this.#ratios[above] === 0) above++;
    const low = this.#ratios[below]!;
    if (above < this.#ratios.length) {
      return low + ((this.#ratios[above]! - low) * (tokens - below)) / (above - below);
    }
    const slope = below === 1 ? UNKNOWN_SLOPE : Math.max(0, (low - 1) / (below - 1));
    return low + slope * (tokens - below);
  }
}

/** A running estimate after its measurement number `count`. */
function follow(estimate: number, measured: number, count: number): number {
  const share = Math.max(measured < estimate ? LOWER_SHARE : HIGHER_SHARE, 1 / count);
  return estimate + (measured - estimate) * share;
}
