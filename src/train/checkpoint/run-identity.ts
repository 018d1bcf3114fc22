/**
 * What makes two runs the same, so that a checkpoint of one goes on as the other: everything in the recipe that has a
 * part in the numbers, the tokenizer, and the tokens. And how far a run has come.
 */
import { BitnetError } from '../../base/errors.ts';
import { describeJson, isJsonObject } from '../../formats/json.ts';
import type { TrainConfig } from '../config.ts';

/** What a run is made from. */
export interface RunIdentity {
  readonly config: TrainConfig;
  /** Of the tokenizer's file. */
  readonly tokenizerHash: string;
  /** Of the packed tokens. */
  readonly datasetHash: string;
}

/** How far a run has come. */
export interface RunProgress {
  /** Steps done. */
  readonly step: number;
  /** Seconds of training, those before resumptions included. */
  readonly seconds: number;
  /** Tokens that were predicted. */
  readonly tokens: number;
}

/**
 * Parts of a recipe that have to be the same. Not among them: names and paths, how often is evaluated and saved, and
 * batch.microSequences, which only cuts a step into passes.
 */
const DECISIVE: readonly (readonly string[])[] = [
  ['precision'],
  ['model'],
  // Before the optimizer, whose defaults follow from it.
  ['steps'],
  ['optimizer'],
  ['batch', 'sequences'],
  ['seed'],
];

/**
 * Throws when a checkpoint belongs to another run.
 *
 * @param saved  what the checkpoint was made from; its config is JSON out of a file
 * @param file   what to call the checkpoint
 * @throws BitnetError `train/other-run`, which names the first field that differs
 */
export function checkSameRun(
  saved: Omit<RunIdentity, 'config'> & { readonly config: unknown },
  current: RunIdentity,
  file: string,
): void {
  const advice = 'put it back, train into another folder (--out), or start anew (--restart)';
  for (const path of DECISIVE) {
    const found = firstDifference(pick(saved.config, path), pick(current.config, path), path.join('.'));
    if (found === undefined) continue;
    const [field, before, now] = found;
    throw otherRun(
      file,
      `${field} was ${describeJson(before)} there and is ${describeJson(now)} in the recipe; ${advice}`,
    );
  }
  if (saved.tokenizerHash !== current.tokenizerHash) {
    throw otherRun(file, `the tokenizer was another one; ${advice}`);
  }
  if (saved.datasetHash !== current.datasetHash) {
    throw otherRun(file, `the training text was another one; ${advice}`);
  }
}

function pick(value: unknown, path: readonly string[]): unknown {
  return path.reduce((inner: unknown, key) => (isJsonObject(inner) ? inner[key] : undefined), value);
}

type Difference = readonly [field: string, before: unknown, now: unknown];

function firstDifference(before: unknown, now: unknown, field: string): Difference | undefined {
  if (!isJsonObject(before) || !isJsonObject(now)) return before === now ? undefined : [field, before, now];
  for (const key of new Set([...Object.keys(now), ...Object.keys(before)])) {
    const found = firstDifference(before[key], now[key], `${field}.${key}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

function otherRun(file: string, what: string): BitnetError {
  return new BitnetError('train/other-run', `${file} belongs to another run: ${what}`);
}
