/**
 * From text to everything that training reads, in a run folder: the tokenizer, `train.tokens`, `validation.tokens` and
 * `dataset.json`. What is there already and made from the same text and settings is used as it is. Text is read as a
 * stream, twice when a tokenizer is trained; memory does not grow with it.
 */
import { BitnetError } from '../../base/errors.ts';
import { createSha256, sha256Hex } from '../../base/sha256.ts';
import type { RunFolder } from '../run-folder.ts';
import { type Corpus, hashSource, type OnBytes } from './corpus/corpus.ts';
import {
  type Dataset,
  type DatasetInputs,
  differences,
  readDataset,
  removeDataset,
  TRAIN_FILE,
  VALIDATION_FILE,
  writeDataset,
} from './dataset.ts';
import { openTokenRows, type TokenFile } from './open-token-rows.ts';
import {
  checkTokenizerSource,
  makeRunTokenizer,
  type RunTokenizer,
  readRunText,
  readRunTokenizer,
  TOKENIZER_FILE,
  type TokenizerSource,
  writeRunTokenizer,
} from './run-tokenizer.ts';
import type { ShardSummary } from './shard-writer.ts';
import { writeTokenFiles } from './write-token-files.ts';

/** How far the preparation is. */
export interface DataProgress {
  /** Comparing with what is there, counting words for the tokenizer, learning its merges, or writing tokens. */
  readonly stage: 'checking' | 'tokenizer' | 'merges' | 'tokens';
  /** Of the bytes or merges of this stage, 0 to 1. */
  readonly share: number;
}

/** What to prepare, and where. */
export interface PrepareDataOptions {
  readonly folder: RunFolder;
  readonly train: Corpus;
  /** Held-out text; without it, a part of the training text is held out. */
  readonly validation?: Corpus;
  /**
   * Without held-out text, every how many-th document is held out. A document that is longer than a row counts once for
   * each row that it is cut into, so one long file is divided too.
   */
  readonly validationEvery: number;
  /** Of the model; rows have one token more. */
  readonly contextLength: number;
  readonly tokenizer: TokenizerSource;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: DataProgress) => void;
}

/** What training needs. */
export interface PreparedData {
  readonly tokenizer: RunTokenizer;
  readonly train: TokenFile;
  readonly validation: TokenFile;
  readonly dataset: Dataset;
  /** SHA-256 over the hashes of both files of tokens. */
  readonly datasetHash: string;
  /** Whether everything was there already. */
  readonly reused: boolean;
  /** What the user should know, one sentence each. */
  readonly notes: readonly string[];
}

/**
 * Prepares the data of a run.
 *
 * @throws BitnetError `train/data-changed` when the folder has checkpoints that were trained on other data,
 *   `train/too-little-text`, `train/no-validation-text`, `train/bad-shard`; as the corpora, the tokenizer, the template and
 *   the folder; the reason of the signal when aborted
 */
export async function prepareData(options: PrepareDataOptions): Promise<PreparedData> {
  const { folder } = options;
  checkOptions(options);
  const found = await readDataset(folder);
  const onChecked = checkProgress(options, found);
  const inputs = await inputsOf(options, onChecked);
  const changed = found === undefined ? [] : differences(found.inputs, inputs);
  const present =
    found !== undefined && changed.length === 0 ? await usePresent(options, found, onChecked) : undefined;
  const notes = [...options.train.notes, ...(options.validation?.notes ?? [])];
  if (present !== undefined) return { ...present, notes: [...notes, ...present.tokenizer.notes] };
  const isRestoring = found !== undefined && changed.length === 0;
  if (!isRestoring) {
    await checkNoCheckpoints(folder, changed);
    await removeDataset(folder);
  }
  const made = await makeAll(options, inputs);
  return { ...made, notes: [...notes, ...made.tokenizer.notes] };
}

function checkOptions({ tokenizer, validation, validationEvery }: PrepareDataOptions): void {
  checkTokenizerSource(tokenizer);
  if (validation === undefined && !(Number.isInteger(validationEvery) && validationEvery >= 2)) {
    throw new BitnetError(
      'train/bad-config',
      `every ${validationEvery}th document cannot be held out; data.validationEvery must be a whole number from 2`,
    );
  }
}

/** Tokens that were lost are made again from the same text, but checkpoints keep those that they were trained on. */
async function checkNoCheckpoints(folder: RunFolder, changed: readonly string[]): Promise<void> {
  if ((await folder.list('checkpoints')).length === 0) return;
  const what =
    changed.length > 0 ? `another ${changed.join(' and another ')}` : 'data of which dataset.json is gone';
  throw new BitnetError(
    'train/data-changed',
    `${folder.name} has checkpoints that were trained on ${what}; go on with what it was before, ` +
      'train into another folder (--out), or start anew (--restart)',
    { details: { changed } },
  );
}

/** Counts the bytes that are compared: those of the text, and of the tokens that are there. */
function checkProgress(
  { train, validation, onProgress }: PrepareDataOptions,
  found: Dataset | undefined,
): OnBytes {
  const present = Object.values(found?.files ?? {}).reduce((sum, { bytes }) => sum + bytes, 0);
  const total = Math.max(1, train.bytes + (validation?.bytes ?? 0) + present);
  let read = 0;
  onProgress?.({ stage: 'checking', share: 0 });
  return (bytes) => {
    read += bytes;
    onProgress?.({ stage: 'checking', share: read / total });
  };
}

async function inputsOf(options: PrepareDataOptions, onChecked: OnBytes): Promise<DatasetInputs> {
  const { train, validation, tokenizer, signal } = options;
  const made =
    'specialTokens' in tokenizer
      ? [tokenizer.vocabularySize, tokenizer.specialTokens]
      : [tokenizer.tokenizerJson, tokenizer.tokenizerConfig ?? null];
  return {
    trainingText: await train.fingerprint(signal, onChecked),
    validationText:
      validation === undefined
        ? `every ${options.validationEvery}th of the training text`
        : await validation.fingerprint(signal, onChecked),
    tokenizer: sha256Hex(JSON.stringify(made)),
    chatTemplate: tokenizer.chatTemplate === undefined ? 'none' : sha256Hex(tokenizer.chatTemplate),
    contextLength: String(options.contextLength),
  };
}

type Parts = Omit<PreparedData, 'notes'>;

function datasetHash({ files }: Dataset): string {
  return sha256Hex(`${files[TRAIN_FILE]!.sha256} ${files[VALIDATION_FILE]!.sha256}`);
}

/** What the folder has, when all of it is whole. */
async function usePresent(
  options: PrepareDataOptions,
  dataset: Dataset,
  onChecked: OnBytes,
): Promise<Parts | undefined> {
  const { folder, signal } = options;
  const json = await readRunText(folder, TOKENIZER_FILE);
  if (json === undefined || sha256Hex(json) !== dataset.tokenizer.sha256) return undefined;
  const tokenizer = await readRunTokenizer(folder);
  if (tokenizer === undefined) return undefined;
  for (const fileName of [TRAIN_FILE, VALIDATION_FILE]) {
    if (!(await isWhole(folder, fileName, dataset.files[fileName]!, signal, onChecked))) return undefined;
  }
  return {
    ...(await openFiles(options, tokenizer)),
    tokenizer,
    dataset,
    datasetHash: datasetHash(dataset),
    reused: true,
  };
}

async function isWhole(
  folder: RunFolder,
  fileName: string,
  expected: ShardSummary,
  signal: AbortSignal | undefined,
  onChecked: OnBytes,
): Promise<boolean> {
  const source = await folder.open(fileName);
  if (source === undefined) return false;
  try {
    if (source.size !== expected.bytes) return false;
    const hash = createSha256();
    await hashSource(source, source.size, hash, signal, onChecked);
    return hash.hex() === expected.sha256;
  } finally {
    await source.close();
  }
}

async function makeAll(options: PrepareDataOptions, inputs: DatasetInputs): Promise<Parts> {
  const { folder, train, validation, signal, onProgress } = options;
  const total = train.bytes + (validation?.bytes ?? 0);
  const tokenizer = await makeRunTokenizer(options.tokenizer, train, {
    signal,
    onBytes: (read) => onProgress?.({ stage: 'tokenizer', share: read / Math.max(1, train.bytes) }),
    onMerges: (share) => onProgress?.({ stage: 'merges', share }),
  });
  await writeRunTokenizer(folder, tokenizer);
  const { documents, files } = await writeTokenFiles({
    folder,
    train,
    validation,
    validationEvery: options.validationEvery,
    rowLength: options.contextLength + 1,
    tokenizer,
    signal,
    onBytes: (read) => onProgress?.({ stage: 'tokens', share: read / Math.max(1, total) }),
  });
  const vocabularySize = tokenizer.tokenizer.vocabSize;
  const dataset: Dataset = {
    format: 1,
    inputs,
    tokenizer: { sha256: tokenizer.hash, vocabularySize },
    documents,
    files,
  };
  await writeDataset(folder, dataset);
  return {
    ...(await openFiles(options, tokenizer)),
    tokenizer,
    dataset,
    datasetHash: datasetHash(dataset),
    reused: false,
  };
}

async function openFiles(
  { folder, contextLength }: PrepareDataOptions,
  tokenizer: RunTokenizer,
): Promise<{ train: TokenFile; validation: TokenFile }> {
  const open = async (fileName: string): Promise<TokenFile> => {
    const source = await folder.open(fileName);
    if (source === undefined) {
      throw new BitnetError('train/bad-shard', `${folder.name}: ${fileName} is gone; start the run again`);
    }
    return openTokenRows(source, { tokenizerHash: tokenizer.hash, rowLength: contextLength + 1 });
  };
  const train = await open(TRAIN_FILE);
  try {
    return { train, validation: await open(VALIDATION_FILE) };
  } catch (error) {
    await train.close();
    throw error;
  }
}
