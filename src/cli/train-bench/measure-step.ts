/**
 * How fast a whole training step of a model is: batch, both passes, optimiser and the new codes, on random tokens. Its
 * rate is counted as the metrics of a run count it.
 */
import { createRandom } from '../../base/random.ts';
import type { BackendName } from '../../kernels/backend-name.ts';
import type { TrainConfig } from '../../train/config.ts';
import { describeModel } from '../../train/describe-model.ts';
import { flopsPerPosition } from '../../train/loop/flops.ts';
import { createTrainingModel } from '../../train/model/create.ts';
import type { TrainingModel } from '../../train/model/training-model.ts';
import { createOptimiser, type Optimiser } from '../../train/optimise/adamw.ts';
import { ratesAt } from '../../train/optimise/schedule.ts';
import { median } from '../bench/results.ts';

/** The rate of a step. */
export interface StepRate {
  readonly threads: number;
  readonly secondsPerStep: number;
  readonly tokensPerSecond: number;
  /** 10^9 floating-point operations a second. */
  readonly gigaflops: number;
  readonly weights: number;
}

/**
 * Measures a recipe's step.
 *
 * @param threads 0 or 1 computes on the calling thread
 * @param runs steps that count, after one that does not; the median counts
 * @throws as createTrainingModel; the signal's reason
 */
export async function measureStep(
  config: TrainConfig,
  vocabularySize: number,
  backend: BackendName | undefined,
  threads: number,
  runs: number,
  signal: AbortSignal,
): Promise<StepRate> {
  const { sequences, microSequences } = config.batch;
  const model = await createTrainingModel({
    described: describeModel(config, vocabularySize),
    tiedHead: config.model.tiedHead,
    precision: config.precision,
    microSequences,
    backend,
    threads: threads > 1 ? threads : 0,
  });
  const optimiser = createOptimiser(model, config.optimizer);
  try {
    model.initialise(config.seed);
    await model.prepareWeights();
    const { contextLength } = config.model;
    const random = createRandom(config.seed);
    const tokens = Int32Array.from({ length: sequences * (contextLength + 1) }, () =>
      random.below(vocabularySize),
    );
    const times: number[] = [];
    for (let run = 0; run <= runs; run++) {
      signal.throwIfAborted();
      const start = performance.now();
      await step(config, model, optimiser, tokens, run + 1);
      if (run > 0) times.push((performance.now() - start) / 1000);
    }
    const secondsPerStep = median(times);
    const positions = sequences * contextLength;
    return {
      threads: model.team.count,
      secondsPerStep,
      tokensPerSecond: positions / secondsPerStep,
      gigaflops: (flopsPerPosition(model) * positions) / secondsPerStep / 1e9,
      weights: model.parameters.weights,
    };
  } finally {
    optimiser.dispose();
    await model.dispose();
  }
}

async function step(
  config: TrainConfig,
  model: TrainingModel,
  optimiser: Optimiser,
  tokens: Int32Array,
  number: number,
): Promise<void> {
  const { sequences, microSequences } = config.batch;
  const rowLength = config.model.contextLength + 1;
  await model.clearGradients();
  for (let row = 0; row < sequences; row += microSequences) {
    const rows = tokens.subarray(row * rowLength, (row + microSequences) * rowLength);
    await model.accumulateGradients(rows, 1 / (sequences * config.model.contextLength));
  }
  const norm = await optimiser.gradientNorm();
  await optimiser.apply(number, ratesAt(config.optimizer, number, config.steps), norm);
  await model.prepareWeights();
}
