/** How the weights of each projection are distributed, and how many of their codes have changed since the last look. */
import type { Parameter } from '../model/parameters.ts';
import type { TernaryCounts, TrainingModel } from '../model/training-model.ts';
import type { MatrixMetrics } from './metrics.ts';

const BINS = 32;
/** The histogram goes from minus to plus so many times the scale. */
const REACH = 4;

/** Keeps count of flips from step to step. */
export interface WeightWatch {
  /** Takes in what a step has changed. */
  add(counts: readonly TernaryCounts[]): void;
  /** All projections as they are now; counts flips from zero again. */
  look(): readonly MatrixMetrics[];
}

/** Watches the projections of a model. */
export function watchWeights(model: Pick<TrainingModel, 'parameters' | 'backend' | 'weights'>): WeightWatch {
  let steps = 0;
  let latest: readonly TernaryCounts[] = [];
  const flips = new Map<string, number>();
  return {
    add(counts) {
      steps++;
      latest = counts;
      for (const { name, changed } of counts) flips.set(name, (flips.get(name) ?? 0) + changed);
    },
    look() {
      const byName = new Map(latest.map((counts) => [counts.name, counts]));
      const matrices = model.parameters.list
        .filter(({ isProjection }) => isProjection)
        .map((parameter): MatrixMetrics => {
          const { name, layer = 0, offset, elements } = parameter;
          const values = model.backend.heap.f32(model.weights + 4 * offset, elements);
          const counts = byName.get(name);
          const scale = counts?.scale ?? meanMagnitude(values, parameter);
          return {
            name,
            layer,
            scale,
            zeroShare: counts === undefined ? null : counts.zeros / counts.weights,
            flipsPerStep: counts === undefined ? null : (flips.get(name) ?? 0) / steps,
            histogram: histogramOf(values, parameter, scale),
          };
        });
      steps = 0;
      flips.clear();
      return matrices;
    },
  };
}

/** Mean of |w|; pads are zero and add nothing. */
function meanMagnitude(values: Float32Array, { shape }: Parameter): number {
  const sum = values.reduce((total, value) => total + Math.abs(value), 0);
  return sum / shape.reduce((product, n) => product * n, 1);
}

function histogramOf(values: Float32Array, { shape }: Parameter, scale: number): number[] {
  const [rows, columns] = shape.length === 1 ? [1, shape[0]] : shape;
  const stride = values.length / rows;
  const counts = new Array<number>(BINS).fill(0);
  const factor = BINS / (2 * REACH * (scale || 1));
  for (let row = 0; row < rows; row++) {
    for (let at = row * stride; at < row * stride + columns; at++) {
      const bin = Math.floor(values[at]! * factor + BINS / 2);
      counts[Math.max(0, Math.min(BINS - 1, bin))]!++;
    }
  }
  return counts;
}
