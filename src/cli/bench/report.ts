/**
 * The report of `bitnet bench`: what was measured on which machine with which settings. It is the object of
 * `--format json`; tables.ts writes the same for people and for spreadsheets.
 */
import { cpus, totalmem } from 'node:os';
import type { PassProfile } from '../../engine/measurements.ts';
import type { KvCacheType } from '../../engine/options.ts';
import type { Model } from '../../index.ts';
import type { BenchSamples } from './measure.ts';
import type { BenchPlan } from './plan.ts';
import { type BenchResult, median, resultsOf } from './results.ts';

/** Shares of the time of all threads in percent, by operation, largest first; see PassProfile. */
export interface Breakdown {
  readonly seconds: number;
  readonly percent: Readonly<Record<string, number>>;
}

/**
 * The object of `--format json`. Figures that are single numbers are those of the first number of threads, of sequences
 * and of the first context that were asked for; `results` has all.
 */
export interface BenchReport {
  /** As it was named on the command line. */
  readonly model: string;
  readonly architecture: string;
  readonly layers: number;
  readonly embeddingLength: number;
  readonly vocabularySize: number;
  /** Length of the model's file; left out where it is no local file. */
  readonly fileBytes?: number;
  readonly backend: string;
  readonly threads: number;
  readonly contextLength: number;
  readonly kvCache: KvCacheType;
  /** How embedding and output head are held: as in the file (or as f16), or as int8 rows. */
  readonly headPrecision: 'exact' | 'fast' | 'int8';
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly runs: number;
  readonly generatedTokens: number;
  readonly loadSeconds: number;
  /** From the shortest prompt to its first token. */
  readonly firstTokenSeconds: number;
  /** Medians by prompt length. */
  readonly promptTokensPerSecond: Readonly<Record<string, number>>;
  /** Median. */
  readonly generatedTokensPerSecond: number;
  /** The most that the process had in physical memory, KV cache and program included. */
  readonly peakMemoryBytes: number;
  /** Of that, pages of files (the program, the mapped model), which the system takes back when it needs them; Linux only. */
  readonly fileMemoryBytes?: number;
  readonly multiplyAddsPerToken: number;
  readonly bytesPerToken: number;
  readonly memoryBandwidthBytesPerSecond: number;
  readonly percentOfLimit: number;
  readonly results: readonly BenchResult[];
  /** By number of threads, where it was asked for. */
  readonly breakdown?: Readonly<Record<string, { readonly prefill: Breakdown; readonly decode: Breakdown }>>;
  /** Of every run, in order. */
  readonly samples: {
    readonly promptTokensPerSecond: Readonly<Record<string, readonly number[]>>;
    readonly generatedTokensPerSecond: readonly number[];
    readonly firstTokenSeconds: readonly number[];
  };
  readonly notes: readonly string[];
}

/** What the report says besides what was measured. */
export interface BenchSubject {
  readonly label: string;
  readonly fileBytes: number | undefined;
  readonly kvCache: KvCacheType;
}

/** The report on one loaded model. */
export function createReport(
  model: Model,
  subject: BenchSubject,
  plan: BenchPlan,
  samples: BenchSamples,
): BenchReport {
  const byLength = [...samples.promptRates];
  const results = resultsOf(model, plan, samples);
  const generation = results.find(({ kind }) => kind === 'generate')!;
  const { breakdown } = samples;
  const { architecture, blockCount, embeddingLength, vocabularySize } = model.config;
  return {
    model: subject.label,
    architecture,
    layers: blockCount,
    embeddingLength,
    vocabularySize,
    ...(subject.fileBytes === undefined ? {} : { fileBytes: subject.fileBytes }),
    backend: model.backend,
    threads: model.threads,
    contextLength: model.contextLength,
    kvCache: subject.kvCache,
    headPrecision: model.engine.headKind,
    node: process.version,
    cpu: cpus()[0]?.model.trim() || 'unknown',
    cores: cpus().length,
    memoryBytes: totalmem(),
    runs: plan.runs,
    generatedTokens: plan.generate,
    loadSeconds: model.loadSeconds,
    firstTokenSeconds: median(samples.firstTokenSeconds),
    promptTokensPerSecond: Object.fromEntries(byLength.map(([length, rates]) => [length, median(rates)])),
    generatedTokensPerSecond: generation.tokensPerSecond,
    peakMemoryBytes: samples.peakMemoryBytes ?? 0,
    ...(samples.fileMemoryBytes === undefined ? {} : { fileMemoryBytes: samples.fileMemoryBytes }),
    multiplyAddsPerToken: generation.multiplyAddsPerToken,
    bytesPerToken: generation.bytesPerToken!,
    memoryBandwidthBytesPerSecond: samples.memoryBandwidth,
    percentOfLimit: generation.percentOfLimit!,
    results,
    ...(breakdown === undefined
      ? {}
      : {
          breakdown: {
            [model.threads]: {
              prefill: breakdownOf(breakdown.prefill),
              decode: breakdownOf(breakdown.decode),
            },
          },
        }),
    samples: {
      promptTokensPerSecond: Object.fromEntries(byLength),
      generatedTokensPerSecond: samples.generations[0]!.rates,
      firstTokenSeconds: samples.firstTokenSeconds,
    },
    notes: model.notes,
  };
}

/** One report of several on the same model: all rows, and single figures of the first. */
export function mergeReports(reports: readonly BenchReport[]): BenchReport {
  const first = reports[0]!;
  const breakdowns = reports.flatMap(({ breakdown }) => (breakdown === undefined ? [] : [breakdown]));
  return {
    ...first,
    results: reports.flatMap(({ results }) => results),
    ...(breakdowns.length === 0 ? {} : { breakdown: Object.assign({}, ...breakdowns) }),
    notes: [...new Set(reports.flatMap(({ notes }) => notes))],
  };
}

function breakdownOf({ seconds, shares, otherShare }: PassProfile): Breakdown {
  const sorted = [...shares].sort(([, a], [, b]) => b - a);
  const percents = [...sorted, ['other', otherShare] as const].map(([name, share]) => [name, 100 * share]);
  return { seconds, percent: Object.fromEntries(percents) };
}
