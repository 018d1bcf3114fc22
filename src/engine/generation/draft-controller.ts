/**
 * Decides how many drafted tokens a step verifies. A draft of m tokens makes a step dearer and yields 1 + p + ... + p^m tokens
 * when each is right with the probability p; the m with the most tokens for its cost is taken, and none when a plain step
 * is as good. Both sides are learnt: costs per step size (step-costs.ts), p per length of the match. Whatever the text does,
 * what drafts lose in all is bounded: each can lose no more than a credit that grows slowly and that gains fill up.
 */
import type { StepCosts } from './step-costs.ts';

/** Lost at most: this many plain steps ... */
const FIRST_CREDIT = 0.75;
/** ... and this share of all plain steps; 64 random tokens are then at most 3 % slower, more of them less. */
const LOSS_SHARE = 0.01;
/** Gains that may be lost again, in plain steps. */
const MOST_CREDIT = 16;
/** Chances that a drafted token is right before any was verified, by {@link matchClass}. */
const FIRST_CHANCES = [0.3, 0.5, 0.7, 0.85];
/** Share of what is known of chances that is kept with each token, so that they are tried again. */
const KEPT = 0.98;
/** Tokens to wait at most after drafts that were wrong from their first token. */
const LONGEST_PAUSE = 64;

interface Evidence {
  /** Drafted tokens that were right, and all that were looked at: those up to the first wrong one. */
  right: number;
  seen: number;
}

/** What a drafted step came to. */
export interface DraftOutcome {
  readonly matched: number;
  readonly drafted: number;
  readonly accepted: number;
  readonly seconds: number;
}

/** See the file's header. One per generation. */
export class DraftController {
  readonly #costs: StepCosts;
  readonly #evidence: readonly Evidence[] = FIRST_CHANCES.map(() => ({ right: 0, seen: 0 }));
  /** What the next draft may lose, in plain steps. */
  #credit = FIRST_CREDIT;
  /** Drafts in a row that were wrong from their first token. */
  #misses = 0;
  /** Tokens before the next draft. */
  #pause = 0;

  /** @param costs of the engine; shared by its generations */
  constructor(costs: StepCosts) {
    this.#costs = costs;
  }

  /** Whether a draft would be considered at all. */
  get isReady(): boolean {
    return this.#pause === 0 && this.#costs.isKnown;
  }

  /** How many tokens to draft after a match of `matched` tokens, 0 to `most`. */
  draftLength(matched: number, most: number): number {
    if (!this.isReady) return 0;
    const chance = this.#chance(matched);
    // What is not measured yet is approached by doubling, so that a wrong guess costs little.
    const longest = Math.min(most, 2 * this.#costs.largestMeasured - 1);
    let bestLength = 0;
    let bestRate = 1;
    let expected = 1;
    let term = 1;
    for (let length = 1; length <= longest; length++) {
      term *= chance;
      expected += term;
      const cost = this.#costs.ratio(1 + length);
      if (cost - 1 > this.#credit || expected / cost <= bestRate) continue;
      bestRate = expected / cost;
      bestLength = length;
    }
    return bestLength;
  }

  /** A step without a draft has been computed. */
  observePlain(seconds: number): void {
    this.#costs.observePlain(seconds);
    this.#pass(1);
  }

  /** A step with a draft has been computed, and the sampler has gone over it. */
  observe({ matched, drafted, accepted, seconds }: DraftOutcome): void {
    const emitted = accepted + 1;
    const cost = this.#costs.observe(1 + drafted, seconds);
    this.#pass(emitted);
    this.#credit = Math.min(this.#credit + emitted - cost, MOST_CREDIT);
    const evidence = this.#evidence[matchClass(matched)]!;
    evidence.right += accepted;
    evidence.seen += Math.min(accepted + 1, drafted);
    this.#misses = accepted > 0 ? 0 : this.#misses + 1;
    // The first miss costs no pause: texts with edits miss once at each.
    this.#pause = this.#misses === 0 ? 0 : Math.min(2 ** this.#misses - 2, LONGEST_PAUSE);
  }

  #pass(tokens: number): void {
    this.#pause = Math.max(0, this.#pause - tokens);
    this.#credit = Math.min(this.#credit + tokens * LOSS_SHARE, MOST_CREDIT);
    for (const evidence of this.#evidence) {
      evidence.right *= KEPT ** tokens;
      evidence.seen *= KEPT ** tokens;
    }
  }

  #chance(matched: number): number {
    const kind = matchClass(matched);
    const { right, seen } = this.#evidence[kind]!;
    return (right + FIRST_CHANCES[kind]!) / (seen + 1);
  }
}

/** Matches whose drafts are about equally often right: of 2, 3, 4 to 7, and 8 or more tokens. */
function matchClass(matched: number): number {
  if (matched < 4) return Math.max(0, matched - 2);
  return matched < 8 ? 2 : 3;
}
