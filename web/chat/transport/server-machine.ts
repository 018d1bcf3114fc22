/** How busy the server is, out of its `/stats` (docs/server.md). */
import type { MachineReading } from './machine-reading.ts';

/** What is read of one model in `/stats`. */
export interface ModelStatistics {
  readonly id: string;
  readonly loaded: boolean;
  readonly backend?: string;
  readonly threads?: number;
  readonly contextLength?: number;
  readonly scheduler?: {
    readonly running: number;
    readonly waiting: number;
    readonly promptTokens: number;
    readonly cachedTokens: number;
    readonly generatedTokens: number;
  };
}

/** What is read of `/stats`. */
export interface ServerStatistics {
  readonly memory: { readonly rss: number };
  readonly models: readonly ModelStatistics[];
}

/** A reading over all models of the server. */
export function machineReading({ memory, models }: ServerStatistics, time: number): MachineReading {
  const loaded = models.filter(({ loaded }) => loaded);
  const sum = (name: keyof NonNullable<ModelStatistics['scheduler']>) =>
    loaded.reduce((total, { scheduler }) => total + (scheduler?.[name] ?? 0), 0);
  return {
    time,
    runtime: { backend: loaded[0]?.backend, threads: loaded[0]?.threads },
    cpuShare: undefined,
    memory: { usedBytes: memory.rss, totalBytes: undefined },
    queue: { running: sum('running'), waiting: sum('waiting') },
    kvCache: { usedBytes: 0, heldBytes: 0, totalBytes: 0 },
    totals: {
      promptTokens: sum('promptTokens') - sum('cachedTokens'),
      cachedTokens: sum('cachedTokens'),
      generatedTokens: sum('generatedTokens'),
    },
  };
}
