/**
 * The next token of a sequence, under the constraint that it may have: which logits to ask a step for, and the draw from
 * what came back. A mask rules out most of the likeliest tokens at times, so how many logits it takes is not known before
 * they are there: more are asked for than the sampler looks at, and when they do not decide the draw exactly as all of
 * them would, the same token's logits are asked for again, all of them this time (docs/server/scheduling.md, "Masks").
 */
import { BitnetError } from '../../base/errors.ts';
import { MOST_SCREENED } from '../../model/screen-space.ts';
import type { SequenceOptions, TokenScore } from '../serving/sequence.ts';
import type { LogitsRequest, TokenLogits } from '../step-outputs.ts';
import type { TokenConstraint } from './constraint.ts';
import { logSumExp, Sampler, topTokens } from './sampler.ts';
import { allowedTokens, forbid, isAllowed } from './token-mask.ts';

/** Tokens for which all logits are asked for at once after a few largest did not do. */
const TOKENS_OF_DOUBT = 8;

/** A token that was drawn. */
export interface ChosenToken {
  readonly id: number;
  /** Where scores were asked for. */
  readonly score?: TokenScore;
}

/** Draws the tokens of one sequence: {@link request}, a step, {@link choose}, and so on. */
export class TokenChooser {
  readonly #sampler: Sampler;
  readonly #constraint: TokenConstraint | undefined;
  /** Ids from here on are never drawn. */
  readonly #below: number;
  readonly #logprobs: number | undefined;
  /** What may come next; not asked again for the same token. */
  #mask: { readonly words: Int32Array | undefined } | undefined;
  /** How many of the largest logits were asked for and what has to be among them; undefined where they do for sure. */
  #asked:
    | { readonly top: number; readonly wanted: number; readonly changed: ReadonlySet<number> }
    | undefined;
  #doubts = 0;

  /** @throws BitnetError `option/…` for a value outside its range */
  constructor(options: SequenceOptions, vocabularySize: number) {
    this.#sampler = new Sampler(options, vocabularySize);
    this.#constraint = options.constraint;
    this.#below = Math.min(options.below ?? vocabularySize, vocabularySize);
    this.#logprobs = options.logprobs;
  }

  /** The logits to ask for behind `history`. */
  request(history: readonly number[]): LogitsRequest {
    this.#mask ??= { words: this.#constraint?.mask() };
    this.#asked = undefined;
    if (this.#logprobs !== undefined) return {};
    const own = this.#sampler.request(history);
    const { words } = this.#mask;
    const request = words === undefined ? own : this.#requestMasked(own, words);
    return request.top === undefined ? {} : { ...request, below: this.#below };
  }

  /**
   * Draws the token behind `history`.
   *
   * @param row the answer to {@link request}; overwritten
   * @returns undefined when that is too little to tell; ask again for the same history
   * @throws BitnetError `sampling/no-token`; what the constraint throws
   */
  choose(row: TokenLogits, history: readonly number[]): ChosenToken | undefined {
    const words = this.#mask?.words;
    const scored = this.#logprobs === undefined ? undefined : row.logits.slice();
    if (words !== undefined) {
      if (row.ids !== undefined && !this.#isEnough(row.ids, row.logits, words)) {
        this.#doubts = TOKENS_OF_DOUBT;
        return undefined;
      }
      if (this.#doubts > 0) this.#doubts--;
    }
    forbid(row, words, this.#below);
    const id = this.#sample(row, history, words !== undefined);
    this.#constraint?.accept(id);
    this.#mask = undefined;
    return scored === undefined ? { id } : { id, score: scoreOf(scored, id, this.#logprobs!) };
  }

  dispose(): void {
    this.#constraint?.dispose();
  }

  #sample(row: TokenLogits, history: readonly number[], isMasked: boolean): number {
    try {
      return this.#sampler.sample(row, history);
    } catch (error) {
      if (!isMasked || !(error instanceof BitnetError)) throw error;
      throw new BitnetError(
        error.code,
        'no token may follow: the constraint and the logit biases allow none, or the logits are no finite numbers',
        { cause: error },
      );
    }
  }

  #requestMasked(own: LogitsRequest, words: Int32Array): LogitsRequest {
    const include = own.include ?? [];
    if (include.length > MOST_SCREENED) return {};
    const allowed = allowedTokens(words, this.#below, MOST_SCREENED - include.length);
    // All that may follow, by name: the largest of the others cannot be drawn.
    if (allowed !== undefined) return { top: 1, include: [...new Set([...include, ...allowed])] };
    if (own.top === undefined || own.top > MOST_SCREENED || this.#doubts > 0) return {};
    // What the sampler asks for beyond what it looks at makes up for the tokens that it changes.
    this.#asked = { top: MOST_SCREENED, wanted: own.top - include.length, changed: new Set(include) };
    return { top: MOST_SCREENED, include };
  }

  /** Whether the draw from these logits is the draw from all. */
  #isEnough(ids: Int32Array, logits: Float32Array, words: Int32Array): boolean {
    if (this.#asked === undefined) return true;
    const { top, wanted, changed } = this.#asked;
    const ranked = logits.filter((_, i) => ids[i]! < this.#below);
    if (ranked.length < top) return true;
    // Down to this logit nothing is missing; below it, some of the tokens happen to be here and others are not.
    const edge = ranked.sort().at(-top)!;
    let count = 0;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      const isComplete = logits[i]! >= edge && id < this.#below;
      if (isComplete && isAllowed(words, id) && !changed.has(id)) count++;
    }
    return count >= wanted;
  }
}

/** A token's score among all logits. */
export function scoreOf(logits: Float32Array, id: number, top: number): TokenScore {
  return { id, logprob: logits[id]! - logSumExp(logits), top: topTokens(logits, top) };
}
