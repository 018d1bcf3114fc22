/**
 * Measurements inside a loaded engine: how fast its threads can read memory at all, and where the time of a pass goes.
 * What to measure and how to tell it is the business of `bitnet bench`.
 */
import { operationNames } from '../kernels/profile.ts';
import { weightSpans } from '../model/traffic.ts';
import type { Engine } from './engine.ts';

/** No cache of a processor is this large; smaller weights are read together with memory of no other use. */
const LEAST_SPAN_BYTES = 256 * 2 ** 20;
const PASSES = 8;

/**
 * Bytes per second that all threads together read the packed weights with: the best of several passes over a span larger
 * than the caches.
 *
 * @throws BitnetError `memory/…` when a small model leaves no room for such a span, `model/disposed`
 */
export async function measureMemoryBandwidth(engine: Engine, signal?: AbortSignal): Promise<number> {
  const { heap, kernels, plan, team } = engine.loaded;
  const weights = weightSpans(plan, kernels);
  const weightBytes = weights.reduce((sum, [, bytes]) => sum + bytes, 0);
  const padBytes = Math.max(0, LEAST_SPAN_BYTES - weightBytes);
  const pad = padBytes === 0 ? undefined : heap.allocate(padBytes);
  // Untouched memory has no pages of its own, and reads of it would stay in the caches.
  if (pad !== undefined) heap.u8(pad, padBytes).fill(1);
  try {
    const spans = pad === undefined ? weights : [...weights, [pad, Math.floor(padBytes / 64) * 64] as const];
    const bytes = spans.reduce((sum, [, length]) => sum + length, 0);
    let best = 0;
    for (let pass = 0; pass < PASSES; pass++) {
      signal?.throwIfAborted();
      const start = performance.now();
      await team.run('readSpans', spans);
      best = Math.max(best, bytes / ((performance.now() - start) / 1000));
    }
    return best;
  } finally {
    if (pad !== undefined) heap.free(pad);
  }
}

/** Where the time of all threads went while something ran. */
export interface PassProfile {
  /** What a clock on the wall showed. */
  readonly seconds: number;
  /** Share of `threads * seconds` by operation, those that took any; `barrier` is waiting for other threads. */
  readonly shares: ReadonlyMap<string, number>;
  /** The rest: messages between threads, sampling, and what runs between operations. */
  readonly otherShare: number;
}

/** Runs `pass` with every operation timed. Nothing else may use the engine meanwhile. */
export async function profilePass(engine: Engine, pass: () => Promise<unknown>): Promise<PassProfile> {
  const { heap, kernels, team } = engine.loaded;
  const names = operationNames(kernels);
  const times = heap.allocate(8 * team.count * names.length);
  try {
    await team.run('startProfile', undefined);
    const start = performance.now();
    let milliseconds = 0;
    try {
      await pass();
      milliseconds = performance.now() - start;
    } finally {
      await team.run('takeProfile', { times });
    }
    const spent = heap.f64(times, team.count * names.length);
    const shares = names.map((_, i) => {
      const ofThreads = Array.from({ length: team.count }, (_, thread) => spent[thread * names.length + i]!);
      return ofThreads.reduce((sum, time) => sum + time, 0) / (team.count * milliseconds);
    });
    return {
      seconds: milliseconds / 1000,
      shares: new Map(names.map((name, i) => [name, shares[i]!] as const).filter(([, share]) => share > 0)),
      otherShare: Math.max(0, 1 - shares.reduce((sum, share) => sum + share, 0)),
    };
  } finally {
    heap.free(times);
  }
}
