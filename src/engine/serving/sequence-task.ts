/**
 * One sequence in a scheduler: its tokens, how far they are computed, and what its reader is told. It can lose its cache
 * between two steps, and then computes its tokens anew before it goes on; nothing else is lost, and nobody can tell.
 */
import { BitnetError } from '../../base/errors.ts';
import type { KvCache } from '../../model/kv-cache.ts';
import type { StepItem } from '../engine.ts';
import { scoreOf, TokenChooser } from '../generation/token-chooser.ts';
import type { OutputRequest, TokenLogits } from '../step-outputs.ts';
import { EventQueue, type EventQueueListener } from './event-queue.ts';
import type {
  SequenceEnd,
  SequenceEvent,
  SequenceOptions,
  SequenceProgress,
  TokenScore,
} from './sequence.ts';
import type { Plannable } from './step-plan.ts';

/** Events that wait for the reader before the sequence pauses. */
export const MOST_UNREAD = 64;

/** What a sequence has to know of the engine. */
export interface SequenceLimits {
  readonly vocabularySize: number;
  readonly contextLength: number;
}

/** See the file's header. */
export class SequenceTask implements Plannable {
  readonly kind = 'sequence';
  readonly number: number;
  readonly priority: number;
  /** The prompt, and what was generated. */
  readonly tokens: number[];
  readonly options: SequenceOptions;
  readonly events: EventQueue<SequenceEvent>;
  readonly progress: { -readonly [K in keyof SequenceProgress]: SequenceProgress[K] };
  state: 'waiting' | 'running' | 'ended' = 'waiting';
  /** While it runs. */
  cache: KvCache | undefined;
  /** Tokens whose keys and values the cache holds. */
  computed = 0;
  lastStep = 0;
  /** Whether its prompt is part of the statistics. */
  isCounted = false;
  /** A step under way writes to its cache. */
  isInStep = false;
  /** Whose cache will hold the first positions of this one's tokens soon. */
  leader: { readonly task: SequenceTask; readonly positions: number } | undefined;
  readonly #promptLength: number;
  readonly #maxTokens: number;
  readonly #contextLength: number;
  readonly #chooser: TokenChooser;
  /** Of the prompt's tokens from the second on, as far as they are known. */
  readonly #scores: TokenScore[] = [];
  readonly #start = performance.now();
  #isToldScores: boolean;
  #endTime: number | undefined;

  /** @throws BitnetError `option/…` */
  constructor(
    number: number,
    prompt: readonly number[],
    options: SequenceOptions,
    { vocabularySize, contextLength }: SequenceLimits,
    listener: (task: SequenceTask) => EventQueueListener,
  ) {
    this.number = number;
    this.priority = options.priority ?? 0;
    this.tokens = [...prompt];
    this.options = options;
    this.#promptLength = prompt.length;
    this.#maxTokens = options.maxTokens ?? Number.MAX_SAFE_INTEGER;
    this.#contextLength = contextLength;
    this.#isToldScores = options.promptLogprobs === undefined;
    checkOptions(options);
    this.#chooser = new TokenChooser(options, vocabularySize);
    this.events = new EventQueue(MOST_UNREAD, listener(this));
    const secondsOf = () => ((this.#endTime ?? performance.now()) - this.#start) / 1000;
    this.progress = {
      end: undefined,
      promptTokens: prompt.length,
      cachedTokens: 0,
      generatedTokens: 0,
      queuedSeconds: 0,
      firstTokenSeconds: 0,
      get seconds() {
        return secondsOf();
      },
    };
  }

  get remaining(): number {
    return this.tokens.length - this.computed;
  }

  get isGenerating(): boolean {
    return this.remaining === 1 && this.#isToldScores;
  }

  /** Its reader has to catch up before it goes on. */
  get isPaused(): boolean {
    return this.events.isFull;
  }

  /** Whether the logits of its prompt are wanted, so that keys and values alone are of no use. */
  get isScoring(): boolean {
    return !this.#isToldScores;
  }

  /** Positions that need not be computed by itself, if a cache holds them: never the last one. */
  get usablePrefix(): number {
    return Math.min(this.tokens.length - 1, this.isScoring ? this.#scores.length : this.tokens.length);
  }

  /** Positions that it will hold for sure, and some that it may come to hold soon. */
  foreseen(growth: number): number {
    const most = Math.min(this.#promptLength + this.#maxTokens, this.#contextLength);
    return Math.max(this.tokens.length, Math.min(this.tokens.length + growth, most));
  }

  countFor(most: number, outputs: number): number {
    let count = Math.min(most, this.remaining);
    while (count > 0 && this.outputsOf(count) > outputs) count--;
    return count;
  }

  outputsOf(count: number): number {
    return this.#scoredWithin(count).length + (this.#givesToken(count) ? 1 : 0);
  }

  /** The next `count` tokens for a step. @throws what the constraint throws */
  item(count: number): StepItem {
    const position = this.computed;
    const outputs: OutputRequest[] = this.#scoredWithin(count).map((scored) => ({
      index: scored - position,
    }));
    if (this.#givesToken(count)) outputs.push({ ...this.#chooser.request(this.tokens), index: count - 1 });
    return { cache: this.cache!, position, tokens: this.tokens.slice(position, position + count), outputs };
  }

  /** The step of this number begins, and it has a part in it. */
  begin(step: number): void {
    this.isInStep = true;
    this.lastStep = step;
    if (this.progress.queuedSeconds === 0) this.progress.queuedSeconds = this.#secondsNow();
  }

  /**
   * A step has computed the next `count` tokens.
   *
   * @param rows the answers to the outputs of {@link item}
   * @throws BitnetError `sampling/no-token`; what the constraint and `endsAt` throw
   */
  advance(count: number, rows: readonly TokenLogits[]): void {
    const scored = this.#scoredWithin(count);
    const givesToken = this.#givesToken(count);
    this.computed += count;
    for (const [i, position] of scored.entries()) {
      this.#scores.push(scoreOf(rows[i]!.logits, this.tokens[position + 1]!, this.options.promptLogprobs!));
    }
    if (!this.#isToldScores && this.#scores.length === this.#promptLength - 1) {
      this.#isToldScores = true;
      this.events.push({ kind: 'prompt', scores: this.#scores });
    }
    if (givesToken) this.#takeToken(rows[scored.length]!);
    else if (this.#maxTokens === 0 && this.remaining === 0) this.#end('length');
  }

  /** It ends with an error: behind what was told already, or instead of what is left of that to be read. */
  fail(reason: unknown, isAtOnce: boolean): void {
    if (this.state === 'ended') return;
    if (isAtOnce) this.events.abort(reason);
    else this.events.end({ reason });
    this.#close();
  }

  /** It ends, and nobody reads any more. */
  leave(): void {
    if (this.state !== 'ended') this.#close();
  }

  #takeToken(row: TokenLogits): void {
    const token = this.#chooser.choose(row, this.tokens);
    if (token === undefined) {
      // The last token is computed once more, for all of its logits.
      this.computed--;
      return;
    }
    const { id } = token;
    this.tokens.push(id);
    const { progress } = this;
    if (++progress.generatedTokens === 1) progress.firstTokenSeconds = this.#secondsNow();
    this.events.push({ kind: 'token', ...token });
    const { stopIds, endsAt } = this.options;
    // Asked about every token, the last one too: it may keep account of them.
    const isEnd = endsAt?.(id) ?? false;
    if (isEnd || stopIds?.has(id)) this.#end('stop');
    else if (progress.generatedTokens >= this.#maxTokens) this.#end('length');
    else if (this.tokens.length > this.#contextLength) this.#end('context');
  }

  #end(end: SequenceEnd): void {
    this.progress.end = end;
    this.events.end();
    this.#close();
  }

  #close(): void {
    this.state = 'ended';
    this.leader = undefined;
    this.#endTime = performance.now();
    this.#chooser.dispose();
  }

  /** Positions among the next `count` whose logits score the prompt's next token. */
  #scoredWithin(count: number): number[] {
    if (this.#isToldScores) return [];
    const first = Math.max(this.computed, this.#scores.length);
    const end = Math.min(this.computed + count, this.#promptLength - 1);
    return Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
  }

  #givesToken(count: number): boolean {
    return this.#maxTokens > 0 && count === this.remaining;
  }

  #secondsNow(): number {
    return (performance.now() - this.#start) / 1000;
  }
}

function checkOptions({ maxTokens, logprobs, promptLogprobs, priority }: SequenceOptions): void {
  checkWhole('maxTokens', maxTokens, 0, Number.MAX_SAFE_INTEGER);
  checkWhole('logprobs', logprobs, 0, 20);
  checkWhole('promptLogprobs', promptLogprobs, 0, 20);
  checkWhole('priority', priority, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
}

/** @throws BitnetError `option/…` for a value that is there and no whole number in the range */
export function checkWhole(name: string, value: number | undefined, least: number, most: number): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least && value <= most)) return;
  throw new BitnetError(
    `option/${name}`,
    `${name} is ${value}, and must be a whole number from ${least} to ${most}`,
  );
}
