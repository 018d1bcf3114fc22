/**
 * Where things lie in the cache, as huggingface_hub has laid it out: `models--OWNER--NAME/` with `blobs/` (contents, by
 * their hash), `refs/` (the commit of each branch) and `snapshots/COMMIT/` (names of the blobs).
 * https://huggingface.co/docs/huggingface_hub/guides/manage-cache
 * Parts of downloads have names that huggingface_hub does not go on with: it would append to them, and they have holes.
 */
import type { FileTree } from '../../base/file-tree.ts';
import { isCommit, isSafePath } from '../api/listing.ts';

/** Ending of the journal of a download, behind the name of the blob. */
export const JOURNAL_ENDING = '.bitnet-journal';
const PART_ENDING = '.bitnet-part';

/** Folder of a repository. */
export function repositoryFolder(repository: string): string {
  return `models--${repository.replace('/', '--')}`;
}

/** The repository that a folder of the cache is of; undefined for anything else in the cache. */
export function repositoryOfFolder(name: string): string | undefined {
  const [kind, owner, repository, ...rest] = name.split('--');
  return kind === 'models' && owner && repository && rest.length === 0 ? `${owner}/${repository}` : undefined;
}

/** The blobs of a repository. */
export function blobFolder(repository: string): string {
  return `${repositoryFolder(repository)}/blobs`;
}

/** A content by its hash. */
export function blobPath(repository: string, etag: string): string {
  return `${blobFolder(repository)}/${etag}`;
}

/** What has arrived of a content. */
export function partPath(repository: string, etag: string): string {
  return blobPath(repository, etag) + PART_ENDING;
}

/** Which pieces of a content have arrived. */
export function journalPath(repository: string, etag: string): string {
  return blobPath(repository, etag) + JOURNAL_ENDING;
}

/** The lock of a download; beside those of huggingface_hub, which locks in another way. */
export function lockPath(repository: string, etag: string): string {
  return `.locks/${repositoryFolder(repository)}/${etag}.bitnet-lock`;
}

/** Holds the commit of a branch or tag. */
export function refPath(repository: string, revision: string): string {
  return `${repositoryFolder(repository)}/refs/${revision}`;
}

/** The commits that are here. */
export function snapshotsFolder(repository: string): string {
  return `${repositoryFolder(repository)}/snapshots`;
}

/** The files of a commit. */
export function snapshotFolder(repository: string, commit: string): string {
  return `${snapshotsFolder(repository)}/${commit}`;
}

/** The commit that a revision stood for when it was last asked for; undefined when it never was. */
export async function cachedCommit(
  tree: FileTree,
  repository: string,
  revision: string,
): Promise<string | undefined> {
  if (isCommit(revision)) return revision;
  if (!isSafePath(revision)) return undefined;
  const bytes = await tree.read(refPath(repository, revision), 200);
  const commit = bytes && new TextDecoder().decode(bytes).trim();
  return commit !== undefined && isCommit(commit) ? commit : undefined;
}

/** A file somewhere below a folder. */
export interface FoundFile {
  /** Relative to the folder. */
  readonly path: string;
  readonly size: number;
  readonly identity: string;
}

/** Folders in folders that are looked into; repositories of models have two at most. */
const DEEPEST = 6;

/** All files below a folder; a link that leads nowhere is none. */
export async function filesBelow(tree: FileTree, folder: string, depth = 0): Promise<readonly FoundFile[]> {
  const files: FoundFile[] = [];
  for (const name of await tree.namesIn(folder)) {
    const entry = await tree.entryOf(`${folder}/${name}`);
    if (entry === undefined) continue;
    if (!entry.isFolder) files.push({ path: name, size: entry.size, identity: entry.identity });
    else if (depth < DEEPEST) {
      const inside = await filesBelow(tree, `${folder}/${name}`, depth + 1);
      files.push(...inside.map((file) => ({ ...file, path: `${name}/${file.path}` })));
    }
  }
  return files;
}
