/**
 * A run from its recipe to the exported model: data, model, trainer, view and export in their order, each of them let go
 * of whatever happens. Everything that lasts is in the run folder, so that the same call goes on where one has stopped.
 */
import { BitnetError } from '../../base/errors.ts';
import { listCheckpoints } from '../../train/checkpoint/write.ts';
import type { TrainConfig } from '../../train/config.ts';
import type { PreparedData } from '../../train/data/prepare-data.ts';
import type { EvaluationMetrics, Metrics, StepMetrics } from '../../train/loop/metrics.ts';
import { METRICS_FILE } from '../../train/loop/metrics-log.ts';
import type { RunFolder } from '../../train/run-folder.ts';
import { openSession, type TrainingSession } from '../../train/session.ts';
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
  const session = await openSession({ config, data, folder, backend, threads });
  try {
    for (const note of session.notes) await options.onNote(note);
    const firstStep = session.step;
    const last = await follow(session, options);
    const isComplete = session.step >= config.steps;
    const files = isComplete ? await exportTrained(session) : [];
    const hasChatTemplate = data.tokenizer.chatTemplate !== undefined;
    return { step: session.step, isComplete, firstStep, ...last, hasChatTemplate, files };
  } finally {
    await session.dispose();
  }
}

async function follow(
  session: TrainingSession,
  options: TrainRunOptions,
): Promise<Pick<TrainRunResult, 'lastStep' | 'evaluation'>> {
  const { config, signal } = options;
  const view = options.createView({
    name: config.name,
    steps: config.steps,
    computeLabel: `${config.precision}, ${computeLabel(session.backend, session.threads)}`,
  });
  let lastStep: StepMetrics | undefined;
  let evaluation: EvaluationMetrics | undefined;
  try {
    for await (const metrics of session.run(signal)) {
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

async function exportTrained(session: TrainingSession): Promise<readonly string[]> {
  const done = showWaiting('writing the model');
  try {
    return await session.exportModel();
  } finally {
    done();
  }
}
