/**
 * Drafts of what may follow, looked up in the text so far: where the last tokens occurred before, the same may come again
 * (prompt lookup decoding: speculation as in arXiv:2211.17192 with the session's own text in the place of a draft model).
 * An index of pairs of tokens finds earlier occurrences, and the longest match among the newest of them is continued.
 * Here is only the lookup: how much of a draft is worth computing is draft-controller.ts, computing it is lookahead.ts.
 */

/** What may follow, and how good the reason is to think so. */
export interface Draft {
  readonly tokens: readonly number[];
  /** How many of the last tokens equal those before the place that was copied, from 2 to {@link LONGEST_MATCH}. */
  readonly matched: number;
}

/** Tokens beyond which two matches are equally good. */
export const LONGEST_MATCH: number = 16;

/** Earlier occurrences that are compared, newest first. */
const MOST_CANDIDATES = 16;
/** Ids are far below this, so a pair has a number of its own. */
const PAIR_FACTOR = 2 ** 26;

/** An index over one growing array of tokens; constant time for each token and each draft. */
export class PromptLookup {
  #tokens: readonly number[] = [];
  /** Where each pair of tokens ended last. */
  #latest = new Map<number, number>();
  /** For each position where the pair that ends there ended before that; -1 for nowhere. */
  #earlier: number[] = [];

  /** Takes in what was added to `tokens` since the last call; another array is indexed from its beginning. */
  follow(tokens: readonly number[]): void {
    if (tokens !== this.#tokens || tokens.length < this.#earlier.length) {
      this.#tokens = tokens;
      this.#latest = new Map();
      this.#earlier = [];
    }
    for (let end = this.#earlier.length; end < tokens.length; end++) {
      if (end === 0) {
        this.#earlier.push(-1);
        continue;
      }
      const pair = tokens[end - 1]! * PAIR_FACTOR + tokens[end]!;
      this.#earlier.push(this.#latest.get(pair) ?? -1);
      this.#latest.set(pair, end);
    }
  }

  /** At most `most` tokens that may follow; undefined where the last two tokens are new. */
  draft(most: number): Draft | undefined {
    const match = this.#longestMatch();
    if (match === undefined || most < 1) return undefined;
    const tokens: number[] = [];
    for (let source = match.end + 1; tokens.length < most; source++) {
      // A match that reaches the end of the text is a loop, and goes on with its own continuation.
      tokens.push(this.#tokens[source] ?? tokens[source - this.#tokens.length]!);
    }
    return { tokens, matched: match.matched };
  }

  /** Where the longest earlier occurrence of the last tokens ends; the newest of equals. */
  #longestMatch(): { end: number; matched: number } | undefined {
    let best: { end: number; matched: number } | undefined;
    let end = this.#earlier.at(-1) ?? -1;
    for (let candidates = 0; end >= 0 && candidates < MOST_CANDIDATES; candidates++) {
      const matched = this.#matchLength(end);
      if (best === undefined || matched > best.matched) best = { end, matched };
      if (matched === LONGEST_MATCH) break;
      end = this.#earlier[end]!;
    }
    return best;
  }

  #matchLength(end: number): number {
    const tokens = this.#tokens;
    const last = tokens.length - 1;
    let matched = 0;
    while (matched < LONGEST_MATCH && matched <= end && tokens[end - matched] === tokens[last - matched])
      matched++;
    return matched;
  }
}
