/** How busy the server is, out of its `/stats` (docs/server.md). */
import type { MachineReading } from './machine-reading.ts';

/** What is read of one model in `/stats`. */
export interface ModelStatistics {
  readonly id: string;
  readonly loaded: boolean;
  readonly backend?: string;
  readonly threads?: number;
  readonly contextLength?: number;
  /** How its output head is held, as in `exact` or `fast`. */
  readonly head?: { readonly form?: string };
  readonly scheduler?: {
    readonly running: number;
    readonly waiting: number;
    /** Shares of {@link kvCacheBytes}, 0 to 1: of running sequences, and with what is kept for later prompts. */
    readonly kvCacheInUse: number;
    readonly kvCacheUsage: number;
    readonly kvCacheBytes: number;
  };
}

/** What is read of `/stats`. */
export interface ServerStatistics {
  /** Milliseconds since 1970. */
  readonly time: number;
  /** Of all threads, since the process began. */
  readonly cpuSeconds: number;
  readonly memory: { readonly rss: number };
  readonly machine: { readonly threads: number; readonly memoryBytes?: number };
  /** Of all models since the server began; cached tokens are among those of prompts. */
  readonly totals: {
    readonly promptTokens: number;
    readonly cachedTokens: number;
    readonly generatedTokens: number;
  };
  readonly models: readonly ModelStatistics[];
}

/**
 * A reading over all models of the server.
 *
 * @param previous an earlier answer: how busy the processor was is known between two
 */
export function machineReading(
  now: ServerStatistics,
  previous: ServerStatistics | undefined,
): MachineReading {
  const { time, memory, machine, totals, models } = now;
  const loaded = models.flatMap(({ scheduler }) => scheduler ?? []);
  const sum = (value: (scheduler: (typeof loaded)[number]) => number) =>
    loaded.reduce((total, scheduler) => total + value(scheduler), 0);
  const first = models.find(({ loaded: isLoaded }) => isLoaded);
  return {
    time,
    runtime: { backend: first?.backend, threads: first?.threads },
    cpuShare: cpuShare(now, previous),
    memory: { usedBytes: memory.rss, totalBytes: machine.memoryBytes },
    queue: { running: sum(({ running }) => running), waiting: sum(({ waiting }) => waiting) },
    kvCache: {
      usedBytes: sum(({ kvCacheInUse, kvCacheBytes }) => kvCacheInUse * kvCacheBytes),
      heldBytes: sum(({ kvCacheUsage, kvCacheBytes }) => kvCacheUsage * kvCacheBytes),
      totalBytes: sum(({ kvCacheBytes }) => kvCacheBytes),
    },
    totals: {
      promptTokens: totals.promptTokens - totals.cachedTokens,
      cachedTokens: totals.cachedTokens,
      generatedTokens: totals.generatedTokens,
    },
  };
}

/** Between two answers of one process; clocks are read a moment apart, so it may come out as a little more than all. */
function cpuShare(now: ServerStatistics, previous: ServerStatistics | undefined): number | undefined {
  if (previous === undefined || now.time <= previous.time || now.cpuSeconds < previous.cpuSeconds) {
    return undefined;
  }
  const seconds = (now.time - previous.time) / 1000;
  return Math.min(1, (now.cpuSeconds - previous.cpuSeconds) / seconds / now.machine.threads);
}
