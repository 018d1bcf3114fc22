/** What a grammar tells the sampler: which tokens may follow what a sequence has generated so far. */

/** The state of a grammar for one sequence. */
export interface TokenConstraint {
  /**
   * Bit `t & 31` of word `t >> 5` is set where token t may follow; tokens beyond the last word may not. Undefined where
   * any may. It holds until the next {@link accept}.
   */
  mask(): Int32Array | undefined;
  /** Moves on by a token that the mask allows. */
  accept(id: number): void;
  /** Lets go of what it holds. */
  dispose(): void;
}
