/**
 * The training loop: batch, gradients, optimiser, new codes, and from time to time held-out text and a checkpoint. It
 * computes nothing itself and knows no files but through the run folder. Whatever a step depends on is a function of its
 * number or in the checkpoint, so that a run that was cut in two ends with the same bits as one that was not.
 */
import { assert } from '../../base/assert.ts';
import { BitnetError } from '../../base/errors.ts';
import { resumeRun } from '../checkpoint/read.ts';
import type { RunIdentity, RunProgress } from '../checkpoint/run-identity.ts';
import { listCheckpoints, saveCheckpoint } from '../checkpoint/write.ts';
import type { TokenRows } from '../data/token-rows.ts';
import type { TernaryCounts, TrainingModel } from '../model/training-model.ts';
import { createOptimiser } from '../optimise/adamw.ts';
import { type Rates, ratesAt } from '../optimise/schedule.ts';
import type { RunFolder } from '../run-folder.ts';
import { countTargets, createBatches } from './batches.ts';
import { evaluate } from './evaluate.ts';
import { flopsPerPosition } from './flops.ts';
import type { Metrics, StepMetrics } from './metrics.ts';
import { dropLaterMetrics, logMetrics } from './metrics-log.ts';
import { watchWeights } from './weight-metrics.ts';

/** What a trainer is made from. */
export interface TrainerOptions extends RunIdentity {
  /** Of the recipe's shape and precision; its team knows OPTIMISER_PROGRAMS. The trainer does not dispose of it. */
  readonly model: TrainingModel;
  readonly train: TokenRows;
  /** Held-out text; not scored when it has no rows. */
  readonly validation: TokenRows;
  readonly folder: RunFolder;
  /** Whether to go on from the newest checkpoint in the folder; where false, there may be none. Default true. */
  readonly resume?: boolean;
}

/** A run that has been set up or resumed. */
export interface Trainer {
  /** Steps done, now. */
  readonly step: number;
  /** The checkpoint that the run goes on from, if it does. */
  readonly resumedFrom: string | undefined;
  /** A sentence for each checkpoint that was passed over, since it is damaged. */
  readonly notes: readonly string[];
  /**
   * Trains until the last step of the recipe, and reports; every report is in metrics.jsonl when it is given out. When
   * the signal is aborted, the step under way is finished and a checkpoint saved.
   *
   * @throws BitnetError `train/diverged` when a loss or gradient is infinite or not a number, `output/failed`,
   *   `train/bad-shard`, what the model throws; the last checkpoint is then as it was
   */
  run(signal?: AbortSignal): AsyncGenerator<Metrics, void>;
  /** Gives back what it has on the model's heap. */
  dispose(): void;
}

/**
 * Sets a run up at step 0, with random weights of the recipe's seed, or at its newest checkpoint.
 *
 * @throws BitnetError `train/no-data`, `train/bad-shard` when rows are of another length than the model's,
 *   `train/checkpoints-exist`, `train/other-run`, `train/bad-checkpoint`
 */
export async function createTrainer(options: TrainerOptions): Promise<Trainer> {
  checkRows(options);
  const { config, model, folder } = options;
  const resumption = options.resume === false ? undefined : await resumeRun(folder, model, options);
  if (resumption === undefined) await begin(options);
  await dropLaterMetrics(folder, resumption?.progress.step ?? 0);
  // The codes of before the next step, which its flips are counted against.
  await model.prepareWeights();
  const run = new Run(options, resumption?.progress ?? { step: 0, seconds: 0, tokens: 0 });
  return {
    get step() {
      return run.progress.step;
    },
    resumedFrom: resumption?.file,
    notes: resumption?.notes ?? [],
    run: (signal) => run.train(config.steps, signal),
    dispose: () => run.dispose(),
  };
}

function checkRows({ model, train, validation }: TrainerOptions): void {
  if (train.rows === 0 || train.targets === 0) {
    throw new BitnetError(
      'train/no-data',
      'the training text has no token that could be predicted; give more of it',
    );
  }
  const rowLength = model.described.config.contextLength + 1;
  for (const rows of [train, validation]) {
    if (rows.rows === 0 || rows.rowLength === rowLength) continue;
    throw new BitnetError(
      'train/bad-shard',
      `the packed text has rows of ${rows.rowLength} tokens, and the model takes ${rowLength}; pack it again`,
    );
  }
}

/** Weights and moments of step 0. */
async function begin({ folder, model, config }: TrainerOptions): Promise<void> {
  if ((await listCheckpoints(folder)).length > 0) {
    throw new BitnetError(
      'train/checkpoints-exist',
      `${folder.name} has checkpoints of a run already; resume that, or train into another folder`,
    );
  }
  model.initialise(config.seed);
  for (const moments of [model.firstMoments, model.secondMoments]) {
    model.backend.heap.f32(moments, model.parameters.elements).fill(0);
  }
}

/** What one step has computed. */
interface StepResult {
  readonly loss: number;
  readonly targets: number;
  readonly norm: number;
  readonly counts: readonly TernaryCounts[];
}

class Run {
  progress: RunProgress;
  readonly #options: TrainerOptions;
  readonly #batches: ReturnType<typeof createBatches>;
  readonly #optimiser: ReturnType<typeof createOptimiser>;
  readonly #watch: ReturnType<typeof watchWeights>;
  readonly #flopsPerStep: number;
  #savedStep: number;

  constructor(options: TrainerOptions, progress: RunProgress) {
    const { config, model, train } = options;
    this.#options = options;
    this.progress = progress;
    this.#savedStep = progress.step;
    this.#batches = createBatches(train, config.batch.sequences, config.seed);
    this.#optimiser = createOptimiser(model, config.optimizer);
    this.#watch = watchWeights(model);
    this.#flopsPerStep =
      flopsPerPosition(model) * config.batch.sequences * model.described.config.contextLength;
  }

  dispose(): void {
    this.#optimiser.dispose();
  }

  async *train(steps: number, signal: AbortSignal | undefined): AsyncGenerator<Metrics, void> {
    const { evaluation, checkpoint } = this.#options.config;
    const isDue = (everySteps: number) =>
      this.progress.step % everySteps === 0 || this.progress.step === steps;
    while (this.progress.step < steps && signal?.aborted !== true) {
      yield this.#log(await this.#step(this.progress.step + 1));
      if (isDue(evaluation.everySteps)) {
        for (const metrics of await this.#evaluate()) yield this.#log(metrics);
      }
      if (isDue(checkpoint.everySteps)) yield this.#log(await this.#save());
    }
    if (this.#savedStep !== this.progress.step) yield this.#log(await this.#save());
  }

  async #log(metrics: Metrics): Promise<Metrics> {
    await logMetrics(this.#options.folder, metrics);
    return metrics;
  }

  async #step(step: number): Promise<StepMetrics> {
    const { config } = this.#options;
    const start = performance.now();
    const rates = ratesAt(config.optimizer, step, config.steps);
    const result = await this.#compute(step, rates);
    const seconds = (performance.now() - start) / 1000;
    const { step: _, ...before } = this.progress;
    this.progress = {
      step,
      seconds: before.seconds + seconds,
      tokens: before.tokens + result.targets,
    };
    const { zeroShare, flips } = totals(result.counts);
    return {
      kind: 'step',
      step,
      loss: result.loss,
      ...rates,
      gradientNorm: result.norm,
      tokens: this.progress.tokens,
      tokensPerSecond: result.targets / seconds,
      gigaflops: this.#flopsPerStep / seconds / 1e9,
      zeroShare,
      flips,
      seconds: this.progress.seconds,
    };
  }

  async #compute(step: number, rates: Rates): Promise<StepResult> {
    const { config, model, train } = this.#options;
    const rows = await this.#batches.read(step);
    const targets = Math.max(1, countTargets(rows, train.rowLength));
    const passLength = config.batch.microSequences * train.rowLength;
    await model.clearGradients();
    let loss = 0;
    let counted = 0;
    for (let at = 0; at < rows.length; at += passLength) {
      const sum = await model.accumulateGradients(rows.subarray(at, at + passLength), 1 / targets);
      loss += sum.loss / targets;
      counted += sum.targets;
    }
    assert(counted === targets || counted === 0, 'the model predicts every token but the first of a row');
    if (!Number.isFinite(loss)) throw this.#diverged(step, `the loss is ${loss}`);
    const norm = await this.#optimiser.gradientNorm();
    if (!Number.isFinite(norm)) throw this.#diverged(step, `the norm of the gradients is ${norm}`);
    await this.#optimiser.apply(step, rates, norm);
    const counts = await model.prepareWeights();
    this.#watch.add(counts);
    return { loss, targets, norm, counts };
  }

  async #evaluate(): Promise<Metrics[]> {
    const { config, model, validation } = this.#options;
    const { step } = this.progress;
    const weights: Metrics = { kind: 'weights', step, matrices: this.#watch.look() };
    if (validation.rows === 0) return [weights];
    const { loss: sum, targets } = await evaluate(model, validation, config.evaluation.sequences);
    const loss = sum / Math.max(1, targets);
    if (!Number.isFinite(loss)) throw this.#diverged(step, `the loss on held-out text is ${loss}`);
    return [{ kind: 'evaluation', step, loss, targets }, weights];
  }

  async #save(): Promise<Metrics> {
    const { folder, model, config } = this.#options;
    const { progress } = this;
    const file = await saveCheckpoint(folder, model, this.#options, progress, config.checkpoint.keep);
    this.#savedStep = progress.step;
    return { kind: 'checkpoint', step: progress.step, file };
  }

  #diverged(step: number, what: string): BitnetError {
    const advice = 'try a lower learning rate, or a longer warm-up';
    const saved =
      this.#savedStep === 0 ? 'nothing was saved yet' : `the checkpoint of step ${this.#savedStep} is whole`;
    return new BitnetError(
      'train/diverged',
      `training diverged at step ${step}: ${what}; ${saved}; ${advice}`,
      {
        details: { step },
      },
    );
  }
}

function totals(counts: readonly TernaryCounts[]): Pick<StepMetrics, 'zeroShare' | 'flips'> {
  if (counts.length === 0) return { zeroShare: null, flips: null };
  const sum = (of: (one: TernaryCounts) => number) => counts.reduce((total, one) => total + of(one), 0);
  return { zeroShare: sum((one) => one.zeros) / sum((one) => one.weights), flips: sum((one) => one.changed) };
}
