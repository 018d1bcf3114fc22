/**
 * A run on data that is prepared: model, trainer and export together, over a run folder. What cannot be exported in the
 * end is refused before the first step. Shows nothing and reads no text; see train-texts.ts for a run from its texts.
 */
import type { BackendName } from '../kernels/backend-name.ts';
import type { TrainConfig } from './config.ts';
import type { PreparedData } from './data/prepare-data.ts';
import { describeModel } from './describe-model.ts';
import { checkExport, type ExportOptions, exportModel, usualFormats } from './export/export-model.ts';
import { type ModelToExport, modelInTraining, tokenizerInTraining } from './export/model-to-export.ts';
import type { Metrics } from './loop/metrics.ts';
import { createTrainer, type Trainer } from './loop/trainer.ts';
import { createTrainingModel } from './model/create.ts';
import type { TrainingModel } from './model/training-model.ts';
import type { RunFolder } from './run-folder.ts';

/** What a session is made from. */
export interface SessionOptions {
  readonly config: TrainConfig;
  /** Stays open, and belongs to the caller. */
  readonly data: PreparedData;
  readonly folder: RunFolder;
  /** The fastest that works here, by default. */
  readonly backend?: BackendName | undefined;
  /** Worker threads; 0 computes on the calling thread. */
  readonly threads: number;
}

/** A run that has been set up, or found in its folder and gone on with. */
export interface TrainingSession {
  /** Steps done, now. */
  readonly step: number;
  /** Sentences that the user should know, such as a damaged checkpoint that was passed over. */
  readonly notes: readonly string[];
  /** Name of the backend that computes, and on how many threads. */
  readonly backend: string;
  readonly threads: number;
  /**
   * Trains until the last step of the recipe, and reports; what is reported is in metrics.jsonl by then. When the signal
   * is aborted, the step under way is finished and a checkpoint saved.
   *
   * @throws BitnetError `train/diverged`, `train/bad-shard`, `output/failed`; the last checkpoint is then as it was
   */
  run(signal?: AbortSignal): AsyncGenerator<Metrics, void>;
  /**
   * Writes the model as it is now in all formats that hold it exactly, and answers the names of the files in the folder.
   *
   * @throws BitnetError `tensor/not-finite`, `output/failed`
   */
  exportModel(): Promise<readonly string[]>;
  /** Ends the threads and lets go of the memory. */
  dispose(): Promise<void>;
}

/**
 * Sets a run up, or goes on from the newest checkpoint in its folder, and writes config.json.
 *
 * @throws BitnetError `memory/limit`, `backend/…`, as createTrainer and exportModel
 */
export async function openSession(options: SessionOptions): Promise<TrainingSession> {
  const { config, data, folder, backend, threads } = options;
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
    const untrained = modelInTraining(model, []);
    checkExport(untrained, exportOptionsOf(untrained, options));
    trainer = await createTrainer({
      config,
      model,
      folder,
      train: data.train,
      validation: data.validation,
      tokenizerHash: data.tokenizer.hash,
      datasetHash: data.datasetHash,
    });
    await writeConfig(folder, config);
    return sessionOf(options, model, trainer);
  } catch (error) {
    trainer?.dispose();
    await model.dispose();
    throw error;
  }
}

function sessionOf(options: SessionOptions, model: TrainingModel, trainer: Trainer): TrainingSession {
  return {
    get step() {
      return trainer.step;
    },
    notes: trainer.notes,
    backend: model.backend.name,
    threads: model.team.count,
    run: (signal) => trainer.run(signal),
    async exportModel() {
      const trained = modelInTraining(model, await model.prepareWeights());
      return exportModel(options.folder, trained, exportOptionsOf(trained, options));
    },
    async dispose() {
      trainer.dispose();
      await model.dispose();
    },
  };
}

function exportOptionsOf(model: ModelToExport, { config, data }: SessionOptions): ExportOptions {
  return {
    name: config.name,
    tokenizer: tokenizerInTraining(data.tokenizer),
    formats: usualFormats(model),
  };
}

/** Only once the trainer has found that a folder's checkpoints belong to this recipe. */
async function writeConfig(folder: RunFolder, config: TrainConfig): Promise<void> {
  const text = `${JSON.stringify(config, undefined, 2)}\n`;
  await folder.write('config.json', (sink) => sink(new TextEncoder().encode(text)));
}
