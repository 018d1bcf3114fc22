/** Exports a checkpoint of a run. The checkpoint goes into a model first, so that codes and scales are those it trained with. */
import { BitnetError } from '../../base/errors.ts';
import { checkConfig } from '../../train/check-config.ts';
import { loadCheckpoint } from '../../train/checkpoint/read.ts';
import { listCheckpoints } from '../../train/checkpoint/write.ts';
import type { TrainConfig } from '../../train/config.ts';
import { type RunTokenizer, readRunText, readRunTokenizer } from '../../train/data/run-tokenizer.ts';
import { describeModel } from '../../train/describe-model.ts';
import { type ExportFormat, exportModel, usualFormats } from '../../train/export/export-model.ts';
import { modelInTraining, tokenizerInTraining } from '../../train/export/model-to-export.ts';
import { createTrainingModel } from '../../train/model/create.ts';
import type { RunFolder } from '../../train/run-folder.ts';
import { readRunFolder } from './disk-run-folder.ts';
import type { ComputeOptions } from './run-options.ts';

/** What to export. */
export interface ExportCheckpointOptions extends ComputeOptions {
  /** Of the checkpoint; the newest when left out. */
  readonly step: number | undefined;
  /** Those that hold the model exactly when left out. */
  readonly formats: readonly ExportFormat[] | undefined;
  readonly embedding: 'F16' | 'F32';
  /** Of the files; the recipe's when left out. */
  readonly name: string | undefined;
  readonly signal: AbortSignal;
}

/**
 * Writes the files and answers their names, relative to the run.
 *
 * @throws BitnetError `train/no-run`, `train/no-checkpoint`, as loadCheckpoint and exportModel
 */
export async function exportCheckpoint(
  path: string,
  options: ExportCheckpointOptions,
): Promise<{ step: number; files: readonly string[] }> {
  const folder = readRunFolder(path);
  const { config, tokenizer } = await readRecipe(folder);
  const file = await findCheckpoint(folder, options.step);
  const model = await createTrainingModel({
    described: describeModel(config, tokenizer.tokenizer.vocabSize),
    tiedHead: config.model.tiedHead,
    precision: config.precision,
    microSequences: 1,
    backend: options.backend,
    threads: options.threads,
  });
  try {
    const { step } = await loadCheckpoint(folder, file, model, tokenizer.hash);
    options.signal.throwIfAborted();
    const trained = modelInTraining(model, await model.prepareWeights());
    const files = await exportModel(folder, trained, {
      name: options.name ?? config.name,
      tokenizer: tokenizerInTraining(tokenizer),
      formats: options.formats ?? usualFormats(trained),
      embedding: options.embedding,
    });
    return { step, files };
  } finally {
    await model.dispose();
  }
}

async function readRecipe(folder: RunFolder): Promise<{ config: TrainConfig; tokenizer: RunTokenizer }> {
  const text = await readRunText(folder, 'config.json');
  const tokenizer = await readRunTokenizer(folder);
  if (text === undefined || tokenizer === undefined) {
    throw new BitnetError(
      'train/no-run',
      `${folder.name} has no ${text === undefined ? 'config.json' : 'tokenizer'}; give the folder of a run`,
    );
  }
  const name = `${folder.name}/config.json`;
  try {
    return { config: checkConfig(JSON.parse(text), name), tokenizer };
  } catch (cause) {
    if (cause instanceof BitnetError) throw cause;
    throw new BitnetError('train/bad-config', `${name} is not JSON; the file is damaged`, { cause });
  }
}

async function findCheckpoint(folder: RunFolder, step: number | undefined): Promise<string> {
  const all = await listCheckpoints(folder);
  const found = step === undefined ? all[0] : all.find((one) => one.step === step);
  if (found !== undefined) return found.file;
  const there = all.length === 0 ? 'none yet' : `those of steps ${all.map((one) => one.step).join(', ')}`;
  throw new BitnetError(
    'train/no-checkpoint',
    `${folder.name} has no checkpoint${step === undefined ? '' : ` of step ${step}`}, but ${there}`,
  );
}
