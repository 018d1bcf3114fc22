/** Figures of runs for their report: means at the end, the difference between two, and flips summed by layer. */
import type { EvaluationMetrics } from '../../train/loop/metrics.ts';
import type { Points } from './line-chart.ts';
import type { RunRecord } from './run-metrics.ts';

/** Share of the steps at the end whose mean is the final training loss. */
const END_SHARE = 0.05;

/** What a run came to. */
export interface RunSummary {
  readonly steps: number;
  readonly tokens: number;
  readonly seconds: number;
  /** Mean over the last twentieth of the steps. */
  readonly trainingLoss: number;
  readonly validationLoss: number | undefined;
  readonly best: EvaluationMetrics | undefined;
  readonly zeroShare: number | null;
  /** Medians. */
  readonly tokensPerSecond: number;
  readonly gigaflops: number;
}

/** See {@link RunSummary}. */
export function summarise({ steps, evaluations }: RunRecord): RunSummary {
  const last = steps.at(-1)!;
  const end = steps.slice(-Math.max(1, Math.round(steps.length * END_SHARE)));
  const best = evaluations.reduce<EvaluationMetrics | undefined>(
    (least, one) => (least === undefined || one.loss < least.loss ? one : least),
    undefined,
  );
  return {
    steps: last.step,
    tokens: last.tokens,
    seconds: last.seconds,
    trainingLoss: end.reduce((sum, { loss }) => sum + loss, 0) / end.length,
    validationLoss: evaluations.at(-1)?.loss,
    best,
    zeroShare: last.zeroShare,
    tokensPerSecond: middle(steps.map(({ tokensPerSecond }) => tokensPerSecond)),
    gigaflops: middle(steps.map(({ gigaflops }) => gigaflops)),
  };
}

/** How a run compares with the first. */
export interface Comparison {
  /** Nats a token that it is worse by; undefined when there is nothing to compare. */
  readonly difference: number | undefined;
  readonly kind: 'validation' | 'training';
  /** Parts of the recipes, besides the precision, that differ. */
  readonly caveats: readonly string[];
}

/** See {@link Comparison}: by validation loss where both have one. */
export function compare(first: RunRecord, other: RunRecord): Comparison {
  const [a, b] = [summarise(first), summarise(other)];
  const caveats = differingKeys(first.config, other.config).filter(
    (key) => !['precision', 'name'].includes(key),
  );
  if (a.steps !== b.steps && !caveats.includes('steps')) caveats.push('steps');
  if (a.validationLoss !== undefined && b.validationLoss !== undefined) {
    return { difference: b.validationLoss - a.validationLoss, kind: 'validation', caveats };
  }
  return { difference: b.trainingLoss - a.trainingLoss, kind: 'training', caveats };
}

function differingKeys(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): string[] {
  const keys = new Set([...Object.keys(a), ...Object.keys(b)]);
  return [...keys].filter((key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]));
}

/** Names that tell runs apart: the model's, with its precision or folder where needed. */
export function namesOf(runs: readonly RunRecord[]): string[] {
  const withPrecision = runs.map(({ label, precision }) => `${label} (${precision})`);
  if (new Set(withPrecision).size === runs.length) return withPrecision;
  return runs.map(({ label, precision, path }) => `${label} (${precision}, ${path})`);
}

/** A mean that forgets over about a fiftieth of the series. */
export function smoothed(points: Points): Points {
  const keep = 1 - 1 / Math.max(1, points.length / 50);
  let [sum, weight] = [0, 0];
  return points.map(([x, y]) => {
    sum = keep * sum + (1 - keep) * y;
    weight = keep * weight + (1 - keep);
    return [x, sum / weight] as const;
  });
}

/** Flips a step of all matrices of each layer, for every step at which weights were looked at. */
export function layerFlips({ weights }: RunRecord): { layer: number; points: Points }[] {
  const byLayer = new Map<number, [number, number][]>();
  for (const { step, matrices } of weights) {
    const sums = new Map<number, number>();
    for (const { layer, flipsPerStep } of matrices) {
      if (flipsPerStep !== null) sums.set(layer, (sums.get(layer) ?? 0) + flipsPerStep);
    }
    for (const [layer, flips] of sums) {
      byLayer.set(layer, [...(byLayer.get(layer) ?? []), [step, flips]]);
    }
  }
  return [...byLayer].sort(([a], [b]) => a - b).map(([layer, points]) => ({ layer, points }));
}

function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
