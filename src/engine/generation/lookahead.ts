/**
 * The logits after each token of a growing text, computed several at once where the text is likely to repeat itself: a step
 * over the last token and a draft of the next ones gives the logits after each, and those stay good for as long as the
 * sampler draws what was drafted. Who samples cannot tell the difference, since logits do not depend on how tokens
 * are spread over steps (docs/numerics.md); hence the same text with and without drafts.
 */
import type { Session } from '../session.ts';
import type { LogitsRequest, TokenLogits } from '../step-outputs.ts';
import { DraftController } from './draft-controller.ts';
import { type Draft, PromptLookup } from './prompt-lookup.ts';
import type { LookupCounters } from './step-costs.ts';

/** Whether drafts are looked up in the text so far: when that pays, or never. */
export type LookupMode = 'auto' | 'off';

/** Most tokens of a draft: a step of one more still takes the path for few tokens. */
const LONGEST_DRAFT = 15;

/** What has been computed beyond the text. */
interface Ahead {
  readonly draft: Draft;
  readonly seconds: number;
  /** Logits after the last token of the text and after each of the draft. */
  readonly rows: readonly TokenLogits[];
  /** Tokens of the text when they were computed. */
  readonly from: number;
  /** Drafted tokens that the text has turned out to go on with. */
  accepted: number;
}

/** See the file's header. One per generation; the session is its own until the generation ends. */
export class Lookahead {
  readonly counters: LookupCounters = { decodeSteps: 0, draftedTokens: 0, acceptedTokens: 0 };
  readonly #session: Session;
  readonly #clock: () => number;
  readonly #lookup: PromptLookup | undefined;
  readonly #controller: DraftController;
  readonly #longestDraft: number;
  /** The text of the last call. */
  #text: readonly number[] | undefined;
  #ahead: Ahead | undefined;
  readonly #buffers: Float32Array[] = [];

  /** @param clock milliseconds */
  constructor(session: Session, mode: LookupMode, clock: () => number) {
    this.#session = session;
    this.#clock = clock;
    this.#lookup = mode === 'auto' ? new PromptLookup() : undefined;
    this.#controller = new DraftController(session.engine.stepCosts);
    const { batchTokens, stepOutputs } = session.engine;
    this.#longestDraft = Math.min(LONGEST_DRAFT, batchTokens - 1, stepOutputs - 1);
  }

  /**
   * The logits after `tokens`: of a prompt, or of the tokens of the last call and one more.
   *
   * @param tokens one array that grows; another one begins another text
   * @param room tokens that may yet be generated, at least 1
   * @param request which logits are wanted after these tokens, or after others that may come
   * @returns the caller's to change until the next call
   * @throws as Session.next
   */
  async next(
    tokens: readonly number[],
    room: number,
    request: (history: readonly number[]) => LogitsRequest,
    signal?: AbortSignal,
  ): Promise<TokenLogits> {
    signal?.throwIfAborted();
    const row = this.#takeRow(tokens);
    if (row !== undefined) return row;
    this.#settle();
    const isFirst = this.#text === undefined;
    const isGrown = tokens === this.#text;
    this.#text = tokens;
    const draft = isGrown ? this.#draft(tokens, room) : undefined;
    const start = this.#clock();
    const rows = await this.#compute(tokens, draft?.tokens ?? [], request, signal);
    const seconds = (this.#clock() - start) / 1000;
    if (!isFirst) this.#count('decodeSteps', 1);
    if (draft !== undefined) {
      this.#count('draftedTokens', draft.tokens.length);
      this.#ahead = { draft, seconds, rows, from: tokens.length, accepted: 0 };
    } else if (isGrown && this.#lookup !== undefined) this.#controller.observePlain(seconds);
    return rows[0]!;
  }

  /** The row computed ahead for these tokens, if the last of them is what was drafted. */
  #takeRow(tokens: readonly number[]): TokenLogits | undefined {
    const ahead = this.#ahead;
    if (ahead === undefined || tokens !== this.#text) return undefined;
    // Asked again for the same tokens, or after a step over several, there is nothing that was computed ahead.
    if (tokens.length !== ahead.from + ahead.accepted + 1) return undefined;
    if (tokens.at(-1) !== ahead.draft.tokens[ahead.accepted]) return undefined;
    ahead.accepted++;
    this.#count('acceptedTokens', 1);
    return ahead.rows[ahead.accepted];
  }

  /** Learns from the last draft, now that it is known how far the text followed it. */
  #settle(): void {
    const ahead = this.#ahead;
    if (ahead === undefined) return;
    this.#ahead = undefined;
    const { draft, accepted, seconds } = ahead;
    this.#controller.observe({ matched: draft.matched, drafted: draft.tokens.length, accepted, seconds });
  }

  #draft(tokens: readonly number[], room: number): Draft | undefined {
    if (this.#lookup === undefined) return undefined;
    this.#lookup.follow(tokens);
    if (!this.#controller.isReady) return undefined;
    // A step gives one token more than it drafts, and computes all that it drafts.
    const most = Math.min(this.#longestDraft, room - 1, this.#session.engine.contextLength - tokens.length);
    const draft = this.#lookup.draft(most);
    if (draft === undefined) return undefined;
    const length = this.#controller.draftLength(draft.matched, most);
    return length === 0 ? undefined : { ...draft, tokens: draft.tokens.slice(0, length) };
  }

  async #compute(
    tokens: readonly number[],
    draft: readonly number[],
    request: (history: readonly number[]) => LogitsRequest,
    signal: AbortSignal | undefined,
  ): Promise<readonly TokenLogits[]> {
    if (draft.length === 0) {
      return [await this.#session.next(tokens, request(tokens), signal, this.#buffer(0))];
    }
    const text = [...tokens, ...draft];
    // Penalties look at what would have come before each token.
    const requests = Array.from({ length: 1 + draft.length }, (_, i) =>
      request(text.slice(0, tokens.length + i)),
    );
    const into = requests[0]!.top === undefined ? requests.map((_, i) => this.#buffer(i)) : [];
    return this.#session.syncTail(text, requests, signal, into);
  }

  /** Large for a large vocabulary, so made once and only where all logits are asked for. */
  #buffer(i: number): Float32Array {
    this.#buffers[i] ??= new Float32Array(this.#session.engine.config.vocabularySize);
    return this.#buffers[i];
  }

  #count(what: keyof LookupCounters, count: number): void {
    this.counters[what] += count;
    this.#session.engine.lookupCounters[what] += count;
  }
}
