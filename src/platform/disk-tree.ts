/** A {@link FileTree} in a folder of the disk, for Node.js. Names of files are symbolic links where the system has them. */
import type { BigIntStats } from 'node:fs';
import {
  link,
  lstat,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { ByteSource } from '../base/byte-source.ts';
import { BitnetError } from '../base/errors.ts';
import type { FileEntry, FileTree, HeldLock, RandomAccessFile } from '../base/file-tree.ts';
import { systemCode, writeReason } from './file-reason.ts';
import { tryLock } from './process-lock.ts';

/** How often is asked whether a lock is free. */
const LOCK_POLL_MS = 200;

/**
 * The tree in a folder, which need not be there yet.
 *
 * @param openSource opens a path for reading
 */
export function diskTree(folder: string, openSource: (path: string) => Promise<ByteSource>): FileTree {
  const root = resolve(folder);
  const at = (path: string): string => join(root, path);
  const makeParent = (path: string): Promise<unknown> => mkdir(dirname(at(path)), { recursive: true });
  return {
    name: root,
    pathOf: at,
    entryOf: (path) => entryAt(at(path)),
    async namesIn(path) {
      try {
        return (await readdir(at(path))).sort();
      } catch (cause) {
        if (isAbsent(cause)) return [];
        throw failed(at(path), cause);
      }
    },
    async read(path, mostBytes) {
      const entry = await entryAt(at(path));
      if (entry === undefined || entry.isFolder || entry.size > mostBytes) return undefined;
      return new Uint8Array(await readFile(at(path)).catch((cause) => rethrow(at(path), cause)));
    },
    async write(path, bytes) {
      const temporary = `${at(path)}.${process.pid}.part`;
      try {
        await makeParent(path);
        await writeFile(temporary, bytes);
        await rename(temporary, at(path));
      } catch (cause) {
        await rm(temporary, { force: true }).catch(() => {});
        throw failed(at(path), cause);
      }
    },
    openFile: (path) =>
      makeParent(path).then(
        () => openForUpdate(at(path)),
        (cause) => rethrow(at(path), cause),
      ),
    openSource: (path) => openSource(at(path)),
    async link(target, path) {
      try {
        await makeParent(path);
        await rm(at(path), { force: true });
        await linkOrMove(at(target), at(path));
      } catch (cause) {
        throw failed(at(path), cause);
      }
    },
    async move(from, to) {
      try {
        await makeParent(to);
        await rename(at(from), at(to));
      } catch (cause) {
        throw failed(at(to), cause);
      }
    },
    async remove(path) {
      await rm(at(path), { recursive: true, force: true }).catch((cause) => rethrow(at(path), cause));
    },
    freeBytes: () => freeBytesAt(root),
    lock: (path, onWait, signal) =>
      makeParent(path).then(
        () => waitForLock(at(path), onWait, signal),
        (cause) => rethrow(at(path), cause),
      ),
  };
}

async function entryAt(path: string): Promise<FileEntry | undefined> {
  try {
    const found: BigIntStats = await stat(path, { bigint: true });
    const isFolder = found.isDirectory();
    if (!isFolder && !found.isFile()) return undefined;
    return { isFolder, size: isFolder ? 0 : Number(found.size), identity: `${found.dev}:${found.ino}` };
  } catch (cause) {
    if (isAbsent(cause) || systemCode(cause) === 'ELOOP') return undefined;
    throw failed(path, cause);
  }
}

async function openForUpdate(path: string): Promise<RandomAccessFile> {
  // Not 'a+': writes must go where they are told to.
  const handle = await open(path, 'r+').catch(async (cause) => {
    if (systemCode(cause) !== 'ENOENT') throw failed(path, cause);
    return open(path, 'w+').catch((error) => rethrow(path, error));
  });
  const { size } = await handle.stat();
  return {
    size,
    async read(target, offset) {
      for (let done = 0; done < target.byteLength; ) {
        const { bytesRead } = await handle
          .read(target, done, target.byteLength - done, offset + done)
          .catch((cause) => rethrow(path, cause));
        if (bytesRead === 0) {
          throw new BitnetError(
            'files/failed',
            `${path}: the file ends at byte ${offset + done}; it was cut`,
          );
        }
        done += bytesRead;
      }
    },
    async write(bytes, offset) {
      for (let done = 0; done < bytes.byteLength; ) {
        const { bytesWritten } = await handle
          .write(bytes, done, bytes.byteLength - done, offset + done)
          .catch((cause) => rethrow(path, cause));
        done += bytesWritten;
      }
    },
    truncate: (length) => handle.truncate(length).catch((cause) => rethrow(path, cause)),
    flush: () => handle.datasync().catch((cause) => rethrow(path, cause)),
    close: () => handle.close(),
  };
}

/** A symbolic link relative to its folder, as the cache of Hugging Face has them, so that the tree can be moved. */
async function linkOrMove(target: string, path: string): Promise<void> {
  try {
    await symlink(relative(dirname(path), target), path);
  } catch {
    // Windows without the right to make them, and file systems that have none.
    await link(target, path).catch(() => rename(target, path));
  }
}

/** The folder may not be there yet: then what counts is the one that it will be made in. */
async function freeBytesAt(folder: string): Promise<number | undefined> {
  for (let path = folder; ; path = dirname(path)) {
    try {
      await lstat(path);
      const { bavail, bsize } = await statfs(path);
      return bavail * bsize;
    } catch {
      if (dirname(path) === path) return undefined;
    }
  }
}

async function waitForLock(
  path: string,
  onWait: (holder: string) => void,
  signal: AbortSignal | undefined,
): Promise<HeldLock> {
  for (let isTold = false; ; isTold = true) {
    signal?.throwIfAborted();
    const lock = await tryLock(path).catch((cause) => rethrow(path, cause));
    if ('release' in lock) return lock;
    if (lock.isElsewhere) {
      throw new BitnetError(
        'files/locked',
        `process ${lock.pid} on ${lock.host} has the lock ${path}; wait until it has ended, or remove that file if it is no longer there`,
      );
    }
    if (!isTold) onWait(lock.pid === undefined ? 'another process' : `process ${lock.pid}`);
    await delay(LOCK_POLL_MS, undefined, signal === undefined ? {} : { signal }).catch(() => {});
  }
}

function isAbsent(cause: unknown): boolean {
  const code = systemCode(cause);
  return code === 'ENOENT' || code === 'ENOTDIR';
}

function rethrow(path: string, cause: unknown): never {
  throw failed(path, cause);
}

function failed(path: string, cause: unknown): BitnetError {
  if (cause instanceof BitnetError) return cause;
  const code = systemCode(cause);
  const isFull = code === 'ENOSPC' || code === 'EDQUOT';
  return new BitnetError(
    isFull ? 'files/no-space' : 'files/failed',
    `${path} cannot be read or written: ${writeReason(cause)}`,
    { cause },
  );
}
