/**
 * A loaded, immutable model: weights on a heap, a team of threads, and the one operation that everything else is made of,
 * a step over a batch of sequences. It knows tokens and logits, no text. Made by load-engine.ts.
 */
import { assert } from '../base/assert.ts';
import { BitnetError } from '../base/errors.ts';
import type { Backend } from '../kernels/backend.ts';
import type { Heap } from '../kernels/heap.ts';
import { type Kernels, type KvFormat, rowStride } from '../kernels/kernels.ts';
import type { Team } from '../kernels/team/team.ts';
import type { ModelConfig } from '../model/config.ts';
import { kvCacheBytes } from '../model/kv-cache.ts';
import type { KvCachePlan, ModelPlan } from '../model/plan.ts';

/** One sequence's part of a step. */
export interface StepItem {
  readonly cache: KvCachePlan;
  /** Position of the first of `tokens`. */
  readonly position: number;
  readonly tokens: ArrayLike<number>;
  /** Indexes into `tokens` whose logits are wanted. */
  readonly outputs: readonly number[];
}

/** What an engine is made of. */
export interface EngineParts {
  readonly backend: Backend;
  readonly team: Team;
  readonly plan: ModelPlan;
  readonly contextLength: number;
  readonly kvFormat: KvFormat;
  readonly warnings: readonly string[];
}

/** What an engine holds memory and threads with. */
export interface Loaded {
  readonly heap: Heap;
  readonly kernels: Kernels;
  readonly team: Team;
  readonly plan: ModelPlan;
}

/** See the file's header. Made by loadEngine. */
export class Engine {
  readonly config: ModelConfig;
  /** Tokens that a session can hold. */
  readonly contextLength: number;
  /** Most tokens of a step. */
  readonly batchTokens: number;
  /** Most outputs of a step. */
  readonly stepOutputs: number;
  /** How the head is held: `ternary` never occurs. */
  readonly headKind: 'dense' | 'int8';
  /** Sentences on faster backends that were passed over, and on what is unusual about the file. */
  readonly warnings: readonly string[];
  /** Name of the kernels that run. */
  readonly backendName: Backend['name'];
  /** Threads that compute. */
  readonly threads: number;
  /** Element type of the KV caches. */
  readonly kvFormat: KvFormat;
  /** Everything that holds memory; let go of by {@link dispose}, whoever still holds the engine. */
  #loaded: Loaded | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: EngineParts) {
    this.config = parts.plan.config;
    this.backendName = parts.backend.name;
    this.threads = parts.team.count;
    this.contextLength = parts.contextLength;
    this.batchTokens = parts.plan.work.tokens;
    this.stepOutputs = parts.plan.work.outputs;
    this.headKind = parts.plan.head.kind === 'int8' ? 'int8' : 'dense';
    this.warnings = parts.warnings;
    this.kvFormat = parts.kvFormat;
    const { heap, kernels } = parts.backend;
    this.#loaded = { heap, kernels, team: parts.team, plan: parts.plan };
  }

  /** Bytes of the heap that are in use. */
  get usedBytes(): number {
    return this.#use().heap.usedBytes;
  }

  /** What lies behind it, for measurements. @throws BitnetError `model/disposed` */
  get loaded(): Loaded {
    return this.#use();
  }

  /** Throws `model/disposed` after {@link dispose}. */
  checkUsable(): void {
    this.#use();
  }

  /** A zeroed cache for {@link contextLength} positions; give it back with {@link freeCache}. */
  allocateCache(): KvCachePlan {
    const bytes = kvCacheBytes(this.config, this.contextLength, this.kvFormat);
    const address = this.#use().heap.allocate(bytes);
    return { address, capacity: this.contextLength, format: this.kvFormat };
  }

  /** Takes a cache back. */
  freeCache(cache: KvCachePlan): void {
    this.#loaded?.heap.free(cache.address);
  }

  /**
   * Computes the tokens of all items in one pass; their caches then hold them.
   *
   * @param into arrays f32 [vocabularySize] to write the logits to, as far as there are any; fresh ones beyond
   * @returns f32 [outputs][vocabularySize], in the order of the items and their outputs
   * @throws BitnetError `model/disposed`, `team/worker-failed`
   */
  step(items: readonly StepItem[], into: readonly Float32Array[] = []): Promise<Float32Array[]> {
    // Steps share the work space, so they take turns.
    const done = this.#turn.then(() => this.#step(items, into));
    this.#turn = done.catch(() => {});
    return done;
  }

  async #step(items: readonly StepItem[], into: readonly Float32Array[]): Promise<Float32Array[]> {
    const { heap, team, plan } = this.#use();
    const { work } = plan;
    const tokens = items.flatMap((item) => Array.from(item.tokens));
    const positions = items.flatMap((item) => Array.from(item.tokens, (_, i) => item.position + i));
    assert(tokens.length >= 1 && tokens.length <= work.tokens, `a step of ${tokens.length} tokens`);
    heap.i32(work.ids, tokens.length).set(tokens);
    heap.i32(work.positions, tokens.length).set(positions);
    let first = 0;
    const outputRows: number[] = [];
    const segments = items.map((item) => {
      const segment = { cache: item.cache, first, count: item.tokens.length, position: item.position };
      for (const output of item.outputs) outputRows.push(first + output);
      first += item.tokens.length;
      return segment;
    });
    assert(outputRows.length <= work.outputs, `a step of ${outputRows.length} outputs`);
    heap.i32(work.outputRows, outputRows.length).set(outputRows);
    await team.run('forward', { tokens: tokens.length, segments, outputs: outputRows.length });
    const { vocabularySize } = this.config;
    return outputRows.map((_, i) => {
      const row = into[i] ?? new Float32Array(vocabularySize);
      row.set(heap.f32(work.logits + 4 * i * rowStride(vocabularySize), vocabularySize));
      return row;
    });
  }

  /** Ends all threads and lets go of the memory. */
  async dispose(): Promise<void> {
    const team = this.#loaded?.team;
    this.#loaded = undefined;
    await team?.dispose();
  }

  #use(): Loaded {
    if (this.#loaded !== undefined) return this.#loaded;
    throw new BitnetError('model/disposed', 'the model was disposed of; load it again to use it');
  }
}
