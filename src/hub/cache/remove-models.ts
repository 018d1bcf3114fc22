/**
 * Takes models and interrupted downloads out of the cache. What other snapshots still name stays; what nobody names any
 * more goes, with the snapshot, its branches and the repository's folder once they are empty.
 */
import { BitnetError } from '../../base/errors.ts';
import type { FileTree } from '../../base/file-tree.ts';
import { checkpointFiles } from '../choose-files.ts';
import { readJournal } from '../download/journal.ts';
import type { LocalModel, UnfinishedDownload } from '../hub.ts';
import {
  blobFolder,
  cachedCommit,
  filesBelow,
  JOURNAL_ENDING,
  journalPath,
  lockPath,
  partPath,
  repositoryFolder,
  repositoryOfFolder,
  snapshotFolder,
  snapshotsFolder,
} from './cache-paths.ts';

/** Removes a model. @returns bytes that are free now */
export async function removeModel(
  tree: FileTree,
  { repository, revision, file }: LocalModel,
): Promise<number> {
  const folder = snapshotFolder(repository, revision);
  const files = await filesBelow(tree, folder);
  const paths = files.map(({ path }) => path);
  const gone = new Set(file === undefined ? checkpointFiles(paths) : [file]);
  const removed = files.filter(({ path }) => gone.has(path));
  for (const { path } of removed) await tree.remove(`${folder}/${path}`);
  const needed = new Set<string>();
  for (const commit of await tree.namesIn(snapshotsFolder(repository))) {
    for (const { identity } of await filesBelow(tree, snapshotFolder(repository, commit)))
      needed.add(identity);
  }
  const freed = new Map(
    removed.filter(({ identity }) => !needed.has(identity)).map(({ identity, size }) => [identity, size]),
  );
  for (const blob of await tree.namesIn(blobFolder(repository))) {
    const entry = await tree.entryOf(`${blobFolder(repository)}/${blob}`);
    if (entry !== undefined && freed.has(entry.identity))
      await tree.remove(`${blobFolder(repository)}/${blob}`);
  }
  // Files that only go with a model, such as a README, are no reason to keep a snapshot.
  const left = files.filter(({ path }) => !gone.has(path) && /\.(gguf|safetensors|bin|pth?)$/.test(path));
  if (left.length === 0) await removeSnapshot(tree, repository, revision);
  return [...freed.values()].reduce((sum, size) => sum + size, 0);
}

async function removeSnapshot(tree: FileTree, repository: string, commit: string): Promise<void> {
  const refs = `${repositoryFolder(repository)}/refs`;
  for (const { path } of await filesBelow(tree, refs)) {
    if ((await cachedCommit(tree, repository, path)) === commit) await tree.remove(`${refs}/${path}`);
  }
  await tree.remove(snapshotFolder(repository, commit));
  const others = await tree.namesIn(snapshotsFolder(repository));
  const blobs = await tree.namesIn(blobFolder(repository));
  const isDownloading = blobs.some((name) => name.endsWith(JOURNAL_ENDING) || name.endsWith('.incomplete'));
  if (others.length === 0 && !isDownloading) await tree.remove(repositoryFolder(repository));
}

/** Downloads of which a part is here. */
export async function unfinishedDownloads(tree: FileTree): Promise<readonly UnfinishedDownload[]> {
  const downloads: UnfinishedDownload[] = [];
  for (const name of await tree.namesIn('')) {
    const repository = repositoryOfFolder(name);
    if (repository === undefined) continue;
    for (const etag of await unfinishedEtags(tree, repository)) {
      const download = await unfinishedAt(tree, repository, etag);
      if (download !== undefined) downloads.push(download);
    }
  }
  return downloads;
}

async function unfinishedEtags(tree: FileTree, repository: string): Promise<readonly string[]> {
  const names = await tree.namesIn(blobFolder(repository));
  return names
    .filter((name) => name.endsWith(JOURNAL_ENDING))
    .map((name) => name.slice(0, -JOURNAL_ENDING.length));
}

async function unfinishedAt(
  tree: FileTree,
  repository: string,
  etag: string,
): Promise<UnfinishedDownload | undefined> {
  const journal = await readJournal(tree, journalPath(repository, etag));
  if (journal === undefined) return undefined;
  const { commit, file, size } = journal.header;
  return { repository, revision: commit, file, doneBytes: journal.doneBytes, totalBytes: size };
}

/**
 * Removes what has arrived of a download.
 *
 * @returns bytes that are free now
 * @throws BitnetError `hub/locked` when it is going on
 */
export async function discardDownload(tree: FileTree, download: UnfinishedDownload): Promise<number> {
  const { repository, revision, file } = download;
  let freed = 0;
  for (const etag of await unfinishedEtags(tree, repository)) {
    const found = await unfinishedAt(tree, repository, etag);
    if (found?.revision !== revision || found.file !== file) continue;
    const busy = new AbortController();
    const lock = await tree.lock(
      lockPath(repository, etag),
      (holder) =>
        busy.abort(
          new BitnetError(
            'hub/locked',
            `${repository}: ${holder} is just downloading ${file}; end that first`,
          ),
        ),
      busy.signal,
    );
    try {
      await tree.remove(partPath(repository, etag));
      await tree.remove(journalPath(repository, etag));
      freed += found.doneBytes;
    } finally {
      await lock.release();
    }
  }
  const isEmpty =
    (await tree.namesIn(snapshotsFolder(repository))).length === 0 &&
    (await tree.namesIn(blobFolder(repository))).length === 0;
  if (isEmpty) await tree.remove(repositoryFolder(repository));
  return freed;
}
