/**
 * A loaded, immutable model: weights on a heap, a team of threads, and the one operation that everything else is made of,
 * a step over a batch of sequences. It knows tokens and logits, no text. Made by load-engine.ts.
 */
import { assert } from '../base/assert.ts';
import { BitnetError } from '../base/errors.ts';
import type { Backend } from '../kernels/backend.ts';
import type { Heap } from '../kernels/heap.ts';
import type { Kernels, KvFormat } from '../kernels/kernels.ts';
import type { Team } from '../kernels/team/team.ts';
import type { ModelConfig } from '../model/config.ts';
import { placePartials } from '../model/forward/attend.ts';
import { type TernaryMatrix, type TracePlan, traceBytes } from '../model/forward/trace.ts';
import { type KvCache, KvPool } from '../model/kv-cache.ts';
import type { HeadForm } from '../model/loading/table-form.ts';
import { type Batch, hasPlane, type ModelPlan } from '../model/plan.ts';
import { type LookupCounters, StepCosts } from './generation/step-costs.ts';
import {
  arrangeOutputs,
  type BatchOutput,
  type OutputRequest,
  readOutput,
  type TokenLogits,
} from './step-outputs.ts';

/** One sequence's part of a step. */
export interface StepItem {
  readonly cache: KvCache;
  /** Position of the first of `tokens`. */
  readonly position: number;
  readonly tokens: ArrayLike<number>;
  /** Whose logits are wanted, and which, or whose hidden states. */
  readonly outputs: readonly OutputRequest[];
}

/** What one token brought into a ternary matrix, and what came out. */
export interface ProductTrace {
  /** f32 [columns], as it was before it was rounded */
  readonly input: Float32Array;
  /** i8 [columns]: nearest(input * scale) */
  readonly quantised: Int8Array;
  /** 127 / max|input| (Kernels.quantize) */
  readonly scale: number;
  /** f32 [rows]: what the kernels computed */
  readonly output: Float32Array;
}

/** What an engine is made of. */
export interface EngineParts {
  readonly backend: Backend;
  readonly team: Team;
  readonly plan: ModelPlan;
  readonly contextLength: number;
  readonly kvFormat: KvFormat;
  readonly backendNotes: readonly string[];
  readonly warnings: readonly string[];
}

/** Counts of outputs whose largest logits were asked for, of a head with a 4-bit plane. */
export interface HeadStatistics {
  readonly outputs: number;
  /** Rows of the head that were scored from their full precision for them. */
  readonly scoredRows: number;
  /** Outputs for which all of the head had to be read. */
  readonly fallbacks: number;
}

/** What an engine holds memory and threads with. */
export interface Loaded {
  readonly backend: Backend;
  readonly heap: Heap;
  readonly kernels: Kernels;
  readonly team: Team;
  readonly plan: ModelPlan;
  readonly pool: KvPool;
}

/** See the file's header. Made by loadEngine. */
export class Engine {
  readonly config: ModelConfig;
  /** Tokens that a session can hold. */
  readonly contextLength: number;
  /** Most tokens of a step. */
  readonly batchTokens: number;
  /** Most outputs of a step that have logits; all tokens may have their hidden states asked for. */
  readonly stepOutputs: number;
  /** How the head is held. */
  readonly headKind: HeadForm;
  /** Why no faster backend runs, where that is not the usual case: at most one sentence, unless some computed wrongly. */
  readonly backendNotes: readonly string[];
  /** Those, and sentences on what is unusual about the file. */
  readonly warnings: readonly string[];
  /** Name of the kernels that run. */
  readonly backendName: Backend['name'];
  /** Threads that compute. */
  readonly threads: number;
  /** Element type of the KV caches. */
  readonly kvFormat: KvFormat;
  /** What steps cost by their number of tokens, as generations have found. */
  readonly stepCosts: StepCosts = new StepCosts();
  /** Of all generations so far. */
  readonly lookupCounters: LookupCounters = { decodeSteps: 0, draftedTokens: 0, acceptedTokens: 0 };
  /** Everything that holds memory; let go of by {@link dispose}, whoever still holds the engine. */
  #loaded: Loaded | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  /** Steps that have not come to their end. */
  #pendingSteps = 0;
  readonly #screening = { outputs: 0, scoredRows: 0, fallbacks: 0 };

  constructor(parts: EngineParts) {
    this.config = parts.plan.config;
    this.backendName = parts.backend.name;
    this.threads = parts.team.count;
    this.contextLength = parts.contextLength;
    this.batchTokens = parts.plan.work.tokens;
    this.stepOutputs = parts.plan.work.outputs;
    this.headKind = hasPlane(parts.plan.head) ? 'fast' : parts.plan.head.kind === 'int8' ? 'int8' : 'exact';
    this.backendNotes = parts.backendNotes;
    this.warnings = parts.warnings;
    this.kvFormat = parts.kvFormat;
    const { heap, kernels } = parts.backend;
    const pool = new KvPool(heap, parts.plan.config, parts.kvFormat, parts.contextLength);
    const { backend, team, plan } = parts;
    this.#loaded = { backend, heap, kernels, team, plan, pool };
  }

  /** Bytes of the heap that are in use. */
  get usedBytes(): number {
    return this.#use().heap.usedBytes;
  }

  /** What screening the head came to since the engine was loaded. */
  get headStatistics(): HeadStatistics {
    return { ...this.#screening };
  }

  /** What lies behind it, for measurements. @throws BitnetError `model/disposed` */
  get loaded(): Loaded {
    return this.#use();
  }

  /** Throws `model/disposed` after {@link dispose}. */
  checkUsable(): void {
    this.#use();
  }

  /**
   * An empty cache that can grow to {@link contextLength} positions; give it back with {@link freeCache}.
   *
   * @throws BitnetError `model/disposed`, `memory/…`
   */
  allocateCache(): KvCache {
    return this.#use().pool.allocate();
  }

  /**
   * A cache that shares the memory of another's first `positions` until either writes there.
   *
   * @throws BitnetError `model/disposed`, `memory/…`
   */
  forkCache(cache: KvCache, positions: number): KvCache {
    return this.#use().pool.fork(cache, positions);
  }

  /** Gives back the blocks of a cache behind its first `positions`; not for one that a step uses. */
  truncateCache(cache: KvCache, positions: number): void {
    this.#loaded?.pool.truncate(cache, positions);
  }

  /** Takes a cache back, after the steps that are under way: they may still use it. */
  freeCache(cache: KvCache): void {
    if (this.#pendingSteps === 0) this.#loaded?.pool.free(cache);
    else void this.#turn.then(() => this.#loaded?.pool.free(cache));
  }

  /**
   * Computes the tokens of all items in one pass; their caches then hold them. A cache has to hold the positions before
   * an item's first; what it held from there on is gone, also when the step fails.
   *
   * @param into arrays f32 [vocabularySize] to write the logits to where an output has all of them, as far as there are
   *   any; fresh ones beyond
   * @returns in the order of the items and their outputs
   * @throws BitnetError `model/disposed`, `team/worker-failed`; `memory/…` when the caches cannot grow, and then nothing
   *   was computed
   */
  step(items: readonly StepItem[], into: readonly Float32Array[] = []): Promise<TokenLogits[]> {
    return this.#inTurn(() => this.#step(items, into));
  }

  /**
   * As {@link step} of one item, with a look at what its last token brings into a matrix of a layer.
   *
   * @throws as {@link step}
   */
  trace(item: Omit<StepItem, 'outputs'>, matrix: TernaryMatrix): Promise<ProductTrace> {
    return this.#inTurn(async () => {
      const { heap, team } = this.#use();
      const blocks: Record<string, number> = {};
      // A pass without any output ends before its last layer does.
      const outputs = [{ index: item.tokens.length - 1, state: true }] as const;
      try {
        for (const [part, bytes] of Object.entries(traceBytes(matrix))) blocks[part] = heap.allocate(bytes);
        const trace = { matrix, ...blocks } as unknown as TracePlan;
        await this.#step([{ ...item, outputs }], [], (batch) => team.run('tracedForward', { batch, trace }));
        return readTrace(heap, trace);
      } finally {
        if (this.#loaded !== undefined) for (const address of Object.values(blocks)) heap.free(address);
      }
    });
  }

  /** Steps share the work space, so they take turns. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    this.#pendingSteps++;
    const done = this.#turn.then(work).finally(() => this.#pendingSteps--);
    this.#turn = done.catch(() => {});
    return done;
  }

  async #step(
    items: readonly StepItem[],
    into: readonly Float32Array[],
    run: (batch: Batch) => Promise<void> = (batch) => this.#use().team.run('forward', batch),
  ): Promise<TokenLogits[]> {
    const { heap, kernels, plan, pool } = this.#use();
    const { work } = plan;
    const tokens = items.flatMap((item) => Array.from(item.tokens));
    const positions = items.flatMap((item) => Array.from(item.tokens, (_, i) => item.position + i));
    assert(tokens.length >= 1 && tokens.length <= work.tokens, `a step of ${tokens.length} tokens`);
    pool.reserve(items.map((item) => ({ ...item, count: item.tokens.length })));
    heap.i32(work.ids, tokens.length).set(tokens);
    heap.i32(work.positions, tokens.length).set(positions);
    let first = 0;
    const wanted: BatchOutput[] = [];
    const segments = items.map((item) => {
      const segment = { cache: item.cache.plan, first, count: item.tokens.length, position: item.position };
      for (const output of item.outputs) wanted.push({ ...output, row: first + output.index });
      first += item.tokens.length;
      return segment;
    });
    const { batch: outputs, requests } = arrangeOutputs(heap, plan, wanted);
    await run({
      tokens: tokens.length,
      segments: placePartials(this.config, work, segments),
      outputs,
    });
    const results: TokenLogits[] = [];
    for (const [o, request] of requests.entries()) {
      results[request] = readOutput(heap, kernels, plan, outputs, o, into[request]);
    }
    this.#count(results);
    return results;
  }

  #count(results: readonly TokenLogits[]): void {
    for (const { ids, isFallback } of results) {
      if (ids === undefined && !isFallback) continue;
      this.#screening.outputs++;
      this.#screening.scoredRows += ids?.length ?? this.config.vocabularySize;
      if (isFallback) this.#screening.fallbacks++;
    }
  }

  /** Ends all threads and lets go of the memory. */
  async dispose(): Promise<void> {
    const loaded = this.#loaded;
    this.#loaded = undefined;
    await loaded?.team.dispose();
    loaded?.backend.dispose();
  }

  #use(): Loaded {
    if (this.#loaded !== undefined) return this.#loaded;
    throw new BitnetError('model/disposed', 'the model was disposed of; load it again to use it');
  }
}

function readTrace(heap: Heap, { matrix, input, rounded, scale, output }: TracePlan): ProductTrace {
  const { rows, columns } = matrix;
  const s = heap.f32(scale, 1)[0]!;
  return {
    input: heap.f32(input, columns).slice(),
    // What was divided by s is within a rounding of its integer again.
    quantised: Int8Array.from(heap.f32(rounded, columns), (value) => Math.round(value * s)),
    scale: s,
    output: heap.f32(output, rows).slice(),
  };
}
