/** The data of a run from the paths of its recipe; stages that take long show how far they are. */
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BitnetError } from '../../base/errors.ts';
import type { TrainConfig } from '../../train/config.ts';
import { type DataProgress, type PreparedData, prepareData } from '../../train/data/prepare-data.ts';
import type { TokenizerSource } from '../../train/data/run-tokenizer.ts';
import type { RunFolder } from '../../train/run-folder.ts';
import { StageProgress } from '../progress.ts';
import { openTextInputs } from './text-inputs.ts';

const LABELS: Readonly<Record<DataProgress['stage'], string>> = {
  checking: 'looking at the text',
  tokenizer: 'counting words for the tokenizer',
  merges: 'training the tokenizer',
  tokens: 'packing the tokens',
};
/** Larger tokenizers and templates exist nowhere. */
const MAX_TEXT_BYTES = 256 * 2 ** 20;

/**
 * Prepares what is not there yet.
 *
 * @throws as prepareData and openTextInputs; BitnetError `train/unreadable` for the tokenizer and template of the recipe
 */
export async function prepareRun(
  config: TrainConfig,
  folder: RunFolder,
  signal: AbortSignal,
): Promise<PreparedData> {
  const { data } = config;
  const train = await openTextInputs(data.train);
  const validation = data.validation.length === 0 ? undefined : await openTextInputs(data.validation);
  const tokenizer = await tokenizerSourceOf(config);
  const view = new StageProgress(LABELS);
  try {
    return await prepareData({
      folder,
      train,
      ...(validation === undefined ? {} : { validation }),
      validationEvery: data.validationEvery,
      contextLength: config.model.contextLength,
      tokenizer,
      signal,
      onProgress: ({ stage, share }) => view.update(stage, share),
    });
  } finally {
    view.finish();
  }
}

async function tokenizerSourceOf({ tokenizer }: TrainConfig): Promise<TokenizerSource> {
  const template =
    tokenizer.chatTemplate === undefined
      ? {}
      : { chatTemplate: await readRecipeText(tokenizer.chatTemplate) };
  if (!('file' in tokenizer)) {
    const { vocabularySize, specialTokens } = tokenizer;
    return { vocabularySize, specialTokens, ...template };
  }
  const tokenizerJson = await readRecipeText(tokenizer.file);
  const beside = join(dirname(tokenizer.file), 'tokenizer_config.json');
  const isThere = await stat(beside).then(
    () => true,
    () => false,
  );
  return {
    tokenizerJson,
    ...(isThere ? { tokenizerConfig: await readRecipeText(beside) } : {}),
    ...template,
  };
}

/** A text that a recipe names, as its tokenizer. @throws BitnetError `train/unreadable` */
export async function readRecipeText(path: string): Promise<string> {
  const unreadable = (why: string, cause?: unknown) =>
    new BitnetError('train/unreadable', `${path} cannot be read: ${why}`, { cause });
  const bytes = await stat(path)
    .then(({ size }) => {
      if (size > MAX_TEXT_BYTES) throw unreadable(`it has ${size} bytes`);
      return readFile(path);
    })
    .catch((cause: unknown) => {
      if (cause instanceof BitnetError) throw cause;
      if ((cause as { code?: unknown } | null)?.code === 'ENOENT')
        throw unreadable('there is no such file', cause);
      throw unreadable(cause instanceof Error ? cause.message : String(cause), cause);
    });
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw unreadable('it is no text in UTF-8', cause);
  }
}
