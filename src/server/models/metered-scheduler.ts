/**
 * A scheduler whose sequences are seen by metrics, by the access log and by whoever logs prompts, so that no dialect has to
 * think of them.
 */
import { Scheduler, type SchedulerOptions } from '../../engine/serving/scheduler.ts';
import type { Pooling, Sequence, SequenceEvent, SequenceOptions } from '../../engine/serving/sequence.ts';
import type { Model } from '../../index.ts';
import { recordSequence, type SequenceObserver } from '../operations/metrics.ts';
import { currentRecord } from '../operations/request-record.ts';

/** See the file's header. */
export class MeteredScheduler extends Scheduler {
  readonly #id: string;
  readonly #model: Model;
  readonly #observer: SequenceObserver;
  #isDisposed = false;

  /** @param id the model's name */
  constructor(id: string, model: Model, options: SchedulerOptions, observer: SequenceObserver) {
    super(model.engine, options);
    this.#id = id;
    this.#model = model;
    this.#observer = observer;
  }

  override submit(prompt: readonly number[], options: SequenceOptions = {}): Sequence {
    const observed = this.#observed(super.submit(prompt, options), options.signal);
    recordSequence(this.#id, observed.sequence);
    const texts = currentRecord()?.texts;
    const text = texts && { prompt: this.#model.detokenize(prompt), reply: '' };
    if (text !== undefined) {
      texts!.push(text);
      observed.onToken = (id) => {
        text.reply += this.#textOf(id);
      };
    }
    return observed.sequence;
  }

  override async embed(
    prompt: readonly number[],
    pooling: Pooling,
    options: Pick<SequenceOptions, 'priority' | 'signal'> = {},
  ): Promise<Float32Array> {
    const start = performance.now();
    const progress = {
      end: undefined as 'length' | undefined,
      promptTokens: prompt.length,
      cachedTokens: 0,
      generatedTokens: 0,
      queuedSeconds: 0,
      firstTokenSeconds: 0,
      seconds: 0,
    };
    recordSequence(this.#id, { progress });
    try {
      const vector = await super.embed(prompt, pooling, options);
      progress.end = 'length';
      return vector;
    } finally {
      progress.seconds = (performance.now() - start) / 1000;
      this.#observer.ended(this.#id, progress);
    }
  }

  override async dispose(): Promise<void> {
    if (!this.#isDisposed) this.#observer.unloaded(this.statistics);
    this.#isDisposed = true;
    await super.dispose();
  }

  /** The same sequence; what it gives is told to the observer, and to `onToken` where that is set. */
  #observed(
    sequence: Sequence,
    signal: AbortSignal | undefined,
  ): { readonly sequence: Sequence; onToken?: (id: number) => void } {
    const inner = sequence[Symbol.asyncIterator]();
    let last: number | undefined;
    let isOver = false;
    let wasLeft = false;
    const progress = () => (wasLeft ? { ...sequence.progress, end: 'stop' as const } : sequence.progress);
    const end = () => {
      if (!isOver) this.#observer.ended(this.#id, progress());
      isOver = true;
    };
    const iterator: AsyncIterator<SequenceEvent> = {
      next: async () => {
        try {
          const result = await inner.next();
          if (result.done) {
            end();
          } else if (result.value.kind === 'token') {
            const now = performance.now();
            if (last !== undefined) this.#observer.token(this.#id, (now - last) / 1000);
            last = now;
            observed.onToken?.(result.value.id);
          }
          return result;
        } catch (error) {
          end();
          throw error;
        }
      },
      return: async () => {
        // Whoever leaves a sequence without having been told to has met a stop string.
        wasLeft = !isOver && signal?.aborted !== true && sequence.progress.end === undefined;
        await inner.return?.();
        end();
        return { done: true, value: undefined };
      },
    };
    const observed: { readonly sequence: Sequence; onToken?: (id: number) => void } = {
      sequence: {
        get progress() {
          return progress();
        },
        [Symbol.asyncIterator]: () => iterator,
      },
    };
    return observed;
  }

  #textOf(id: number): string {
    const { tokenizer } = this.#model;
    return id < tokenizer.vocabSize ? tokenizer.decode([id], { continuation: true }) : '';
  }
}
