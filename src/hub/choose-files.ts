/**
 * Which files of a repository make a model: one GGUF file, or the folder of a checkpoint (configuration, tokenizer and
 * safetensors). Decides by names alone, so that it serves for a listing of the hub and for a snapshot of the cache.
 */
import { BitnetError } from '../base/errors.ts';

/** The files of a model, and which of them is it when it is one file. */
export interface ChosenFiles {
  /** The GGUF file; undefined for a folder. */
  readonly file: string | undefined;
  readonly paths: readonly string[];
}

/** Weights that this package computes with, as their files are named, the best first. */
const GGUF_TYPES: readonly RegExp[] = [
  /(^|[^a-z0-9])i2_?s([^a-z0-9]|$)/i,
  /(^|[^a-z0-9])tq2_?0([^a-z0-9]|$)/i,
  /(^|[^a-z0-9])tq1_?0([^a-z0-9]|$)/i,
  /(^|[^a-z0-9])(b?f16|fp16|f32)([^a-z0-9]|$)/i,
];
/** Names of weights that it does not compute with: the quantizations of llama.cpp, and bitnet.cpp's lookup tables. */
const OTHER_TYPES = /(^|[^a-z0-9])(i?q[1-8](_[a-z0-9]+)*|tl[12]|mxfp4)([^a-z0-9]|$)/i;
/** Parts of llama.cpp's models that are none by themselves. */
const NO_MODEL = /mmproj|imatrix/i;
/** One of several files of a GGUF model, which are not put together. */
const GGUF_SHARD = /-\d{5}-of-\d{5}\.gguf$/i;
const TOKENIZER_FILES: ReadonlySet<string> = new Set([
  'tokenizer.json',
  'tokenizer_config.json',
  'tokenizer.model',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.json',
  'merges.txt',
]);
const CONFIG_FILES: ReadonlySet<string> = new Set([
  'config.json',
  'generation_config.json',
  'chat_template.jinja',
]);

/** GGUF files that could be run by their names, the best first. */
export function runnableGgufs(paths: readonly string[]): readonly string[] {
  return paths
    .filter((path) => path.endsWith('.gguf') && !GGUF_SHARD.test(path) && ggufRank(path) !== undefined)
    .sort((a, b) => ggufRank(a)! - ggufRank(b)! || a.length - b.length || (a < b ? -1 : 1));
}

/** True for a file that nothing better could be found for. */
export function isBestGguf(path: string): boolean {
  return ggufRank(path) === 0;
}

/** Place of a file's type in the order of preference; a name that tells no type comes last; undefined: not to be run. */
function ggufRank(path: string): number | undefined {
  const name = path.slice(path.lastIndexOf('/') + 1);
  if (NO_MODEL.test(name)) return undefined;
  const rank = GGUF_TYPES.findIndex((type) => type.test(name));
  if (rank >= 0) return rank;
  return OTHER_TYPES.test(name) ? undefined : GGUF_TYPES.length;
}

/** The files of a checkpoint at the root of a repository; undefined when there is none. */
export function checkpointFiles(paths: readonly string[]): readonly string[] | undefined {
  const root = paths.filter((path) => !path.includes('/'));
  const weights = weightFiles(root);
  if (!root.includes('config.json') || weights.length === 0) return undefined;
  return [...root.filter((path) => CONFIG_FILES.has(path) || TOKENIZER_FILES.has(path)), ...weights];
}

/** The weights: `model.safetensors`, or its shards with their index; nothing else could be loaded. */
function weightFiles(root: readonly string[]): readonly string[] {
  const all = root.filter((path) => path.endsWith('.safetensors'));
  if (root.includes('model.safetensors.index.json')) {
    const shards = all.filter((path) => /^model-\d+-of-\d+\.safetensors$/.test(path));
    if (shards.length > 0) return ['model.safetensors.index.json', ...shards];
  }
  return all.includes('model.safetensors') ? ['model.safetensors'] : [];
}

/**
 * What to download.
 *
 * @param wanted a file that the user or the catalogue named
 * @throws BitnetError `hub/not-found` when the named file is not there, `hub/no-model`
 */
export function chooseFiles(
  repository: string,
  revision: string,
  paths: readonly string[],
  wanted: string | undefined,
): ChosenFiles {
  if (wanted !== undefined) {
    if (paths.includes(wanted)) return { file: wanted, paths: [wanted] };
    throw new BitnetError(
      'hub/not-found',
      `${repository} has no file ${wanted} in revision ${revision}; it has ${sample(ggufs(paths, paths))}`,
      { details: { repository, revision, file: wanted } },
    );
  }
  const [file] = runnableGgufs(paths);
  const folder = checkpointFiles(paths);
  if (file !== undefined && (folder === undefined || ggufRank(file)! < GGUF_TYPES.length)) {
    return { file, paths: [file] };
  }
  if (folder !== undefined) return { file: undefined, paths: folder };
  throw noModel(repository, revision, paths);
}

/** The files of a folder that was asked for as such. @throws BitnetError `hub/no-model` */
export function chooseFolder(repository: string, revision: string, paths: readonly string[]): ChosenFiles {
  const folder = checkpointFiles(paths);
  if (folder === undefined) throw noModel(repository, revision, paths);
  return { file: undefined, paths: folder };
}

function noModel(repository: string, revision: string, paths: readonly string[]): BitnetError {
  const shards = paths.some((path) => GGUF_SHARD.test(path));
  const hint = shards
    ? 'its GGUF file is in several parts: put them together with llama.cpp and give the path'
    : 'a model is a GGUF file with ternary or 16-bit weights, or config.json with .safetensors files; name another repository, or a file with ' +
      `${repository}:FILE`;
  return new BitnetError(
    'hub/no-model',
    `${repository} has nothing that can be run in revision ${revision}, only ${sample(ggufs(paths, paths))}; ${hint}`,
    { details: { repository, revision } },
  );
}

/** GGUF files if there are any, else what is given. */
function ggufs(paths: readonly string[], otherwise: readonly string[]): readonly string[] {
  const found = paths.filter((path) => path.endsWith('.gguf'));
  return found.length > 0 ? found : otherwise;
}

function sample(paths: readonly string[]): string {
  if (paths.length === 0) return 'no files';
  const shown = paths.slice(0, 6).join(', ');
  return paths.length > 6 ? `${shown} and ${paths.length - 6} others` : shown;
}
