/**
 * A loaded, immutable model: weights on a heap, a team of threads, and the one operation that everything else is made of,
 * a step over a batch of sequences. It knows tokens and logits, no text.
 */
import { hardwareThreads, hasSharedMemory, Worker } from '#platform';
import { assert } from '../base/assert.ts';
import { BitnetError } from '../base/errors.ts';
import type { Backend } from '../kernels/backend.ts';
import type { Heap } from '../kernels/heap.ts';
import { type BackendName, KvFormat, rowStride } from '../kernels/kernels.ts';
import { selectBackend } from '../kernels/select.ts';
import { createTeam, type Team } from '../kernels/team/team.ts';
import type { ModelConfig } from '../model/config.ts';
import { type Inventory, takeInventory } from '../model/inventory.ts';
import { kvCacheBytes } from '../model/kv-cache.ts';
import { type HeadMode, loadWeights } from '../model/load.ts';
import { PACK_ROWS } from '../model/load-programs.ts';
import { checkFits, planMemory } from '../model/memory-plan.ts';
import type { OpenedModel } from '../model/open.ts';
import type { KvCachePlan, ModelPlan } from '../model/plan.ts';
import { fillRopeTable, MOST_POSITIONS, ropeTableBytes } from '../model/rope-table.ts';
import { findModelFault } from '../model/self-test.ts';
import { allocateWorkSpace } from '../model/work-space.ts';
import { createPrograms } from './programs.ts';

/** How a model is to be loaded. */
export interface EngineOptions {
  /** Default: the fastest that works here. */
  readonly backend?: BackendName;
  /** Compute threads; 0 computes on the calling thread. Default: as many as the machine runs at once, at most 8. */
  readonly threads?: number;
  /** Tokens that a session can hold. Default: the model's own context, at most 4096. */
  readonly contextLength?: number;
  /** Element type of the KV cache; default f16. */
  readonly kvCache?: 'f16' | 'f32';
  /** Tokens computed at once in prefill, 1 to 4096; no influence on results. Default 64. */
  readonly batchTokens?: number;
  /** See {@link HeadMode}; default auto. */
  readonly head?: HeadMode;
  /** Called as weights are read, with a share from 0 to 1 that only grows. */
  readonly onProgress?: (loaded: number) => void;
  readonly signal?: AbortSignal;
}

/** One sequence's part of a step. */
export interface StepItem {
  readonly cache: KvCachePlan;
  /** Position of the first of `tokens`. */
  readonly position: number;
  readonly tokens: ArrayLike<number>;
  /** Indexes into `tokens` whose logits are wanted. */
  readonly outputs: readonly number[];
}

const DEFAULT_CONTEXT = 4096;
const DEFAULT_BATCH = 64;
const MOST_DEFAULT_THREADS = 8;
/** Rows of logits that one step can give. */
const STEP_OUTPUTS = 16;

interface Loaded {
  readonly heap: Heap;
  readonly team: Team;
  readonly plan: ModelPlan;
}

/** See the file's header. Made by {@link loadEngine}. */
export class Engine {
  readonly config: ModelConfig;
  /** Tokens that a session can hold. */
  readonly contextLength: number;
  /** Most tokens of a step. */
  readonly batchTokens: number;
  /** Most outputs of a step. */
  readonly stepOutputs: number = STEP_OUTPUTS;
  /** How the head is held: `ternary` never occurs. */
  readonly headKind: 'dense' | 'int8';
  /** Sentences on faster backends that were passed over, and on what is unusual about the file. */
  readonly warnings: readonly string[];
  /** Name of the kernels that run. */
  readonly backendName: Backend['name'];
  /** Threads that compute. */
  readonly threads: number;
  readonly #kvFormat: KvFormat;
  /** Everything that holds memory; let go of by {@link dispose}, whoever still holds the engine. */
  #loaded: Loaded | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(parts: {
    backend: Backend;
    team: Team;
    plan: ModelPlan;
    contextLength: number;
    kvFormat: KvFormat;
    warnings: readonly string[];
  }) {
    this.config = parts.plan.config;
    this.backendName = parts.backend.name;
    this.threads = parts.team.count;
    this.contextLength = parts.contextLength;
    this.batchTokens = parts.plan.work.tokens;
    this.headKind = parts.plan.head.kind === 'int8' ? 'int8' : 'dense';
    this.warnings = parts.warnings;
    this.#kvFormat = parts.kvFormat;
    this.#loaded = { heap: parts.backend.heap, team: parts.team, plan: parts.plan };
  }

  /** Bytes of the heap that are in use. */
  get usedBytes(): number {
    return this.#use().heap.usedBytes;
  }

  /** Throws `model/disposed` after {@link dispose}. */
  checkUsable(): void {
    this.#use();
  }

  /** A zeroed cache for {@link contextLength} positions; give it back with {@link freeCache}. */
  allocateCache(): KvCachePlan {
    const bytes = kvCacheBytes(this.config, this.contextLength, this.#kvFormat);
    const address = this.#use().heap.allocate(bytes);
    return { address, capacity: this.contextLength, format: this.#kvFormat };
  }

  /** Takes a cache back. */
  freeCache(cache: KvCachePlan): void {
    this.#loaded?.heap.free(cache.address);
  }

  /**
   * Computes the tokens of all items in one pass; their caches then hold them.
   *
   * @returns f32 [outputs][vocabularySize], a copy, in the order of the items and their outputs
   * @throws BitnetError `model/disposed`, `team/worker-failed`
   */
  step(items: readonly StepItem[]): Promise<Float32Array[]> {
    // Steps share the work space, so they take turns.
    const done = this.#turn.then(() => this.#step(items));
    this.#turn = done.catch(() => {});
    return done;
  }

  async #step(items: readonly StepItem[]): Promise<Float32Array[]> {
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
    return outputRows.map((_, i) =>
      heap.f32(work.logits + 4 * i * rowStride(vocabularySize), vocabularySize).slice(),
    );
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

/**
 * Loads a model's weights and starts its threads. When a backend fails its test on the loaded weights, the next one is
 * tried, unless one was asked for by name.
 *
 * @throws BitnetError `backend/…`, `memory/…`, `model/…`, `tensor/…`, `option/…`, or as the source's readInto
 */
export async function loadEngine(opened: OpenedModel, options: EngineOptions = {}): Promise<Engine> {
  const settings = checkOptions(opened, options);
  const inventory = takeInventory(opened);
  const warnings = [...inventory.warnings];
  const exclude = new Set<string>();
  for (;;) {
    const { backend, passedOver } = await selectBackend(options.backend, settings.threads > 0, exclude);
    const result = await loadOn(backend, opened, inventory, options, settings);
    if (typeof result !== 'string') return new Engine({ ...result, warnings: [...warnings, ...passedOver] });
    const message = `${backend.name} gave wrong numbers on this machine and was not used: ${result}`;
    if (options.backend !== undefined) throw new BitnetError('backend/self-test-failed', message);
    warnings.push(message);
    exclude.add(backend.name);
  }
}

interface Settings {
  readonly threads: number;
  readonly contextLength: number;
  readonly batchTokens: number;
  readonly kvFormat: KvFormat;
  readonly head: HeadMode;
}

async function loadOn(
  backend: Backend,
  opened: OpenedModel,
  inventory: Inventory,
  options: EngineOptions,
  settings: Settings,
): Promise<ConstructorParameters<typeof Engine>[0] | string> {
  const { config } = opened;
  const { headCount, headCountKv, headLength, embeddingLength, feedForwardLength } = config;
  const attentionScratch = backend.kernels.attentionScratchBytes(headCount, headCountKv, headLength);
  const longestRow = Math.max(embeddingLength, feedForwardLength, headCount * headLength);
  const team = await createTeam({
    backend,
    workers: settings.threads,
    spawn: () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }),
    programs: createPrograms(),
    scratchBytes: Math.max(attentionScratch, PACK_ROWS * longestRow),
  });
  try {
    const memory = planMemory(inventory, config, {
      contextLength: settings.contextLength,
      kvFormat: settings.kvFormat,
      head: settings.head,
      batchTokens: settings.batchTokens,
      outputs: STEP_OUTPUTS,
      kernels: backend.kernels,
    });
    checkFits(memory, backend.heap.availableBytes, backend.heap.limitAdvice);
    const progress = progressOf(opened, options.onProgress);
    const weights = await loadWeights(inventory, {
      backend,
      team,
      head: settings.head,
      onBytes: progress,
      signal: options.signal,
    });
    const { contextLength, kvFormat } = settings;
    const ropeTable = backend.heap.allocate(ropeTableBytes(contextLength, headLength));
    const angles = backend.heap.f64(ropeTable, contextLength * headLength);
    fillRopeTable(angles, contextLength, headLength, config.ropeFreqBase, weights.ropeFactors);
    const plan: ModelPlan = {
      config,
      ...weights,
      ropeTable,
      ropePositions: contextLength,
      work: allocateWorkSpace(backend, config, settings.batchTokens, STEP_OUTPUTS),
    };
    const fault = await findModelFault(backend, inventory, weights);
    if (fault !== undefined) {
      await team.dispose();
      return fault;
    }
    await team.run('useModel', plan);
    options.onProgress?.(1);
    return { backend, team, plan, contextLength, kvFormat, warnings: [] };
  } catch (error) {
    await team.dispose();
    throw error;
  }
}

/** A counter of bytes that reports the share of the model's tensors, and never 1 before all is done. */
function progressOf(opened: OpenedModel, onProgress: EngineOptions['onProgress']): (bytes: number) => void {
  const total = [...opened.tensors.values()].reduce((sum, { byteLength }) => sum + byteLength, 0);
  let done = 0;
  return (bytes) => {
    done += bytes;
    onProgress?.(Math.min(0.99, done / total));
  };
}

function checkOptions({ config }: OpenedModel, options: EngineOptions): Settings {
  const defaultThreads = hasSharedMemory ? Math.min(hardwareThreads(), MOST_DEFAULT_THREADS) : 0;
  const threads = wholeNumber('threads', options.threads ?? defaultThreads, 0, 256);
  if (threads > 1 && !hasSharedMemory) {
    throw new BitnetError(
      'option/threads',
      `${threads} threads need shared memory, which this page does not have; serve it cross-origin isolated ` +
        '(COOP: same-origin, COEP: require-corp) or use one thread',
    );
  }
  const trained = Math.min(config.contextLength, MOST_POSITIONS);
  const contextLength = options.contextLength ?? Math.min(trained, DEFAULT_CONTEXT);
  return {
    // A single worker without shared memory would be unreachable: compute where we are.
    threads: hasSharedMemory ? threads : 0,
    contextLength: wholeNumber('contextLength', contextLength, 1, trained),
    batchTokens: wholeNumber('batchTokens', options.batchTokens ?? DEFAULT_BATCH, 1, 4096),
    kvFormat:
      oneOf('kvCache', options.kvCache ?? 'f16', ['f16', 'f32']) === 'f32' ? KvFormat.F32 : KvFormat.F16,
    head: oneOf('head', options.head ?? 'auto', ['auto', 'exact', 'int8']),
  };
}

function wholeNumber(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new BitnetError(
    `option/${name}`,
    `${name} is ${value}, and must be a whole number from ${least} to ${most}`,
  );
}

function oneOf<T extends string>(name: string, value: string, choices: readonly T[]): T {
  const choice = choices.find((known) => known === value);
  if (choice !== undefined) return choice;
  throw new BitnetError(`option/${name}`, `${name} is "${value}", and must be one of ${choices.join(', ')}`);
}
