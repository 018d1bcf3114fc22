/** How an engine is loaded: what a caller may choose, the defaults, and what the choice takes of memory. */
import { hasSharedMemory } from '#platform';
import { BitnetError } from '../base/errors.ts';
import type { BackendName } from '../kernels/backend-name.ts';
import { KvFormat } from '../kernels/kernels.ts';
import { defaultThreads } from '../kernels/team/default-threads.ts';
import type { ModelConfig } from '../model/config.ts';
import { type MemoryPlan, planMemory, type SizeKernels } from '../model/loading/memory-plan.ts';
import type { ModelShape } from '../model/loading/model-shape.ts';
import type { HeadMode } from '../model/loading/table-form.ts';
import { MOST_POSITIONS } from '../model/rope-table.ts';

/** Element types of the KV cache by name. */
export const KV_CACHE_TYPES: readonly KvCacheType[] = ['f16', 'f32', 'q8'];
/** One of {@link KV_CACHE_TYPES}. */
export type KvCacheType = 'f16' | 'f32' | 'q8';

const KV_FORMATS = { f16: KvFormat.F16, f32: KvFormat.F32, q8: KvFormat.Q8 } as const;

/** How a model is to be loaded. */
export interface EngineOptions {
  /** Default: what the environment variable BITNET_BACKEND says, or the fastest that works here. */
  readonly backend?: BackendName;
  /** Compute threads; 0 computes on the calling thread. Default: as many as the machine or container allows, at most 8. */
  readonly threads?: number;
  /** Tokens that a session can hold. Default: the model's own context, at most 4096. */
  readonly contextLength?: number;
  /** Element type of the KV cache; default f16. `q8` (8 bits) halves it once more, see docs/numerics.md. */
  readonly kvCache?: KvCacheType;
  /** Tokens computed at once in prefill, 1 to 4096; no influence on results. Default 64. */
  readonly batchTokens?: number;
  /** See {@link HeadMode}; default auto. */
  readonly head?: HeadMode;
  /** Called as weights are read, with a share from 0 to 1 that only grows. */
  readonly onProgress?: (loaded: number) => void;
  readonly signal?: AbortSignal;
}

const DEFAULT_CONTEXT = 4096;
const DEFAULT_BATCH = 64;
/** Rows of logits that one step can give. */
export const STEP_OUTPUTS: number = 16;

/** The options that shape an engine, checked and filled in. */
export interface Settings {
  readonly threads: number;
  readonly contextLength: number;
  readonly batchTokens: number;
  readonly kvFormat: KvFormat;
  readonly head: HeadMode;
}

/** What a model takes of memory with these settings on a backend. */
export function planEngine(
  shape: ModelShape,
  config: ModelConfig,
  settings: Settings,
  kernels: SizeKernels,
): MemoryPlan {
  return planMemory(shape, config, {
    ...settings,
    outputs: STEP_OUTPUTS,
    members: Math.max(settings.threads, 1),
    kernels,
  });
}

/**
 * The settings with `auto` heads made `int8` where a model does not fit into `availableBytes` at the file's precision.
 *
 * @returns and a sentence on it when that is so
 */
export function fitHead(
  shape: ModelShape,
  config: ModelConfig,
  settings: Settings,
  kernels: SizeKernels,
  availableBytes: number,
): { readonly settings: Settings; readonly warnings: readonly string[] } {
  const { total } = planEngine(shape, config, settings, kernels);
  if (settings.head !== 'auto' || total <= availableBytes) return { settings, warnings: [] };
  const megabytes = (bytes: number) => Math.ceil(bytes / 2 ** 20);
  const warning =
    `embedding and output head are held as int8 rows, which changes results a little: at the file's precision the model ` +
    `takes ${megabytes(total)} MiB, and this backend can address ${megabytes(availableBytes)} MiB`;
  return { settings: { ...settings, head: 'int8' }, warnings: [warning] };
}

/**
 * Checks the options for a model and fills in the defaults.
 *
 * @throws BitnetError `option/…` naming the one that is out of range
 */
export function checkOptions(config: ModelConfig, options: EngineOptions): Settings {
  const threads = wholeNumber('threads', options.threads ?? defaultThreads(), 0, 256);
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
    kvFormat: KV_FORMATS[oneOf('kvCache', options.kvCache ?? 'f16', KV_CACHE_TYPES)],
    head: oneOf('head', options.head ?? 'auto', ['auto', 'exact', 'fast', 'int8']),
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
