/**
 * The tensors of a model folder: `model.safetensors`, or the shards that `model.safetensors.index.json` lists. As the
 * libraries that write such folders do, all tensors of the shards count; the index says which files those are, and every
 * tensor it promises has to be in one of them.
 */
import type { ByteSource, SourceFolder } from '../../base/byte-source.ts';
import { BitnetError } from '../../base/errors.ts';
import { isJsonObject, type JsonObject, readJsonFile } from '../json.ts';
import type { TensorInfo } from '../tensor-info.ts';
import { readSafetensors } from './read.ts';

const SINGLE_FILE = 'model.safetensors';
const INDEX_FILE = 'model.safetensors.index.json';
const MAX_INDEX_BYTES = 100_000_000;
const MAX_SHARDS = 1000;

/** The tensors of a folder and the files they lie in, which its owner has to close. */
export interface FolderTensors {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly sources: readonly ByteSource[];
}

/**
 * Opens the safetensors files of a folder and reads their headers.
 *
 * @throws BitnetError `safetensors/missing` when the folder has neither file, `safetensors/index`,
 *   `safetensors/missing-shard`, `safetensors/repeated-tensor`, `safetensors/missing-tensor`, or as
 *   {@link readSafetensors}; whatever was opened is closed then
 */
export async function readFolderTensors(folder: SourceFolder, signal?: AbortSignal): Promise<FolderTensors> {
  const sources: ByteSource[] = [];
  try {
    return { tensors: await openTensors(folder, sources, signal), sources };
  } catch (error) {
    for (const source of sources) await source.close();
    throw error;
  }
}

async function openTensors(
  folder: SourceFolder,
  sources: ByteSource[],
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, TensorInfo>> {
  const single = await folder.open(SINGLE_FILE, signal);
  if (single !== undefined) {
    sources.push(single);
    return (await readSafetensors(single, signal)).tensors;
  }
  const index = await readJsonFile(folder, INDEX_FILE, MAX_INDEX_BYTES, signal);
  if (index === undefined) {
    throw new BitnetError(
      'safetensors/missing',
      `${folder.name}: there is neither ${SINGLE_FILE} nor ${INDEX_FILE}; this is no complete model folder`,
    );
  }
  const shardOf = readWeightMap(folder, index);
  const tensors = new Map<string, TensorInfo>();
  for (const shard of new Set(shardOf.values())) {
    await addShard(folder, shard, tensors, sources, signal);
  }
  checkPromises(folder, shardOf, tensors);
  return tensors;
}

function readWeightMap(folder: SourceFolder, index: JsonObject): ReadonlyMap<string, string> {
  const weightMap = index.weight_map;
  if (!isJsonObject(weightMap)) throw badIndex(folder, 'has no weight_map');
  const shardOf = new Map<string, string>();
  for (const [name, shard] of Object.entries(weightMap)) {
    if (typeof shard !== 'string') throw badIndex(folder, `names no file for tensor ${name}`);
    // A name with a path could lead out of the folder.
    if (!/^[^/\\:]+\.safetensors$/.test(shard)) {
      throw badIndex(
        folder,
        `puts tensor ${name} into "${shard}", which is no .safetensors file of the folder`,
      );
    }
    shardOf.set(name, shard);
  }
  const shards = new Set(shardOf.values()).size;
  if (shards === 0 || shards > MAX_SHARDS) throw badIndex(folder, `names ${shards} files`);
  return shardOf;
}

async function addShard(
  folder: SourceFolder,
  shard: string,
  tensors: Map<string, TensorInfo>,
  sources: ByteSource[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const source = await folder.open(shard, signal);
  if (source === undefined) {
    throw new BitnetError(
      'safetensors/missing-shard',
      `${folder.name}: ${shard} is missing, which ${INDEX_FILE} lists; the download is incomplete`,
      { details: { shard } },
    );
  }
  sources.push(source);
  for (const [name, info] of (await readSafetensors(source, signal)).tensors) {
    const other = tensors.get(name);
    if (other !== undefined) {
      throw new BitnetError(
        'safetensors/repeated-tensor',
        `${folder.name}: the tensor ${name} is in both ${other.source.name} and ${source.name}`,
        { details: { tensor: name } },
      );
    }
    tensors.set(name, info);
  }
}

function checkPromises(
  folder: SourceFolder,
  shardOf: ReadonlyMap<string, string>,
  tensors: ReadonlyMap<string, TensorInfo>,
): void {
  for (const [name, shard] of shardOf) {
    if (tensors.has(name)) continue;
    throw new BitnetError(
      'safetensors/missing-tensor',
      `${folder.name}: no file has the tensor ${name}, which ${INDEX_FILE} puts into ${shard}; the files do not belong together`,
      { details: { tensor: name, shard } },
    );
  }
}

function badIndex(folder: SourceFolder, what: string): BitnetError {
  return new BitnetError('safetensors/index', `${folder.name}: ${INDEX_FILE} ${what}`);
}
