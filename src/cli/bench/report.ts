/** What `bitnet bench` prints: medians of the runs with their range, on which machine and with which settings. */
import { cpus } from 'node:os';
import { peakMemoryBytes } from '#platform';
import type { KvCacheType } from '../../engine/options.ts';
import type { Model } from '../../index.ts';
import { formatBytes, formatRate, formatSeconds, formatWhole } from '../quantities.ts';
import type { Styles } from '../terminal.ts';
import type { BenchPlan, BenchSamples } from './measure.ts';

/** The object of `--json`. */
export interface BenchReport {
  /** As it was named on the command line. */
  readonly model: string;
  readonly architecture: string;
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

/** Puts samples and settings together. */
export function createReport(
  model: Model,
  subject: BenchSubject,
  plan: BenchPlan,
  samples: BenchSamples,
): BenchReport {
  const byLength = [...samples.promptRates];
  return {
    model: subject.label,
    architecture: model.config.architecture,
    ...(subject.fileBytes === undefined ? {} : { fileBytes: subject.fileBytes }),
    backend: model.backend,
    threads: model.threads,
    contextLength: model.contextLength,
    kvCache: subject.kvCache,
    headPrecision: model.engine.headKind,
    node: process.version,
    cpu: cpus()[0]?.model.trim() || 'unknown',
    runs: plan.runs,
    generatedTokens: plan.generate,
    loadSeconds: model.loadSeconds,
    firstTokenSeconds: median(samples.firstTokenSeconds),
    promptTokensPerSecond: Object.fromEntries(byLength.map(([length, rates]) => [length, median(rates)])),
    generatedTokensPerSecond: median(samples.generationRates),
    peakMemoryBytes: peakMemoryBytes() ?? 0,
    samples: {
      promptTokensPerSecond: Object.fromEntries(byLength),
      generatedTokensPerSecond: samples.generationRates,
      firstTokenSeconds: samples.firstTokenSeconds,
    },
    notes: model.notes,
  };
}

/** The report for people. */
export function reportText(report: BenchReport, model: Model, styles: Styles): string {
  const { samples } = report;
  const { blockCount, embeddingLength, vocabularySize } = model.config;
  const size = report.fileBytes === undefined ? '' : `, ${formatBytes(report.fileBytes)}`;
  const rows: [name: string, value: string][] = [
    ['model', `${report.model}${size}`],
    [
      '',
      `${report.architecture}, ${blockCount} layers of ${embeddingLength}, ${formatWhole(vocabularySize)} tokens`,
    ],
    ['backend', `${report.backend}, ${report.threads} thread${report.threads === 1 ? '' : 's'}`],
    ['held', `context of ${report.contextLength}, KV cache ${report.kvCache}, head ${report.headPrecision}`],
    ['machine', `${report.cpu}; Node ${report.node}`],
    ['', ''],
    ['load', formatSeconds(report.loadSeconds)],
    ['first token', spread(samples.firstTokenSeconds, formatSeconds)],
    ...Object.entries(samples.promptTokensPerSecond).map(([length, rates]): [string, string] => [
      `prompt ${length}`,
      spread(rates, formatRate),
    ]),
    [`generate ${report.generatedTokens}`, spread(samples.generatedTokensPerSecond, formatRate)],
    ['peak memory', formatBytes(report.peakMemoryBytes)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, value]) => `${styles.dim(name.padEnd(width))}  ${value}`.trimEnd());
  const shortest = Object.keys(samples.promptTokensPerSecond)[0];
  const method = `medians of ${report.runs} (lowest to highest); first token: after the prompt of ${shortest}`;
  return [...lines, styles.dim(method), ...report.notes.map((note) => styles.dim(`note: ${note}`)), ''].join(
    '\n',
  );
}

function spread(values: readonly number[], format: (value: number) => string): string {
  if (values.length === 1) return format(values[0]!);
  return `${format(median(values))} (${format(Math.min(...values))} to ${format(Math.max(...values))})`;
}

/** The middle value; of an even number of values the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
