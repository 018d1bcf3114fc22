/**
 * Repositories of the fake hub: commits of files, and the JSON that the hub's API tells of them. Lengths, ids and hashes
 * are the real ones of git and of Git LFS, so that a client can check all that it checks on the real hub.
 * https://huggingface.co/docs/hub/api
 */
import { createHash } from 'node:crypto';

/** A file of a commit. */
export interface FakeFile {
  readonly path: string;
  readonly bytes: Uint8Array;
  /** Id of the git blob: of the file itself, or of its LFS pointer. */
  readonly oid: string;
  /** Hash of the content, for files in LFS. */
  readonly sha256: string | undefined;
  readonly pointerSize: number;
}

/** A state of a repository. */
export interface FakeCommit {
  /** 40 hexadecimal digits. */
  readonly id: string;
  readonly files: ReadonlyMap<string, FakeFile>;
}

/** What may be said of a repository. */
export interface FakeRepositoryOptions {
  /** Only with a token of {@link FakeRepository.readers}. */
  readonly isPrivate?: boolean;
  /** As private, with the answers of a repository whose terms have to be accepted. */
  readonly isGated?: boolean;
  /** Tokens that may read it. */
  readonly readers?: readonly string[];
  /** Lengths that the listing tells of files instead of the right ones. */
  readonly claimedSizes?: Readonly<Record<string, number>>;
  /** What is kept in LFS; by default as on the hub. */
  readonly isLarge?: (path: string) => boolean;
}

/** A repository with its commits, oldest first. */
export class FakeRepository {
  readonly name: string;
  readonly options: FakeRepositoryOptions;
  readonly branches = new Map<string, FakeCommit>();
  readonly #commits = new Map<string, FakeCommit>();

  constructor(name: string, options: FakeRepositoryOptions) {
    this.name = name;
    this.options = options;
  }

  /** Makes `files` the whole content of a branch. @returns the id of the commit */
  commit(files: Readonly<Record<string, string | Uint8Array>>, branch = 'main'): string {
    const isLarge = this.options.isLarge ?? ((path) => /\.(?:gguf|safetensors|bin)$/.test(path));
    const all = Object.entries(files).map(([path, content]) => fakeFile(path, content, isLarge(path)));
    const id = createHash('sha1')
      .update(JSON.stringify([this.name, this.#commits.size, all.map(({ path, oid }) => [path, oid])]))
      .digest('hex');
    const commit = { id, files: new Map(all.map((file) => [file.path, file])) };
    this.#commits.set(id, commit);
    this.branches.set(branch, commit);
    return id;
  }

  /** The commit that a branch, or the commit's own id, stands for. */
  at(revision: string): FakeCommit | undefined {
    return this.branches.get(revision) ?? this.#commits.get(revision);
  }
}

function fakeFile(path: string, content: string | Uint8Array, isLarge: boolean): FakeFile {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  if (!isLarge) return { path, bytes, oid: gitBlobId(bytes), sha256: undefined, pointerSize: 0 };
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const pointer = new TextEncoder().encode(
    `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${bytes.length}\n`,
  );
  return { path, bytes, oid: gitBlobId(pointer), sha256, pointerSize: pointer.length };
}

/** Id of a git object: of its header and its bytes. */
export function gitBlobId(bytes: Uint8Array): string {
  return createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');
}

/** `GET /api/models/{repository}/revision/{revision}` */
export function modelInfo(repository: FakeRepository, commit: FakeCommit): object {
  return {
    _id: commit.id.slice(0, 24),
    id: repository.name,
    modelId: repository.name,
    author: repository.name.split('/')[0],
    sha: commit.id,
    lastModified: '2025-04-15T12:00:00.000Z',
    private: repository.options.isPrivate ?? false,
    disabled: false,
    gated: repository.options.isGated === true ? 'manual' : false,
    downloads: 1,
    likes: 0,
    tags: ['bitnet', 'text-generation'],
    pipeline_tag: 'text-generation',
    createdAt: '2025-04-15T12:00:00.000Z',
    siblings: [...commit.files.keys()].map((rfilename) => ({ rfilename })),
  };
}

/** Entries of `GET /api/models/{repository}/tree/{revision}`, folders among them. */
export function treeEntries(
  { options: { claimedSizes = {} } }: FakeRepository,
  commit: FakeCommit,
  folder: string,
  isRecursive: boolean,
): object[] {
  const entries = new Map<string, object>();
  const prefix = folder === '' ? '' : `${folder}/`;
  for (const { path, bytes, oid, sha256, pointerSize } of commit.files.values()) {
    if (!path.startsWith(prefix)) continue;
    const parts = path.slice(prefix.length).split('/');
    for (let depth = 1; depth < parts.length && (isRecursive || depth === 1); depth++) {
      const name = prefix + parts.slice(0, depth).join('/');
      entries.set(name, { type: 'directory', oid: gitBlobId(Buffer.from(name)), size: 0, path: name });
    }
    if (!isRecursive && parts.length > 1) continue;
    const size = claimedSizes[path] ?? bytes.length;
    const lfs = sha256 === undefined ? {} : { lfs: { oid: sha256, size, pointerSize } };
    entries.set(path, { type: 'file', oid, size, ...lfs, path });
  }
  return [...entries.values()];
}
