/** The models of the cache: found by name, listed, opened. Whoever has put them there, nothing is asked of a network. */
import type { SourceFolder } from '../../base/byte-source.ts';
import type { FileTree } from '../../base/file-tree.ts';
import { isCommit } from '../api/listing.ts';
import { findByRepository, readCatalogue } from '../catalogue/catalogue.ts';
import { checkpointFiles, runnableGgufs } from '../choose-files.ts';
import type { LocalModel } from '../hub.ts';
import type { HubModel } from '../model-name.ts';
import {
  cachedCommit,
  type FoundFile,
  filesBelow,
  repositoryOfFolder,
  snapshotFolder,
  snapshotsFolder,
} from './cache-paths.ts';

/** Branch that is meant when none is named. */
export const DEFAULT_REVISION = 'main';
const INDEX_FILE = 'model.safetensors.index.json';
const MAX_JSON_BYTES = 64 * 1024 * 1024;
/** Classes of config.json whose models are ternary whatever else it says. */
const TERNARY_CLASS = /^bitnet/i;

/** The model if all of it is here. */
export async function findModel(tree: FileTree, model: HubModel): Promise<LocalModel | undefined> {
  const { repository, revision = DEFAULT_REVISION, file, published } = model;
  const commit = await cachedCommit(tree, repository, revision);
  if (commit === undefined) return undefined;
  const files = await filesBelow(tree, snapshotFolder(repository, commit));
  const wanted =
    file ?? (published === undefined ? runnableGgufs(files.map(({ path }) => path))[0] : undefined);
  if (wanted === undefined) return folderModel(tree, repository, commit, files);
  const found = files.find(({ path }) => path === wanted);
  return found && fileModel(tree, repository, commit, found);
}

/** All models of the cache that could be run. */
export async function listLocalModels(tree: FileTree): Promise<readonly LocalModel[]> {
  const models: LocalModel[] = [];
  for (const name of await tree.namesIn('')) {
    const repository = repositoryOfFolder(name);
    if (repository === undefined) continue;
    for (const commit of await tree.namesIn(snapshotsFolder(repository))) {
      if (isCommit(commit)) models.push(...(await modelsOfSnapshot(tree, repository, commit)));
    }
  }
  return models;
}

async function modelsOfSnapshot(tree: FileTree, repository: string, commit: string): Promise<LocalModel[]> {
  const files = await filesBelow(tree, snapshotFolder(repository, commit));
  const ggufs = new Set(runnableGgufs(files.map(({ path }) => path)));
  const models = files
    .filter(({ path }) => ggufs.has(path))
    .map((file) => fileModel(tree, repository, commit, file));
  const folder = await folderModel(tree, repository, commit, files);
  if (folder !== undefined && (await isTernary(tree, repository, commit))) models.push(folder);
  return models;
}

function fileModel(tree: FileTree, repository: string, commit: string, file: FoundFile): LocalModel {
  const path = `${snapshotFolder(repository, commit)}/${file.path}`;
  return {
    repository,
    revision: commit,
    file: file.path,
    path: tree.pathOf(path),
    bytes: file.size,
    open: () => tree.openSource(path),
  };
}

/** The folder of a checkpoint; undefined when there is none, or when files of it are missing. */
async function folderModel(
  tree: FileTree,
  repository: string,
  commit: string,
  files: readonly FoundFile[],
): Promise<LocalModel | undefined> {
  const chosen = checkpointFiles(files.map(({ path }) => path));
  if (chosen === undefined) return undefined;
  const folder = snapshotFolder(repository, commit);
  if (chosen.includes(INDEX_FILE)) {
    const shards = shardsOf(await readJson(tree, `${folder}/${INDEX_FILE}`));
    if (shards === undefined || shards.some((shard) => !chosen.includes(shard))) return undefined;
  }
  const sizes = files.filter(({ path }) => chosen.includes(path)).map(({ size }) => size);
  return {
    repository,
    revision: commit,
    file: undefined,
    path: tree.pathOf(folder),
    bytes: sizes.reduce((sum, size) => sum + size, 0),
    open: async () => folderSource(tree, folder, repository),
  };
}

/** The files that an index of shards names. */
function shardsOf(index: unknown): readonly string[] | undefined {
  const map = (index as { weight_map?: unknown } | null | undefined)?.weight_map;
  return typeof map === 'object' && map !== null ? [...new Set(Object.values(map).map(String))] : undefined;
}

/** Whether the checkpoint is one of ours: by the catalogue, or by what its configuration says. */
async function isTernary(tree: FileTree, repository: string, commit: string): Promise<boolean> {
  const catalogue = await readCatalogue().catch(() => undefined);
  if (catalogue !== undefined && findByRepository(catalogue, repository) !== undefined) return true;
  const config = (await readJson(tree, `${snapshotFolder(repository, commit)}/config.json`)) as
    | { architectures?: unknown; quantization_config?: { quant_method?: unknown } }
    | null
    | undefined;
  const names = Array.isArray(config?.architectures) ? config.architectures : [];
  return TERNARY_CLASS.test(String(names[0])) || config?.quantization_config?.quant_method === 'bitnet';
}

async function readJson(tree: FileTree, path: string): Promise<unknown> {
  const bytes = await tree.read(path, MAX_JSON_BYTES);
  try {
    return bytes && JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

function folderSource(tree: FileTree, folder: string, repository: string): SourceFolder {
  return {
    name: tree.pathOf(folder) ?? repository,
    async open(fileName) {
      // A name from an index file must not lead out of the folder.
      if (/[/\\]/.test(fileName) || fileName === '..') return undefined;
      const entry = await tree.entryOf(`${folder}/${fileName}`);
      return entry === undefined || entry.isFolder ? undefined : tree.openSource(`${folder}/${fileName}`);
    },
  };
}
