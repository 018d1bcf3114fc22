/**
 * Learning rate and weight decay of every step, by the two-stage schedule of "The Era of 1-bit LLMs: Training Tips, Code
 * and FAQ" (Microsoft, 2024): ternary weights need a high rate at first and settle only after it was cut, without decay.
 * A pure function of the step, so a resumed run needs to remember nothing.
 */
import type { OptimizerConfig } from '../config.ts';

/** What the optimiser is told for one step. */
export interface Rates {
  readonly learningRate: number;
  readonly weightDecay: number;
}

/** The last step of the first stage. */
export function stageOneSteps(config: Pick<OptimizerConfig, 'stageOneShare'>, steps: number): number {
  return Math.round(config.stageOneShare * steps);
}

/**
 * The rates of step `step` of `steps`, counted from 1.
 *
 *     learning rate                    up to warmUpSteps: a line from 0 to learningRate
 *      /\                              stage one: on the line from there to finalLearningRate behind the last step
 *     /  \_                            the change: down to secondLearningRate
 *    /     \                           stage two: a line from there to finalLearningRate behind the last step
 *   /       ‾-_
 *
 * A secondLearningRate above what the first line has come to does not make the rate rise: that line then leads to it.
 * "Behind the last step" so that the last one still learns when the rate ends at 0.
 */
export function ratesAt(config: OptimizerConfig, step: number, steps: number): Rates {
  const { learningRate, secondLearningRate, finalLearningRate, warmUpSteps, weightDecay } = config;
  const change = stageOneSteps(config, steps);
  if (step > change) {
    const share = (step - change - 1) / (steps - change);
    return { learningRate: mix(secondLearningRate, finalLearningRate, share), weightDecay: 0 };
  }
  if (step < warmUpSteps) return { learningRate: (learningRate * step) / warmUpSteps, weightDecay };
  const peakStep = Math.max(warmUpSteps, 1);
  const along = (at: number): number =>
    mix(learningRate, finalLearningRate, (at - peakStep) / (steps + 1 - peakStep));
  if (change === steps || along(change + 1) >= secondLearningRate)
    return { learningRate: along(step), weightDecay };
  const share = (step - peakStep) / (change + 1 - peakStep);
  return { learningRate: mix(learningRate, secondLearningRate, share), weightDecay };
}

function mix(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}
