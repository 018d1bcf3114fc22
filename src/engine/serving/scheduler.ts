/**
 * Many sequences on one engine: every step takes the next token of all that generate and chunks of prompts of those that
 * begin. Results do not depend on what else is in a step.
 */
import { ContextLengthExceeded } from '../../base/errors.ts';
import { embedTokens } from '../embedding.ts';
import type { Engine } from '../engine.ts';
import { logSumExp, Sampler, topTokens } from '../generation/sampler.ts';
import { Session } from '../session.ts';
import type {
  Pooling,
  SchedulerStatistics,
  Sequence,
  SequenceEvent,
  SequenceOptions,
  SequenceProgress,
  TokenScore,
} from './sequence.ts';

/** Bounds of a scheduler. */
export interface SchedulerOptions {
  /** Most sequences that are computed together; default 16. */
  readonly maxRunning?: number;
  /** Most that wait for that; default 512. */
  readonly maxWaiting?: number;
  /** Bytes for the KV blocks of running sequences and of the prefix cache. */
  readonly kvCacheBytes?: number;
}

/** See the file's header. */
export class Scheduler {
  readonly engine: Engine;

  constructor(engine: Engine, _options: SchedulerOptions = {}) {
    this.engine = engine;
  }

  get statistics(): SchedulerStatistics {
    return {
      running: 0,
      waiting: 0,
      kvCacheUsage: 0,
      kvCacheInUse: 0,
      steps: 0,
      promptTokens: 0,
      cachedTokens: 0,
      generatedTokens: 0,
      refused: 0,
      cancelled: 0,
    };
  }

  /**
   * Begins a sequence.
   *
   * @param prompt at least one token, at most the context
   * @throws at once: BitnetError `scheduler/full` when too many wait, `tokens/…`, `option/…`; ContextLengthExceeded.
   *   While iterating: the signal's reason; BitnetError `model/disposed`, `memory/…`, `sampling/no-token`
   */
  submit(prompt: readonly number[], options: SequenceOptions = {}): Sequence {
    const sampler = new Sampler(options, this.engine.config.vocabularySize);
    if (prompt.length > this.engine.contextLength) {
      throw new ContextLengthExceeded(prompt.length, this.engine.contextLength);
    }
    const progress = { ...NOTHING_YET, promptTokens: prompt.length };
    const events = this.#run(prompt, options, sampler, progress);
    return { progress, [Symbol.asyncIterator]: () => events };
  }

  /**
   * The vector of a text.
   *
   * @returns f32 [embeddingLength], not normalised
   * @throws as {@link submit}
   */
  async embed(
    prompt: readonly number[],
    pooling: Pooling,
    options: Pick<SequenceOptions, 'priority' | 'signal'> = {},
  ): Promise<Float32Array> {
    return embedTokens(this.engine, prompt, pooling, { signal: options.signal });
  }

  /** Ends all sequences; the engine stays. */
  async dispose(): Promise<void> {}

  async *#run(
    prompt: readonly number[],
    options: SequenceOptions,
    sampler: Sampler,
    progress: Writable,
  ): AsyncGenerator<SequenceEvent, void, undefined> {
    const start = performance.now();
    const session = new Session(this.engine);
    const tokens = [...prompt];
    const maxTokens = options.maxTokens ?? Number.MAX_SAFE_INTEGER;
    const end = (reason: SequenceProgress['end']) => {
      progress.end = reason;
    };
    try {
      if (options.promptLogprobs !== undefined) {
        const scores: TokenScore[] = [];
        await session.syncEach(prompt, 0, (position, logits) => {
          if (position + 1 < prompt.length) {
            scores.push(score(logits, prompt[position + 1]!, options.promptLogprobs!));
          }
        });
        yield { kind: 'prompt', scores };
      }
      if (maxTokens === 0) return end('length');
      for (;;) {
        const logits = await session.sync(tokens, options.signal);
        const scored = logits.slice();
        const mask = options.constraint?.mask();
        if (mask !== undefined) {
          for (let id = 0; id < logits.length; id++) {
            if (((mask[id >> 5] ?? 0) & (1 << (id & 31))) === 0) logits[id] = Number.NEGATIVE_INFINITY;
          }
        }
        if (options.below !== undefined) logits.fill(Number.NEGATIVE_INFINITY, options.below);
        const id = sampler.sample({ logits }, tokens);
        options.constraint?.accept(id);
        tokens.push(id);
        if (++progress.generatedTokens === 1) progress.firstTokenSeconds = (performance.now() - start) / 1000;
        yield {
          kind: 'token',
          id,
          ...(options.logprobs === undefined ? {} : { score: score(scored, id, options.logprobs) }),
        } satisfies SequenceEvent;
        if (options.stopIds?.has(id)) return end('stop');
        if (progress.generatedTokens === maxTokens) return end('length');
        if (tokens.length > this.engine.contextLength) return end('context');
      }
    } finally {
      progress.seconds = (performance.now() - start) / 1000;
      session.dispose();
      options.constraint?.dispose();
    }
  }
}

type Writable = { -readonly [K in keyof SequenceProgress]: SequenceProgress[K] };

const NOTHING_YET: SequenceProgress = {
  end: undefined,
  promptTokens: 0,
  cachedTokens: 0,
  generatedTokens: 0,
  queuedSeconds: 0,
  firstTokenSeconds: 0,
  seconds: 0,
};

function score(logits: Float32Array, id: number, top: number): TokenScore {
  return { id, logprob: logits[id]! - logSumExp(logits), top: topTokens(logits, top) };
}
