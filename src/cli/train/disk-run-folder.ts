/**
 * The folder of a training run as a directory: files are replaced whole or not at all, what a killed run left half
 * written is taken away, and one process at a time has it (run-lock.ts).
 */
import { appendFile, mkdir, readdir, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { openPath } from '#platform';
import { assert } from '../../base/assert.ts';
import type { ByteSource } from '../../base/byte-source.ts';
import { BitnetError } from '../../base/errors.ts';
import type { RunFolder } from '../../train/run-folder.ts';
import { outputError, writeOutputFile } from '../output-file.ts';
import { lockRun, type RunLock } from './run-lock.ts';

/** Of files that are being written. */
const PARTIAL = /\.\d+\.part$/;

/** A run folder on disk that this process has for itself until it is closed. */
export interface DiskRunFolder extends RunFolder {
  /** Lets others have it; one that was made and is empty still goes away. */
  close(): Promise<void>;
}

/**
 * Makes the directory where there is none, and takes hold of it.
 *
 * @throws BitnetError `output/failed` when it cannot be made or written to, `output/not-a-folder`, `train/run-in-use`
 */
export async function openRunFolder(path: string): Promise<DiskRunFolder> {
  const isNew = !(await isThere(path));
  await makeFolder(path);
  const lock: RunLock = await lockRun(path);
  try {
    // No other process writes here now, so that whoever wrote these is gone.
    for (const name of await namesBelow(path, '')) {
      if (PARTIAL.test(name)) await rm(join(path, name), { force: true });
    }
  } catch (cause) {
    await lock.release();
    throw outputError(path, cause);
  }
  return {
    ...readRunFolder(path),
    async close() {
      await lock.release();
      // A run that was refused leaves no empty folder; one with anything in it stays.
      if (isNew) await rmdir(path).catch(() => undefined);
    },
  };
}

/** As {@link openRunFolder} without taking hold of it or making it; for readers, and for files that no run writes. */
export function readRunFolder(path: string): RunFolder {
  const placeOf = (fileName: string): string => {
    const parts = fileName.split('/');
    assert(
      parts.every((part) => part !== '' && part !== '.' && part !== '..' && !/[\\\0]/.test(part)),
      `"${fileName}" names a file of the run`,
    );
    return join(path, ...parts);
  };
  return {
    name: path,
    async open(fileName) {
      const place = placeOf(fileName);
      const found = await stat(place).catch(() => undefined);
      return found?.isFile() === true ? ((await openPath(place)) as ByteSource) : undefined;
    },
    async write(fileName, write) {
      const place = placeOf(fileName);
      await makeFolder(dirname(place));
      await writeOutputFile(place, true, write);
    },
    async append(fileName, text) {
      const place = placeOf(fileName);
      await appendFile(place, text).catch((cause: unknown) => {
        throw outputError(place, cause);
      });
    },
    async remove(fileName) {
      const place = placeOf(fileName);
      await rm(place, { force: true }).catch((cause: unknown) => {
        throw new BitnetError('output/failed', `${place} cannot be removed: ${reason(cause)}`, { cause });
      });
    },
    async list(folder) {
      const names = await namesBelow(path, folder);
      return names.filter((name) => !PARTIAL.test(name)).sort();
    },
  };
}

async function makeFolder(path: string): Promise<void> {
  try {
    await makeDeep(resolve(path));
  } catch (cause) {
    const isInTheWay = (cause as { code?: unknown } | null)?.code === 'EEXIST';
    if (!isInTheWay) throw outputError(resolve(path), cause);
    throw new BitnetError('output/not-a-folder', `${path} is a file; a run needs a folder of its own`, {
      cause,
    });
  }
}

/** As mkdir with `recursive`, which never ends in file systems that let nothing be made, such as /proc. */
async function makeDeep(path: string): Promise<void> {
  const above = dirname(path);
  try {
    await mkdir(path);
  } catch (cause) {
    const { code } = cause as { code?: unknown };
    if (code === 'EEXIST' || code === 'EISDIR') {
      if (!(await stat(path)).isDirectory()) throw cause;
      return;
    }
    if (code !== 'ENOENT' || above === path || (await isThere(above))) throw cause;
    await makeDeep(above);
    await mkdir(path);
  }
}

function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Files below a folder of the run, relative to the run, with forward slashes; none where there is no such folder. */
async function namesBelow(path: string, folder: string): Promise<string[]> {
  let entries: Awaited<ReturnType<typeof entriesOf>>;
  try {
    entries = await entriesOf(join(path, folder));
  } catch (cause) {
    if ((cause as { code?: unknown } | null)?.code === 'ENOENT') return [];
    throw new BitnetError('source/read-failed', `${join(path, folder)} cannot be read: ${reason(cause)}`, {
      cause,
    });
  }
  const names: string[] = [];
  for (const entry of entries) {
    const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) names.push(...(await namesBelow(path, name)));
    else if (entry.isFile()) names.push(name);
  }
  return names;
}

function entriesOf(path: string) {
  return readdir(path, { withFileTypes: true });
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
