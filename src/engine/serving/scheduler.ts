/**
 * Many sequences on one engine: every step takes the next token of all that generate and chunks of prompts of those that
 * begin. Results do not depend on what else is in a step. Who waits, what a step holds, where memory comes from and how a
 * sequence goes on are the business of the files beside this one; here is the loop that ties them together
 * (docs/server/scheduling.md).
 */
import { nextTurn } from '#platform';
import { BitnetError } from '../../base/errors.ts';
import { embedTokens } from '../embedding.ts';
import type { Engine } from '../engine.ts';
import { checkTokens } from '../session.ts';
import { EmbedTask, type EmbedTokens } from './embed-task.ts';
import { KvMemory } from './kv-memory.ts';
import { findPrefix, followsLeader, type PrefixSource } from './prefix-source.ts';
import type { Pooling, SchedulerStatistics, Sequence, SequenceOptions } from './sequence.ts';
import { checkWhole, SequenceTask } from './sequence-task.ts';
import { type Chunk, planStep } from './step-plan.ts';
import { StepRunner } from './step-runner.ts';
import { goesBefore, WaitingLine } from './waiting-line.ts';

/** Bounds of a scheduler. */
export interface SchedulerOptions {
  /** Most sequences that are computed together; default 16. Those whose readers are behind do not count. */
  readonly maxRunning?: number;
  /** Most that wait for that; default 512. */
  readonly maxWaiting?: number;
  /**
   * Bytes for the KV blocks of running sequences and of the prefix cache. Default: 1 GiB, or a quarter of what the backend
   * can still address if that is less, but room for one full context in any case.
   */
  readonly kvCacheBytes?: number;
  /** What computes vectors of texts; by default src/engine/embedding.ts. */
  readonly embedTokens?: EmbedTokens;
}

const DEFAULT_RUNNING = 16;
const DEFAULT_WAITING = 512;

type Task = SequenceTask | EmbedTask;

/** See the file's header. */
export class Scheduler {
  readonly engine: Engine;
  readonly #maxRunning: number;
  readonly #maxWaiting: number;
  readonly #embedTokens: EmbedTokens;
  readonly #memory: KvMemory;
  readonly #runner: StepRunner;
  readonly #waiting = new WaitingLine<Task>();
  readonly #running = new Set<SequenceTask>();
  /** One at a time, and in turn with steps, which share the engine with it. */
  #embedding: EmbedTask | undefined;
  #embedded: Promise<void> = Promise.resolve();
  /** How to forget signals that tasks listen to. */
  readonly #unlisten = new Map<Task, () => void>();
  readonly #counts = { promptTokens: 0, cachedTokens: 0, preempted: 0, refused: 0, cancelled: 0 };
  #generatedTokens = 0;
  #submissions = 0;
  /** The machine has less memory than the budget, and no sequence has ended since: nobody else would find any. */
  #isShort = false;
  #isLooping = false;
  #loop: Promise<void> = Promise.resolve();
  #closed: BitnetError | undefined;

  /** @throws BitnetError `option/…` for a bound that is out of range, `model/disposed` */
  constructor(engine: Engine, options: SchedulerOptions = {}) {
    checkWhole('maxRunning', options.maxRunning, 1, 65536);
    checkWhole('maxWaiting', options.maxWaiting, 0, 2 ** 20);
    this.engine = engine;
    this.#maxRunning = options.maxRunning ?? DEFAULT_RUNNING;
    this.#maxWaiting = options.maxWaiting ?? DEFAULT_WAITING;
    this.#embedTokens = options.embedTokens ?? embedTokens;
    this.#runner = new StepRunner(engine);
    this.#memory = new KvMemory(engine, options.kvCacheBytes);
  }

  get statistics(): SchedulerStatistics {
    const { all, inUse } = this.#memory.usage(this.#running);
    return {
      running: this.#running.size + (this.#embedding === undefined ? 0 : 1),
      waiting: this.#waiting.size,
      kvCacheUsage: all,
      kvCacheInUse: inUse,
      kvCacheBytes: this.#memory.totalBytes,
      ...this.#counts,
      steps: this.#runner.steps,
      generatedTokens: this.#generatedTokens,
    };
  }

  /**
   * Begins a sequence.
   *
   * @param prompt at least one token, at most the context
   * @throws at once: BitnetError `scheduler/full` when too many wait, `scheduler/disposed`, `tokens/…`, `option/…`,
   *   `memory/kv-cache` when the prompt can never fit; ContextLengthExceeded.
   *   While iterating: the signal's reason; BitnetError `scheduler/disposed`, `model/disposed`, `memory/…`,
   *   `sampling/no-token`
   */
  submit(prompt: readonly number[], options: SequenceOptions = {}): Sequence {
    try {
      this.#checkSubmission(prompt);
      const task = new SequenceTask(this.#submissions, prompt, options, this.#limits, (own) => ({
        onRoom: () => this.#wake(),
        onLeave: () => this.#cancel(own, () => own.leave()),
      }));
      this.#enter(task, options.signal, (reason) => this.#cancel(task, () => task.fail(reason, true)));
      return { progress: task.progress, [Symbol.asyncIterator]: () => task.events };
    } catch (error) {
      options.constraint?.dispose();
      throw error;
    }
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
    checkWhole('priority', options.priority, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    this.#checkSubmission(prompt);
    const task = new EmbedTask(this.#submissions, options.priority ?? 0, prompt, pooling);
    this.#enter(task, options.signal, (reason) => this.#cancel(task, () => task.fail(reason)));
    return task.result;
  }

  /** Forgets what ended sequences computed; those that run keep what they have of it. */
  clearPrefixCache(): void {
    this.#memory.prefixes.clear();
  }

  /** Ends all sequences, and takes no more; the engine stays. */
  async dispose(): Promise<void> {
    this.#closed ??= new BitnetError(
      'scheduler/disposed',
      'the model is being unloaded, which ends all that it was asked for; load it again to go on',
    );
    this.#failAll(this.#closed);
    await Promise.all([this.#loop, this.#embedded]);
    this.clearPrefixCache();
  }

  get #limits(): { vocabularySize: number; contextLength: number } {
    return { vocabularySize: this.engine.config.vocabularySize, contextLength: this.engine.contextLength };
  }

  #checkSubmission(prompt: readonly number[]): void {
    if (this.#closed !== undefined) throw this.#closed;
    this.engine.checkUsable();
    checkTokens(this.engine, prompt);
    this.#memory.checkFits(prompt.length);
    const running = this.#running.size + (this.#embedding === undefined ? 0 : 1);
    if (this.#waiting.size + running < this.#maxRunning + this.#maxWaiting) return;
    this.#counts.refused++;
    throw new BitnetError(
      'scheduler/full',
      `${running} sequences run and ${this.#waiting.size} wait, and at most ${this.#maxRunning} and ` +
        `${this.#maxWaiting} may; try again in a while`,
      { details: { running, waiting: this.#waiting.size } },
    );
  }

  #enter(task: Task, signal: AbortSignal | undefined, onAbort: (reason: unknown) => void): void {
    this.#submissions++;
    this.#waiting.add(task);
    if (signal !== undefined) {
      const listener = () => onAbort(signal.reason);
      signal.addEventListener('abort', listener, { once: true });
      this.#unlisten.set(task, () => signal.removeEventListener('abort', listener));
      if (signal.aborted) listener();
    }
    this.#wake();
  }

  /** Ends a task from outside, at once; a step that it is part of is the last. */
  #cancel(task: Task, end: () => void): void {
    this.#counts.cancelled++;
    end();
    this.#forget(task);
    this.#wake();
  }

  /** Lets go of what a task that has ended holds, as soon as no step uses it. */
  #forget(task: Task, isKept = true): void {
    this.#unlisten.get(task)?.();
    this.#unlisten.delete(task);
    this.#waiting.remove(task);
    if (task.kind === 'embed' || task.isInStep) return;
    if (!this.#running.delete(task)) return;
    this.#memory.close(task, isKept);
    this.#isShort = false;
  }

  /** Ends everything with a fault that concerns all. */
  #failAll(error: unknown): void {
    for (const task of [...this.#waiting, ...this.#running]) {
      if (task.kind === 'embed') task.fail(error);
      else task.fail(error, false);
      this.#forget(task, false);
    }
    this.#embedding?.fail(error);
  }

  #wake(): void {
    if (this.#isLooping) return;
    this.#isLooping = true;
    this.#loop = this.#run();
  }

  /** Steps for as long as there is something to compute. */
  async #run(): Promise<void> {
    // Those that are submitted together begin together.
    await Promise.resolve();
    for (;;) {
      try {
        this.#admit();
        const chunks = this.#nextChunks();
        if (chunks.length === 0) {
          this.#isLooping = false;
          return;
        }
        await this.#step(chunks);
      } catch (error) {
        this.#failAll(error);
        this.clearPrefixCache();
      }
      // What readers cancel now is not part of the next step.
      await nextTurn();
    }
  }

  /** Gives places to those that wait, as far as there are any. */
  #admit(): void {
    for (;;) {
      const active = [...this.#running].filter((task) => !task.isPaused).length;
      if (active + (this.#embedding === undefined ? 0 : 1) >= this.#maxRunning) return;
      if (this.#isShort && active > 0) return;
      const sources = new Map<SequenceTask, PrefixSource>();
      const task = this.#waiting.next((candidate) => this.#isReady(candidate, sources));
      if (task === undefined) return;
      const isAdmitted =
        task.kind === 'embed' ? this.#startEmbedding(task) : this.#start(task, sources.get(task)?.prefix);
      if (!isAdmitted) return;
    }
  }

  /** Whether it would not be better off waiting for what others are about to compute. */
  #isReady(task: Task, sources: Map<SequenceTask, PrefixSource>): boolean {
    if (task.kind === 'embed') return this.#embedding === undefined;
    if (task.isPaused || followsLeader(task)) return false;
    const source = findPrefix(task, this.#running, this.#memory.prefixes);
    task.leader = source.leader;
    sources.set(task, source);
    return source.leader === undefined;
  }

  /** False when it has to wait for memory; else the line may be another one now. */
  #start(task: SequenceTask, prefix: PrefixSource['prefix']): boolean {
    const isAlone = this.#running.size === 0 && this.#embedding === undefined;
    if (!isAlone && !this.#memory.fits(task, prefix, this.#running)) return this.#preemptPaused();
    try {
      this.#memory.open(task, prefix);
    } catch (error) {
      if (!isMemoryError(error)) throw error;
      if (this.#memory.shrink(this.#running)) return true;
      if (!isAlone) return false;
      task.fail(error, false);
      this.#forget(task);
      return true;
    }
    this.#waiting.take(task);
    this.#running.add(task);
    task.state = 'running';
    task.lastStep = this.#runner.steps;
    if (!task.isCounted) {
      task.isCounted = true;
      task.progress.cachedTokens = task.computed;
      this.#counts.promptTokens += task.progress.promptTokens;
      this.#counts.cachedTokens += task.computed;
    }
    return true;
  }

  #startEmbedding(task: EmbedTask): boolean {
    const { length } = task.tokens;
    if (this.#running.size > 0 && !this.#memory.hasRoomFor(length, this.#running))
      return this.#preemptPaused();
    this.#waiting.take(task);
    this.#embedding = task;
    this.#counts.promptTokens += length;
    const release = this.#memory.reserve(length, this.#running);
    this.#embedded = task.run(this.engine, this.#embedTokens).then(() => {
      release();
      this.#embedding = undefined;
      this.#forget(task);
      this.#wake();
    });
    return true;
  }

  /** What the next step holds, with room for it; sequences lose theirs where there is none. */
  #nextChunks(): Chunk<SequenceTask>[] {
    const { batchTokens, stepOutputs } = this.engine;
    for (;;) {
      const ready = [...this.#running].filter((task) => !task.isPaused);
      const room = { tokens: batchTokens, outputs: stepOutputs };
      const chunks = planStep(ready, room, this.#runner.steps + 1);
      if (chunks.length === 0 || this.#memory.makeRoom(chunks, this.#running)) return chunks;
      if (!this.#makeWay()) return [];
    }
  }

  /**
   * Takes the memory of one sequence for others: of one that pauses, of the least priority, or the youngest. The last one
   * that is left fails, unless what it lacks is about to come free.
   *
   * @returns false when that is so
   */
  #makeWay(error?: BitnetError): boolean {
    const [first, ...others] = this.#running;
    if (first === undefined) return false;
    if (others.length > 0) {
      this.#preempt(others.reduce((worst, task) => (yields(task, worst) ? task : worst), first));
      this.#isShort = error !== undefined;
      return true;
    }
    if (this.#embedding !== undefined && error === undefined) return false;
    first.fail(error ?? this.#memory.tooSmall(first.tokens.length), false);
    this.#forget(first, false);
    return true;
  }

  /** Takes the memory of one that would not use it now. @returns whether there was one */
  #preemptPaused(): boolean {
    const paused = [...this.#running].find((task) => task.isPaused);
    if (paused !== undefined) this.#preempt(paused);
    return paused !== undefined;
  }

  /** Sends a sequence back to wait for memory; its tokens will be computed anew. */
  #preempt(task: SequenceTask): void {
    this.#counts.preempted++;
    this.#running.delete(task);
    this.#memory.close(task, false);
    task.state = 'waiting';
    this.#waiting.add(task);
  }

  async #step(chunks: readonly Chunk<SequenceTask>[]): Promise<void> {
    let lack: BitnetError | undefined;
    try {
      this.#generatedTokens += await this.#runner.run(chunks);
    } catch (error) {
      if (!isMemoryError(error)) throw error;
      lack = error;
    } finally {
      for (const { task } of chunks) if (task.state === 'ended') this.#forget(task);
    }
    if (lack !== undefined && !this.#memory.shrink(this.#running)) this.#makeWay(lack);
  }
}

/** Whether a sequence has to give way to another one rather than that one to it. */
function yields(a: SequenceTask, b: SequenceTask): boolean {
  return a.isPaused === b.isPaused ? goesBefore(b, a) : a.isPaused;
}

function isMemoryError(error: unknown): error is BitnetError {
  return error instanceof BitnetError && error.code.startsWith('memory/');
}
