/**
 * A run from its recipe to the exported model: data, model, trainer, view and export in their order, each of them let go
 * of whatever happens. Everything that lasts is in the run folder, so that the same call goes on where one has stopped.
 */
import { BitnetError } from '../../base/errors.ts';
import { listCheckpoints } from '../../train/checkpoint/write.ts';
import type { TrainConfig } from '../../train/config.ts';
import type { PreparedData } from '../../train/data/prepare-data.ts';
import { describeModel } from '../../train/describe-model.ts';
import { exportModel, usualFormats } from '../../train/export/export-model.ts';
import { modelInTraining } from '../../train/export/model-to-export.ts';
import type { EvaluationMetrics, Metrics, StepMetrics } from '../../train/loop/metrics.ts';
import { METRICS_FILE } from '../../train/loop/metrics-log.ts';
import { createTrainer, type Trainer } from '../../train/loop/trainer.ts';
import { createTrainingModel } from '../../train/model/create.ts';
import type { TrainingModel } from '../../train/model/training-model.ts';
import type { RunFolder } from '../../train/run-folder.ts';
import { showWaiting } from '../progress.ts';
import { type DiskRunFolder, openRunFolder } from './disk-run-folder.ts';
import type { RunFacts, TrainView } from './live-view.ts';
import { prepareRun } from './prepare-run.ts';
import { type ComputeOptions, computeLabel, type StartMode } from './run-options.ts';

/** What to train, and who is told of it. */
export interface TrainRunOptions extends ComputeOptions {
  readonly config: TrainConfig;
  readonly out: string;
  readonly start: StartMode;
  readonly signal: AbortSignal;
  /** Makes the view, once all is known that it says. */
  createView(facts: RunFacts): TrainView;
  /** Sentences on the data and the checkpoints. */
  onNote(note: string): Promise<void>;
  /** Everything the run reports. */
  onMetrics(metrics: Metrics): Promise<void>;
}

/** How a run ended. */
export interface TrainRunResult {
  /** Steps done. */
  readonly step: number;
  /** Whether that is all of them. */
  readonly isComplete: boolean;
  /** Steps that were done before. */
  readonly firstStep: number;
  /** The last of each in this call; undefined where there was none. */
  readonly lastStep: StepMetrics | undefined;
  readonly evaluation: EvaluationMetrics | undefined;
  /** Whether the model holds conversations. */
  readonly hasChatTemplate: boolean;
  /** Exported files, relative to the folder; none when the run was stopped. */
  readonly files: readonly string[];
}

/**
 * Trains until the last step or until the signal is aborted, which saves a checkpoint.
 *
 * @throws BitnetError as the parts; `train/nothing-to-resume`; the signal's reason when aborted before the first step
 */
export async function trainRun(options: TrainRunOptions): Promise<TrainRunResult> {
  const folder = await openRunFolder(options.out);
  try {
    await prepareStart(folder, options.start);
    const data = await prepareRun(options.config, folder, options.signal);
    try {
      for (const note of data.notes) await options.onNote(note);
      return await trainOn(folder, data, options);
    } finally {
      await data.train.close();
      await data.validation.close();
    }
  } finally {
    await folder.close();
  }
}

async function prepareStart(folder: DiskRunFolder, start: StartMode): Promise<void> {
  const checkpoints = await listCheckpoints(folder);
  if (start === 'resume' && checkpoints.length === 0) {
    throw new BitnetError(
      'train/nothing-to-resume',
      `${folder.name} has no checkpoint to go on from; without --resume the run starts`,
    );
  }
  if (start !== 'restart') return;
  for (const { file } of checkpoints) await folder.remove(file);
  await folder.remove(METRICS_FILE);
}

async function trainOn(
  folder: RunFolder,
  data: PreparedData,
  options: TrainRunOptions,
): Promise<TrainRunResult> {
  const { config, backend, threads, signal } = options;
  signal.throwIfAborted();
  const model = await createTrainingModel({
    described: describeModel(config, data.tokenizer.tokenizer.vocabSize),
    tiedHead: config.model.tiedHead,
    precision: config.precision,
    microSequences: config.batch.microSequences,
    backend,
    threads,
  });
  let trainer: Trainer | undefined;
  try {
    trainer = await createTrainer({
      config,
      model,
      folder,
      train: data.train,
      validation: data.validation,
      tokenizerHash: data.tokenizer.hash,
      datasetHash: data.datasetHash,
    });
    for (const note of trainer.notes) await options.onNote(note);
    await writeConfig(folder, config);
    const firstStep = trainer.step;
    const last = await follow(trainer, model, options);
    const isComplete = trainer.step >= config.steps;
    const files = isComplete ? await exportTrained(folder, model, data, config) : [];
    const hasChatTemplate = data.tokenizer.chatTemplate !== undefined;
    return { step: trainer.step, isComplete, firstStep, ...last, hasChatTemplate, files };
  } finally {
    trainer?.dispose();
    await model.dispose();
  }
}

/** Only once the trainer has found that a folder's checkpoints belong to this recipe. */
async function writeConfig(folder: RunFolder, config: TrainConfig): Promise<void> {
  const text = `${JSON.stringify(config, undefined, 2)}\n`;
  await folder.write('config.json', (sink) => sink(new TextEncoder().encode(text)));
}

async function follow(
  trainer: Trainer,
  model: TrainingModel,
  options: TrainRunOptions,
): Promise<Pick<TrainRunResult, 'lastStep' | 'evaluation'>> {
  const { config, signal } = options;
  const view = options.createView({
    name: config.name,
    steps: config.steps,
    computeLabel: `${config.precision}, ${computeLabel(model.backend.name, model.team.count)}`,
  });
  let lastStep: StepMetrics | undefined;
  let evaluation: EvaluationMetrics | undefined;
  try {
    for await (const metrics of trainer.run(signal)) {
      if (metrics.kind === 'step') lastStep = metrics;
      if (metrics.kind === 'evaluation') evaluation = metrics;
      view.show(metrics);
      await options.onMetrics(metrics);
    }
  } finally {
    view.finish();
  }
  return { lastStep, evaluation };
}

async function exportTrained(
  folder: RunFolder,
  model: TrainingModel,
  { tokenizer }: PreparedData,
  config: TrainConfig,
): Promise<string[]> {
  const trained = modelInTraining(model, await model.prepareWeights());
  const { name } = config;
  const done = showWaiting('writing the model');
  try {
    return await exportModel(folder, trained, {
      name,
      tokenizer: tokenizerToExport(tokenizer),
      formats: usualFormats(trained),
    });
  } finally {
    done();
  }
}

/** The tokenizer of a run as an export takes it. */
export function tokenizerToExport({ json, config }: PreparedData['tokenizer']): {
  tokenizerJson: string;
  chatTemplate?: string;
  bosToken?: string;
  eosToken?: string;
} {
  const settings = JSON.parse(config) as Record<string, unknown>;
  const text = (key: string) => (typeof settings[key] === 'string' ? settings[key] : undefined);
  const [chatTemplate, bosToken, eosToken] = [text('chat_template'), text('bos_token'), text('eos_token')];
  return {
    tokenizerJson: json,
    ...(chatTemplate === undefined ? {} : { chatTemplate }),
    ...(bosToken === undefined ? {} : { bosToken }),
    ...(eosToken === undefined ? {} : { eosToken }),
  };
}
