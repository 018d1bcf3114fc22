/**
 * `dataset.json` of a run folder: what the tokens of the run were made from and what came out. It is written last, so
 * where it is, everything else is there; whether that is still what a recipe asks for is decided by comparing.
 */
import { BitnetError } from '../../base/errors.ts';
import { isJsonObject, type JsonObject } from '../../formats/json.ts';
import type { RunFolder } from '../run-folder.ts';
import { readRunText } from './run-tokenizer.ts';
import type { ShardSummary } from './shard-writer.ts';

/** Everything that decides about the tokens; each a short text, so that they can be compared. */
export interface DatasetInputs {
  /** Fingerprint of the training text. */
  readonly trainingText: string;
  /** Fingerprint of the held-out text, or which of the training text is held out. */
  readonly validationText: string;
  /** Hash of how the tokenizer is trained, or of its files. */
  readonly tokenizer: string;
  /** Hash of the chat template. */
  readonly chatTemplate: string;
  /** Context length. */
  readonly contextLength: string;
}

/** Contents of `dataset.json`. */
export interface Dataset {
  readonly format: 1;
  readonly inputs: DatasetInputs;
  readonly tokenizer: { readonly sha256: string; readonly vocabularySize: number };
  /** Of training and held-out text together. */
  readonly documents: number;
  readonly files: { readonly [fileName: string]: ShardSummary };
}

const DATASET_FILE = 'dataset.json';
/** Rows to train on. */
export const TRAIN_FILE = 'train.tokens';
/** Rows that are held out. */
export const VALIDATION_FILE = 'validation.tokens';

/** How messages call the inputs. */
const INPUT_NAMES: { readonly [key in keyof DatasetInputs]: string } = {
  trainingText: 'training text',
  validationText: 'held-out text',
  tokenizer: 'tokenizer',
  chatTemplate: 'chat template',
  contextLength: 'context length',
};

/** What differs between the inputs that were and those that are wanted, in words; nothing when they are the same. */
export function differences(found: DatasetInputs, wanted: DatasetInputs): string[] {
  const keys = Object.keys(INPUT_NAMES) as (keyof DatasetInputs)[];
  return keys.filter((key) => found[key] !== wanted[key]).map((key) => INPUT_NAMES[key]);
}

/**
 * The `dataset.json` of a run folder, undefined when there is none.
 *
 * @throws BitnetError `train/damaged-file`
 */
export async function readDataset(folder: RunFolder): Promise<Dataset | undefined> {
  const text = await readRunText(folder, DATASET_FILE);
  if (text === undefined) return undefined;
  const damaged = new BitnetError(
    'train/damaged-file',
    `${folder.name}: ${DATASET_FILE} is damaged; remove it, and the tokens are made again from the text`,
  );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw damaged;
  }
  if (!isDataset(value)) throw damaged;
  return value;
}

function isDataset(value: unknown): value is Dataset & JsonObject {
  if (!isJsonObject(value) || value.format !== 1 || !isCount(value.documents)) return false;
  const { inputs, tokenizer, files } = value;
  if (!isJsonObject(inputs) || !isJsonObject(tokenizer) || !isJsonObject(files)) return false;
  if (!Object.keys(INPUT_NAMES).every((key) => typeof inputs[key] === 'string')) return false;
  if (typeof tokenizer.sha256 !== 'string' || !isCount(tokenizer.vocabularySize)) return false;
  return [TRAIN_FILE, VALIDATION_FILE].every((name) => isSummary(Object.hasOwn(files, name) && files[name]));
}

function isSummary(value: unknown): boolean {
  if (!isJsonObject(value) || typeof value.sha256 !== 'string') return false;
  return [value.bytes, value.rows, value.tokens, value.targets].every(isCount);
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Writes `dataset.json`. @throws BitnetError `output/failed` */
export async function writeDataset(folder: RunFolder, dataset: Dataset): Promise<void> {
  const bytes = new TextEncoder().encode(`${JSON.stringify(dataset, undefined, 2)}\n`);
  await folder.write(DATASET_FILE, (sink) => sink(bytes));
}

/** Takes `dataset.json` away, before anything that it speaks of changes. */
export async function removeDataset(folder: RunFolder): Promise<void> {
  await folder.remove(DATASET_FILE);
}
