/**
 * What was predicted and what was then measured, on one machine: the list that later answers are corrected by. Plain data;
 * who keeps it where is the caller's business (the command line: cli/can-run/calibration-file.ts).
 */
import type { Confidence, FitModel, Machine } from './fit.ts';

/** Version of the list; another one is of no use. */
export const CALIBRATION_VERSION = 1;
/** Entries of one model that count, the latest; older ones are dropped. */
const MOST_ENTRIES = 5;
/** Models whose sizes differ by this factor say half as much of each other as those of one size. */
const HALF_WEIGHT_FACTOR = 3;

/** Tokens a second, predicted from the machine alone, and measured. */
export interface Comparison {
  readonly predicted: number;
  readonly measured: number;
}

/** One model that was run. */
export interface CalibrationEntry {
  readonly processor: string;
  readonly backend: string;
  readonly threads: number;
  /** See {@link shapeKey}. */
  readonly shape: string;
  /** See {@link sizeOf}; it tells how near two models are. */
  readonly size: number;
  readonly prefill: Comparison;
  readonly generation: Comparison;
  /** Seconds since 1970. */
  readonly time: number;
}

/** All of a list. */
export interface Calibration {
  readonly version: number;
  readonly entries: readonly CalibrationEntry[];
}

/** A list without entries. */
export const NO_CALIBRATION: Calibration = { version: CALIBRATION_VERSION, entries: [] };

/** Factors on predicted speeds, and how sure they make them. */
export interface Correction {
  readonly prefill: number;
  readonly generation: number;
  readonly confidence: Confidence;
  /** Relative half width of the interval that nine of ten values lie in. */
  readonly spread: number;
}

/** Errors of answers without any calibration, nine of ten: docs/can-run.md, "How good it is". */
const ESTIMATED_SPREAD = 0.15;
const LEAST_SPREAD = 0.05;

/** The dims of a model, which its speed depends on. */
export function shapeKey({ config, embeddingType, headType, projections = 'ternary' }: FitModel): string {
  const { architecture, blockCount, embeddingLength, feedForwardLength, vocabularySize } = config;
  const { headCount, headCountKv, headLength } = config;
  return [
    architecture,
    blockCount,
    embeddingLength,
    feedForwardLength,
    `${headCount}/${headCountKv}x${headLength}`,
    vocabularySize,
    embeddingType,
    headType ?? 'tied',
    projections,
  ].join(' ');
}

/** How large a model is, for comparing it with others. */
export function sizeOf({ config }: FitModel): number {
  return config.blockCount * config.embeddingLength * (config.embeddingLength + config.feedForwardLength);
}

/** What the list says of a model on a machine. */
export function correctionFor(
  { entries }: Calibration,
  machine: Pick<Machine, 'processor' | 'backend'>,
  threads: number,
  model: { readonly shape: string; readonly size: number },
): Correction {
  const same = entries.filter(
    (entry) =>
      entry.processor === processorKey(machine) &&
      entry.backend === machine.backend &&
      entry.threads === threads,
  );
  if (same.length === 0) {
    return { prefill: 1, generation: 1, confidence: 'estimated', spread: ESTIMATED_SPREAD };
  }
  const own = same.filter(({ shape }) => shape === model.shape);
  const used = own.length > 0 ? own : same;
  const weights = used.map(
    ({ size }) => 0.5 ** (Math.abs(Math.log(size / model.size)) / Math.log(HALF_WEIGHT_FACTOR)),
  );
  const logs = (kind: 'prefill' | 'generation') =>
    used.map((entry) => Math.log(entry[kind].measured / entry[kind].predicted));
  const spread = Math.max(spreadOf(logs('prefill'), weights), spreadOf(logs('generation'), weights));
  return {
    prefill: Math.exp(meanOf(logs('prefill'), weights)),
    generation: Math.exp(meanOf(logs('generation'), weights)),
    confidence: own.length > 0 ? 'measured' : 'calibrated',
    spread: Math.max(own.length > 0 ? LEAST_SPREAD : 2 * LEAST_SPREAD, spread),
  };
}

/** The list with another entry; of one model on one machine the latest stay. */
export function withEntry(calibration: Calibration, entry: CalibrationEntry): Calibration {
  const isSame = (other: CalibrationEntry) =>
    other.processor === entry.processor &&
    other.backend === entry.backend &&
    other.threads === entry.threads &&
    other.shape === entry.shape;
  const others = calibration.entries.filter((other) => !isSame(other));
  const latest = [...calibration.entries.filter(isSame), entry].slice(-MOST_ENTRIES);
  return { version: CALIBRATION_VERSION, entries: [...others, ...latest] };
}

/**
 * The list in a text, as far as it is one.
 *
 * @returns undefined for what is no such list, or one of another version
 */
export function parseCalibration(text: string): Calibration | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { version, entries } = (value ?? {}) as { version?: unknown; entries?: unknown };
  if (version !== CALIBRATION_VERSION || !Array.isArray(entries) || !entries.every(isEntry)) return undefined;
  return { version, entries };
}

/** What entries name a processor by. */
export function processorKey({ processor }: Pick<Machine, 'processor'>): string {
  return processor ?? 'unknown';
}

function isEntry(value: unknown): value is CalibrationEntry {
  if (typeof value !== 'object' || value === null) return false;
  const entry = value as Partial<CalibrationEntry>;
  const isRate = (rate: unknown) => typeof rate === 'number' && Number.isFinite(rate) && rate > 0;
  const isComparison = (part: Comparison | undefined) => isRate(part?.predicted) && isRate(part?.measured);
  return (
    [entry.processor, entry.backend, entry.shape].every((text) => typeof text === 'string') &&
    Number.isInteger(entry.threads) &&
    isRate(entry.size) &&
    isComparison(entry.prefill) &&
    isComparison(entry.generation)
  );
}

function meanOf(values: readonly number[], weights: readonly number[]): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return values.reduce((sum, value, i) => sum + value * weights[i]!, 0) / total;
}

/** Half width of what holds nine of ten values, of a normal distribution. */
function spreadOf(values: readonly number[], weights: readonly number[]): number {
  const mean = meanOf(values, weights);
  const variance = meanOf(
    values.map((value) => (value - mean) ** 2),
    weights,
  );
  return 1.645 * Math.sqrt(variance);
}
