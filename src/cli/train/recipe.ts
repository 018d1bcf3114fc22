/**
 * The recipe of a run from a command line: a JSON file, options, or a file with options in the place of some of its
 * entries. What entries may hold is the business of checkConfig; here paths become paths of this machine.
 */
import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { BitnetError } from '../../base/errors.ts';
import { isJsonObject, parseJsonObject } from '../../formats/json.ts';
import { TRAINED_ARCHITECTURES } from '../../train/check-config.ts';
import { isModelName } from '../../train/config.ts';
import type { CommandInput, CommandOption } from '../command.ts';
import { UsageError } from '../errors.ts';
import { choiceOption, numberOption, textOption, textsOption, wholeOption } from '../option-values.ts';

/** Larger files are no recipes. */
const MAX_RECIPE_BYTES = 2 ** 20;

const PRECISIONS = ['ternary', 'f32'] as const;

/** A recipe before it is checked. */
export interface Recipe {
  /** The content of the file with the options put in; paths are absolute. */
  readonly json: unknown;
  /** What to call it in messages. */
  readonly source: string;
}

/** Options that are entries of a recipe. */
export const RECIPE_OPTIONS: readonly CommandOption[] = [
  {
    name: 'data',
    value: 'PATH',
    multiple: true,
    help: 'Text to train on: .txt, .md, .jsonl, or a folder of them.',
  },
  {
    name: 'validation',
    value: 'PATH',
    multiple: true,
    help: 'Text that is held out.',
    default: 'a part of the data',
  },
  { name: 'name', value: 'NAME', help: 'Name of the model.', default: 'that of the recipe or data' },
  { name: 'vocabulary', value: 'N', help: 'Tokens of the tokenizer that is trained on the text.' },
  { name: 'tokenizer', value: 'FILE', help: 'A tokenizer.json to use instead of training one.' },
  { name: 'architecture', value: 'NAME', help: `Kind of model: ${TRAINED_ARCHITECTURES.join(', ')}.` },
  { name: 'layers', value: 'N', help: 'Layers of the model.' },
  { name: 'width', value: 'N', help: 'Length of the embedding; a multiple of 128.' },
  { name: 'feed-forward', value: 'N', help: 'Width inside of the feed-forward layers; a multiple of 128.' },
  { name: 'heads', value: 'N', help: 'Attention heads.' },
  { name: 'kv-heads', value: 'N', help: 'Heads of keys and values.', default: 'as many as heads' },
  { name: 'context', value: 'N', help: 'Tokens of a row of text, which the model then has as its context.' },
  { name: 'batch', value: 'N', help: 'Rows of text in a step.' },
  { name: 'micro-batch', value: 'N', help: 'Rows computed at once; less takes less memory.' },
  { name: 'steps', value: 'N', help: 'Optimiser steps in all.' },
  { name: 'learning-rate', value: 'X', help: 'Peak of the learning rate.' },
  { name: 'precision', value: 'TYPE', help: `${PRECISIONS.join(' or ')}: the dense twin to compare with.` },
  { name: 'seed', value: 'N', help: 'Other weights and another order of the data.' },
];

/**
 * The recipe of a command line: the first word if it ends in .json, or made from options.
 *
 * @throws UsageError when there is neither; BitnetError `json/invalid`, `json/repeated-key`, `train/bad-config` for what is no
 *   file or too long, `source/not-found`, `source/read-failed`
 */
export async function recipeOf(input: CommandInput): Promise<Recipe> {
  const { path, data } = splitWords(input);
  const json = path === undefined ? {} : await readRecipe(path);
  const name = textOption(input, 'name') ?? json.name ?? nameFrom(path ?? data[0]);
  if (path === undefined && data.length === 0) {
    throw new UsageError(
      'what to train on is missing: bitnet train RECIPE.json, or bitnet train --data FILE; `bitnet train --help` tells more',
    );
  }
  const merged = { ...withoutReplaced(json, input), name };
  const overlaid = overlay(merged, optionEntries(input, json, data));
  return { json: overlaid, source: path ?? 'the options' };
}

/** The recipe among the positionals; what follows `--data A` without a dash is data, as the shell makes it of `*.txt`. */
function splitWords(input: CommandInput): { path: string | undefined; data: readonly string[] } {
  const [first, ...rest] = input.positionals;
  const given = textsOption(input, 'data');
  const hasRecipe = first !== undefined && /\.json$/i.test(first);
  const words = hasRecipe ? rest : input.positionals;
  if (given.length === 0 && words.length > 0) {
    throw new UsageError(
      hasRecipe
        ? `"${words[0]}" is one word too many: one recipe is trained at a time`
        : `"${words[0]}" is no recipe, whose name ends in .json; text to train on is given as --data ${words[0]}`,
    );
  }
  return { path: hasRecipe ? first : undefined, data: [...given, ...words] };
}

async function readRecipe(path: string): Promise<Record<string, unknown>> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new BitnetError('source/not-found', `${path}: there is no such file`, { cause });
  });
  if (!found.isFile() || found.size > MAX_RECIPE_BYTES) {
    throw new BitnetError(
      'train/bad-config',
      `${path} is no recipe: ${found.isFile() ? `it has ${found.size} bytes` : 'it is no file'}`,
    );
  }
  const bytes = await readFile(path).catch((cause: unknown) => {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new BitnetError('source/read-failed', `${path} cannot be read: ${why}`, { cause });
  });
  const json = parseJsonObject(new Uint8Array(bytes), path);
  return resolvePaths(json, dirname(path));
}

/** Paths of a recipe are relative to it; anything that is not where a path belongs is left for the check to refuse. */
function resolvePaths(json: Record<string, unknown>, folder: string): Record<string, unknown> {
  const absolute = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(absolute);
    return typeof value === 'string' && value !== '' ? resolve(folder, value) : value;
  };
  const within = (value: unknown, keys: readonly string[]): unknown => {
    if (!isJsonObject(value)) return value;
    const present = keys.filter((key) => value[key] !== undefined);
    return { ...value, ...Object.fromEntries(present.map((key) => [key, absolute(value[key])])) };
  };
  return {
    ...json,
    ...(json.data === undefined ? {} : { data: within(json.data, ['train', 'validation']) }),
    ...(json.tokenizer === undefined ? {} : { tokenizer: within(json.tokenizer, ['file', 'chatTemplate']) }),
  };
}

/** Entries that options give; objects in it are laid over those of the recipe. */
function optionEntries(
  input: CommandInput,
  json: Record<string, unknown>,
  data: readonly string[],
): Record<string, unknown> {
  const paths = (values: readonly string[]) =>
    values.length === 0 ? undefined : values.map((path) => resolve(path));
  const sequences = wholeOption(input, 'batch', 1);
  const microSequences = wholeOption(input, 'micro-batch', 1);
  return {
    data: { train: paths(data), validation: paths(textsOption(input, 'validation')) },
    tokenizer: tokenizerEntries(input, json),
    model: modelEntries(input, json),
    precision: choiceOption(input, 'precision', PRECISIONS),
    optimizer: { learningRate: numberOption(input, 'learning-rate') },
    batch: { sequences, microSequences },
    steps: wholeOption(input, 'steps', 1),
    seed: wholeOption(input, 'seed', 0),
  };
}

function tokenizerEntries(input: CommandInput, json: Record<string, unknown>): Record<string, unknown> {
  const vocabularySize = wholeOption(input, 'vocabulary', 1);
  const file = textOption(input, 'tokenizer');
  if (file === undefined) return { vocabularySize };
  if (vocabularySize !== undefined) {
    throw new UsageError('--vocabulary is for a tokenizer that is trained; it does not go with --tokenizer');
  }
  if (isJsonObject(json.tokenizer) && json.tokenizer.vocabularySize !== undefined) {
    throw new UsageError('the recipe trains a tokenizer of its own; --tokenizer does not go with that');
  }
  return { file: resolve(file) };
}

/** Heads share the width unless the recipe says otherwise; checkConfig fills in what else a width brings with it. */
function modelEntries(input: CommandInput, json: Record<string, unknown>): Record<string, unknown> {
  const given = isJsonObject(json.model) ? json.model : {};
  const width = wholeOption(input, 'width', 16);
  const heads = wholeOption(input, 'heads', 1);
  return {
    architecture: choiceOption(input, 'architecture', TRAINED_ARCHITECTURES),
    blockCount: wholeOption(input, 'layers', 1),
    embeddingLength: width,
    feedForwardLength: wholeOption(input, 'feed-forward', 16),
    headCount: heads,
    headCountKv: wholeOption(input, 'kv-heads', 1),
    headLength: heads === undefined ? undefined : headLengthOf(width ?? given.embeddingLength ?? 256, heads),
    contextLength: wholeOption(input, 'context', 2),
  };
}

function headLengthOf(width: unknown, heads: number): number | undefined {
  if (typeof width !== 'number') return undefined;
  if (width % heads === 0) return width / heads;
  throw new UsageError(`a width of ${width} does not divide among ${heads} heads; choose another --heads`);
}

/** A recipe without what followed from a width or a number of heads that options replace. */
function withoutReplaced(json: Record<string, unknown>, input: CommandInput): Record<string, unknown> {
  if (!isJsonObject(json.model)) return json;
  const isWider = textOption(input, 'width') !== undefined;
  const hasHeads = textOption(input, 'heads') !== undefined;
  const replaced = [
    ...(isWider ? ['feedForwardLength', 'headLength', 'headCount'] : []),
    ...(isWider || hasHeads ? ['headCountKv'] : []),
  ];
  const kept = Object.entries(json.model).filter(([key]) => !replaced.includes(key));
  return { ...json, model: Object.fromEntries(kept) };
}

function overlay(json: Record<string, unknown>, entries: Record<string, unknown>): Record<string, unknown> {
  const merged: Record<string, unknown> = { ...json };
  for (const [key, value] of Object.entries(entries)) {
    if (!isJsonObject(value)) {
      if (value !== undefined) merged[key] = value;
      continue;
    }
    const given = definedOnly(value);
    if (Object.keys(given).length === 0) continue;
    merged[key] = isJsonObject(merged[key]) ? { ...merged[key], ...given } : given;
  }
  return merged;
}

function definedOnly(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, entry]) => entry !== undefined));
}

/** `stories` from `data/stories.txt`; a recipe that is called recipe.json has the name of its folder. */
function nameFrom(path: string | undefined): string {
  if (path === undefined) return 'model';
  const absolute = resolve(path);
  const own = basename(absolute).replace(/\.[^.]+$/, '');
  const name = own === 'recipe' ? basename(dirname(absolute)) : own;
  const usable = [...name.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[-._]+|[-.]+$/g, '')];
  while (usable.length > 0 && !isModelName(usable.join(''))) usable.pop();
  return usable.join('') || 'model';
}

/** Where a run goes unless --out says otherwise: the dense twin of a model never meets the model. */
export function defaultFolder(name: string, precision: string): string {
  return join('runs', precision === 'ternary' ? name : `${name}-${precision}`);
}
