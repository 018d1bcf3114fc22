/**
 * What a run left behind for its report: the recipe it was trained with, and the lines of its metrics.jsonl. A line that
 * cannot be used is named by its number and left out, and the report says so.
 */
import { basename, resolve } from 'node:path';
import { type ByteSource, readBytes } from '../../base/byte-source.ts';
import { BitnetError } from '../../base/errors.ts';
import { isJsonObject } from '../../formats/json.ts';
import type {
  EvaluationMetrics,
  MatrixMetrics,
  Metrics,
  StepMetrics,
  WeightMetrics,
} from '../../train/loop/metrics.ts';
import { readRunFolder } from '../train/disk-run-folder.ts';

/** A run of a million steps has less. */
const MAX_METRICS_BYTES = 512 * 2 ** 20;
const MAX_CONFIG_BYTES = 2 ** 20;
/** Damaged lines that are named one by one. */
const MOST_NAMED = 5;

/** One run, as far as its report shows it. */
export interface RunRecord {
  readonly label: string;
  readonly path: string;
  readonly precision: string;
  /** The recipe, as it is in the folder. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly steps: readonly StepMetrics[];
  readonly evaluations: readonly EvaluationMetrics[];
  readonly weights: readonly WeightMetrics[];
  /** Sentences on what was left out. */
  readonly notes: readonly string[];
}

/**
 * Reads the folder of a run.
 *
 * @throws BitnetError `train/no-run` when it holds no metrics, `train/bad-config`
 */
export async function readRun(path: string): Promise<RunRecord> {
  const folder = readRunFolder(path);
  const text = await readText(await folder.open('metrics.jsonl'), MAX_METRICS_BYTES);
  if (text === undefined) {
    throw new BitnetError(
      'train/no-run',
      `${path} holds no metrics.jsonl; give the folder of a run, as \`bitnet train\` names it at the end`,
    );
  }
  const config = configOf(path, await readText(await folder.open('config.json'), MAX_CONFIG_BYTES));
  const parsed = parseMetrics(text);
  const all = parsed.metrics;
  const steps = ofKind(all, 'step');
  if (steps.length === 0) {
    throw new BitnetError('train/no-run', `${path}: metrics.jsonl holds no steps; train some first`);
  }
  return {
    label: typeof config.name === 'string' ? config.name : basename(resolve(path)),
    path,
    precision: config.precision === 'f32' ? 'f32' : 'ternary',
    config,
    steps,
    evaluations: ofKind(all, 'evaluation'),
    weights: ofKind(all, 'weights'),
    notes: damageNotes(path, parsed.damaged),
  };
}

/** The metrics in a text, in order, and the numbers of the lines that are none. */
export function parseMetrics(text: string): { metrics: Metrics[]; damaged: number[] } {
  const metrics: Metrics[] = [];
  const damaged: number[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const value = parsed(line);
    if (isMetrics(value)) metrics.push(value);
    else damaged.push(index + 1);
  }
  return { metrics, damaged };
}

function damageNotes(path: string, damaged: readonly number[]): string[] {
  if (damaged.length === 0) return [];
  const named = damaged.slice(0, MOST_NAMED).join(', ');
  const more = damaged.length > MOST_NAMED ? ` and ${damaged.length - MOST_NAMED} more` : '';
  const lines = damaged.length === 1 ? 'line' : 'lines';
  return [`${path}: damaged in metrics.jsonl and left out: ${lines} ${named}${more}`];
}

function ofKind<K extends Metrics['kind']>(
  all: readonly Metrics[],
  kind: K,
): Extract<Metrics, { kind: K }>[] {
  const found = all.filter((metrics): metrics is Extract<Metrics, { kind: K }> => metrics.kind === kind);
  return found.sort((a, b) => a.step - b.step);
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

const NUMBERS: Readonly<Record<string, readonly string[]>> = {
  step: [
    'step',
    'loss',
    'learningRate',
    'weightDecay',
    'gradientNorm',
    'tokens',
    'tokensPerSecond',
    'gigaflops',
    'seconds',
  ],
  evaluation: ['step', 'loss', 'targets'],
  weights: ['step'],
  checkpoint: ['step'],
};

function isMetrics(value: unknown): value is Metrics {
  if (!isJsonObject(value) || typeof value.kind !== 'string') return false;
  const numbers = Object.hasOwn(NUMBERS, value.kind) ? NUMBERS[value.kind] : undefined;
  if (numbers === undefined || !numbers.every((key) => Number.isFinite(value[key]))) return false;
  if (value.kind === 'step') return isOptional(value.zeroShare) && isOptional(value.flips);
  if (value.kind !== 'weights') return true;
  return Array.isArray(value.matrices) && value.matrices.every(isMatrix);
}

function isMatrix(value: unknown): value is MatrixMetrics {
  return (
    isJsonObject(value) &&
    typeof value.name === 'string' &&
    Number.isFinite(value.layer) &&
    Number.isFinite(value.scale) &&
    isOptional(value.zeroShare) &&
    isOptional(value.flipsPerStep) &&
    Array.isArray(value.histogram) &&
    value.histogram.every((count) => Number.isFinite(count) && count >= 0)
  );
}

function isOptional(value: unknown): boolean {
  return value === null || Number.isFinite(value);
}

function configOf(path: string, text: string | undefined): Record<string, unknown> {
  const config = text === undefined ? undefined : parsed(text);
  if (isJsonObject(config)) return config;
  const what = text === undefined ? 'has no config.json' : 'has a config.json that is no JSON object';
  throw new BitnetError('train/bad-config', `${path} ${what}; it is not the folder of a run, or damaged`);
}

async function readText(source: ByteSource | undefined, most: number): Promise<string | undefined> {
  if (source === undefined) return undefined;
  try {
    if (source.size > most) {
      throw new BitnetError(
        'train/no-run',
        `${source.name} has ${source.size} bytes, more than any run writes`,
      );
    }
    return new TextDecoder().decode(await readBytes(source, 0, source.size));
  } finally {
    await source.close();
  }
}
