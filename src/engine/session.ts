/**
 * One timeline of tokens with its KV cache. {@link Session.sync} makes the session hold exactly the tokens given and
 * computes only what follows the longest common prefix: prompt caching, chat turns, editing and retries are this call.
 */
import { assert } from '../base/assert.ts';
import { BitnetError, ContextLengthExceeded } from '../base/errors.ts';
import type { KvCache } from '../model/kv-cache.ts';
import type { Engine } from './engine.ts';
import type { LogitsRequest, OutputRequest, TokenLogits } from './step-outputs.ts';

/** See the file's header. Not for concurrent calls. */
export class Session {
  readonly engine: Engine;
  readonly #cache: KvCache;
  /** Tokens whose keys and values the cache holds. */
  #tokens: number[] = [];
  /** f32 [vocabularySize] of the last of them, in {@link #buffer}; undefined when they were not computed. */
  #logits: Float32Array | undefined;
  /** Half a megabyte for a large vocabulary: made once, not for every token. */
  readonly #buffer: Float32Array;
  #isDisposed = false;

  /** @throws BitnetError `model/disposed`, `memory/…` */
  constructor(engine: Engine, cache: KvCache = engine.allocateCache()) {
    this.engine = engine;
    this.#cache = cache;
    this.#buffer = new Float32Array(engine.config.vocabularySize);
  }

  /** The tokens held. */
  get tokens(): readonly number[] {
    return this.#tokens;
  }

  /** How many of `tokens` need not be computed again. */
  commonPrefix(tokens: ArrayLike<number>): number {
    const most = Math.min(tokens.length, this.#tokens.length);
    let common = 0;
    while (common < most && this.#tokens[common] === tokens[common]) common++;
    return common;
  }

  /**
   * Makes the session hold `tokens`.
   *
   * @param into f32 [vocabularySize] to take the logits; a fresh array without it
   * @returns f32 [vocabularySize], the logits of the last token, the caller's to change
   * @throws ContextLengthExceeded; BitnetError `tokens/empty`, `tokens/bad-id`; the signal's reason, in which case the
   *   session holds what was computed so far
   */
  async sync(
    tokens: ArrayLike<number>,
    signal?: AbortSignal,
    into: Float32Array = new Float32Array(this.engine.config.vocabularySize),
  ): Promise<Float32Array> {
    const { logits } = await this.next(tokens, {}, signal, into);
    return logits;
  }

  /**
   * Makes the session hold `tokens`, for a caller that need not have all logits of the last one.
   *
   * @param into f32 [vocabularySize] to take the logits where there are all of them; a fresh array without it
   * @returns what `request` asks for, or all logits where that is no more work; the caller's to change
   * @throws as {@link sync}
   */
  async next(
    tokens: ArrayLike<number>,
    request: LogitsRequest,
    signal?: AbortSignal,
    into: Float32Array = new Float32Array(this.engine.config.vocabularySize),
  ): Promise<TokenLogits> {
    checkTokens(this.engine, tokens);
    // The last token's logits must be at hand or computed, so at least that one is run when they are not.
    const common = this.commonPrefix(tokens);
    let row: TokenLogits | undefined;
    if (common === tokens.length && common === this.#tokens.length && this.#logits !== undefined) {
      row = { logits: this.#logits };
    } else this.#rewind(Math.min(common, tokens.length - 1));
    while (row === undefined) {
      const count = Math.min(this.engine.batchTokens, tokens.length - this.#tokens.length);
      const isLast = this.#tokens.length + count === tokens.length;
      const outputs = isLast ? [{ ...request, index: count - 1 }] : [];
      [row] = await this.#compute(tokens, count, outputs, signal, [this.#buffer]);
    }
    if (row.ids !== undefined) return row;
    this.#logits = row.logits;
    into.set(row.logits);
    return { ...row, logits: into };
  }

  /**
   * Makes the session hold `tokens`, and answers logits of the last ones: of a draft, say, that is computed in one step with
   * the token before it.
   *
   * @param requests for each of the last tokens, at most as many as a step has outputs and tokens
   * @param into f32 [vocabularySize] each, to take logits where there are all of them; fresh arrays beyond
   * @returns in the order of `requests`
   * @throws as {@link sync}
   */
  async syncTail(
    tokens: ArrayLike<number>,
    requests: readonly LogitsRequest[],
    signal?: AbortSignal,
    into: readonly Float32Array[] = [],
  ): Promise<TokenLogits[]> {
    checkTokens(this.engine, tokens);
    const { batchTokens, stepOutputs } = this.engine;
    const count = requests.length;
    assert(
      count >= 1 && count <= Math.min(batchTokens, stepOutputs, tokens.length),
      `a tail of ${count} tokens`,
    );
    this.#rewind(Math.min(this.commonPrefix(tokens), tokens.length - count));
    for (;;) {
      const left = tokens.length - this.#tokens.length;
      if (left <= batchTokens) {
        const outputs = requests.map((request, i) => ({ ...request, index: left - count + i }));
        return this.#compute(tokens, left, outputs, signal, into);
      }
      await this.#compute(tokens, Math.min(batchTokens, left - count), [], signal);
    }
  }

  /**
   * Makes the session hold `tokens`, calling `visit` with the logits of every position from `first` on, in order.
   *
   * @throws as {@link sync}
   */
  async syncEach(
    tokens: ArrayLike<number>,
    first: number,
    visit: (position: number, logits: Float32Array) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    checkTokens(this.engine, tokens);
    this.#rewind(Math.min(this.commonPrefix(tokens), first));
    const { batchTokens, stepOutputs } = this.engine;
    while (this.#tokens.length < tokens.length) {
      const start = this.#tokens.length;
      const most = start >= first ? Math.min(batchTokens, stepOutputs) : Math.min(batchTokens, first - start);
      const count = Math.min(most, tokens.length - start);
      const wanted = start >= first ? Array.from({ length: count }, (_, index) => ({ index })) : [];
      const rows = await this.#compute(tokens, count, wanted, signal);
      for (const [i, { logits }] of rows.entries()) visit(start + i, logits);
    }
  }

  /**
   * A session that holds the first `length` of this one's tokens, all of them by default. The two share the memory of
   * what they have in common and go their own ways from there; each has to be disposed of.
   *
   * @throws BitnetError `session/disposed`, `session/bad-length`, `model/disposed`, `memory/…`
   */
  fork(length: number = this.#tokens.length): Session {
    this.#checkUsable();
    if (!Number.isInteger(length) || length < 0 || length > this.#tokens.length) {
      throw new BitnetError(
        'session/bad-length',
        `a fork at ${length} tokens was asked for, and the session holds ${this.#tokens.length}; give a whole number up to that`,
      );
    }
    const fork = new Session(this.engine, this.engine.forkCache(this.#cache, length));
    fork.#tokens = this.#tokens.slice(0, length);
    if (length === this.#tokens.length && this.#logits !== undefined) {
      fork.#buffer.set(this.#logits);
      fork.#logits = fork.#buffer;
    }
    return fork;
  }

  /** Frees the cache. */
  dispose(): void {
    if (this.#isDisposed) return;
    this.#isDisposed = true;
    this.engine.freeCache(this.#cache);
  }

  #checkUsable(): void {
    if (this.#isDisposed) throw new BitnetError('session/disposed', 'the session was disposed of');
  }

  #rewind(length: number): void {
    if (length === this.#tokens.length) return;
    this.#tokens.length = length;
    this.#logits = undefined;
  }

  async #compute(
    tokens: ArrayLike<number>,
    count: number,
    outputs: readonly OutputRequest[],
    signal: AbortSignal | undefined,
    into: readonly Float32Array[] = [],
  ): Promise<TokenLogits[]> {
    signal?.throwIfAborted();
    this.#checkUsable();
    const position = this.#tokens.length;
    const slice = Array.from({ length: count }, (_, i) => tokens[position + i]!);
    const rows = await this.engine.step([{ cache: this.#cache, position, tokens: slice, outputs }], into);
    this.#tokens.push(...slice);
    // Those at hand belong to an earlier token now.
    this.#logits = undefined;
    return rows;
  }
}

/** @throws ContextLengthExceeded; BitnetError `tokens/empty`, `tokens/bad-id` */
export function checkTokens(engine: Engine, tokens: ArrayLike<number>): void {
  if (tokens.length === 0) {
    throw new BitnetError('tokens/empty', 'there are no tokens to compute; give at least one');
  }
  if (tokens.length > engine.contextLength)
    throw new ContextLengthExceeded(tokens.length, engine.contextLength);
  const { vocabularySize } = engine.config;
  for (let i = 0; i < tokens.length; i++) {
    const id = tokens[i]!;
    if (!Number.isInteger(id) || id < 0 || id >= vocabularySize) {
      throw new BitnetError(
        'tokens/bad-id',
        `token ${i} is ${id}, and ids go from 0 to ${vocabularySize - 1}`,
      );
    }
  }
}
