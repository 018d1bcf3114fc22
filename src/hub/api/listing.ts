/**
 * What a repository holds at a commit, by the hub's API: `/api/models/NAME/revision/REVISION` tells the commit and
 * `/api/models/NAME/tree/COMMIT` the files with their lengths and hashes. Everything in the answers is untrusted: names
 * become paths of the cache and lengths become files.
 */
import { BitnetError } from '../../base/errors.ts';
import type { HubClient, Subject } from './hub-client.ts';

/** A file of a repository. */
export interface HubFile {
  /** Inside the repository, with forward slashes. */
  readonly path: string;
  readonly size: number;
  /**
   * What its content is addressed by, and what its blob in the cache is called: the SHA-256 of the content for large
   * files (LFS, Xet), for all others git's SHA-1 of it.
   */
  readonly etag: string;
  readonly hash: 'sha256' | 'git-sha1';
}

/** A repository at a commit. */
export interface HubListing {
  readonly repository: string;
  /** The 40 digits of the commit. */
  readonly commit: string;
  readonly files: readonly HubFile[];
}

const MAX_FILES = 20_000;
const MAX_PAGES = 200;
const COMMIT = /^[0-9a-f]{40}$/;

/** True for the 40 digits of a commit, which always mean the same files. */
export function isCommit(revision: string): boolean {
  return COMMIT.test(revision);
}

/** True for a path that stays inside the folder it is put in, on every system. */
export function isSafePath(path: string): boolean {
  return (
    path.length <= 500 &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    !/[\\:*?"<>|\x00-\x1f\x7f]/.test(path) &&
    path.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !/[. ]$/.test(part))
  );
}

/**
 * The commit that a branch or tag stands for, and the files of it.
 *
 * @throws BitnetError `hub/not-found`, `hub/gated`, `hub/unauthorized`, `hub/unreachable`, `hub/bad-answer`
 */
export async function listRepository(
  client: HubClient,
  repository: string,
  revision: string,
  signal: AbortSignal | undefined,
): Promise<HubListing> {
  const subject: Subject = { repository, revision };
  const api = `${client.settings.endpoint}/api/models/${repository}`;
  const { value } = await client.json(`${api}/revision/${encodeURIComponent(revision)}`, subject, signal);
  const commit = field(value, 'sha');
  if (typeof commit !== 'string' || !COMMIT.test(commit)) {
    throw badAnswer(subject, 'does not tell the commit of the repository');
  }
  const files: HubFile[] = [];
  let page: string | undefined = `${api}/tree/${commit}?recursive=true`;
  for (let pages = 0; page !== undefined; pages++) {
    const answer = await client.json(page, subject, signal);
    if (!Array.isArray(answer.value) || pages === MAX_PAGES || files.length > MAX_FILES) {
      throw badAnswer(subject, 'gives no list of files that could be used');
    }
    for (const entry of answer.value) {
      const file = fileOf(entry, subject);
      if (file !== undefined) files.push(file);
    }
    page = answer.next;
  }
  return { repository, commit, files };
}

/** Where the bytes of a file are asked for. */
export function resolveUrl(endpoint: string, repository: string, commit: string, path: string): string {
  return `${endpoint}/${repository}/resolve/${commit}/${path.split('/').map(encodeURIComponent).join('/')}`;
}

/** A file of the listing; undefined for folders, and for names that no disk could keep safely. */
function fileOf(entry: unknown, subject: Subject): HubFile | undefined {
  if (field(entry, 'type') !== 'file') return undefined;
  const path = field(entry, 'path');
  if (typeof path !== 'string') throw badAnswer(subject, 'lists a file without a name');
  if (!isSafePath(path)) return undefined;
  const lfs = field(entry, 'lfs');
  const isLarge = lfs !== undefined && lfs !== null;
  const size = isLarge ? (field(lfs, 'size') ?? field(entry, 'size')) : field(entry, 'size');
  const etag = isLarge ? field(lfs, 'oid') : field(entry, 'oid');
  const isHash = typeof etag === 'string' && (isLarge ? /^[0-9a-f]{64}$/ : COMMIT).test(etag);
  if (!isHash || typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw badAnswer(subject, `lists ${path} without a length and a hash to check it by`);
  }
  return { path, size, etag, hash: isLarge ? 'sha256' : 'git-sha1' };
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, unknown>)[name];
}

function badAnswer(subject: Subject, what: string): BitnetError {
  return new BitnetError(
    'hub/bad-answer',
    `${subject.repository}: the hub ${what}; check HF_ENDPOINT, or try again later`,
    { details: { ...subject } },
  );
}
