/**
 * One process at a time, for Node.js: a lock file that tells whose it is. A process that was killed leaves it behind; it
 * then counts for nothing, also when another process has got the same number since.
 */
import { link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { HeldLock } from '../base/file-tree.ts';
import { systemCode } from './file-reason.ts';

/** Who has a lock that was not to be had. */
export interface LockedBy {
  /** Undefined when the holder is just writing its name. */
  readonly pid: number | undefined;
  readonly host: string;
  /** On another machine, so nobody here can see whether it is still there. */
  readonly isElsewhere: boolean;
}

/** Who holds a lock, as the file says it. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, in the system's own count; '' where that is not told. */
  readonly began: string;
}

/** A lock without a readable holder is one that is being written, for so long. */
const WRITING_MS = 10_000;

/**
 * Takes the lock, or tells who has it.
 *
 * @param path of the lock file, in a folder that is there
 * @throws the system's own error when the file cannot be written
 */
export async function tryLock(path: string): Promise<HeldLock | LockedBy> {
  const own: Holder = { pid: process.pid, host: hostname(), began: await beginningOf(process.pid) };
  for (let attempt = 0; ; attempt++) {
    try {
      await writeFile(path, `${JSON.stringify(own)}\n`, { flag: 'wx' });
      return { release: () => rm(path, { force: true }) };
    } catch (cause) {
      if (systemCode(cause) !== 'EEXIST') throw cause;
      const holder = await holderAt(path, own);
      if (holder !== undefined) return holder;
      if (attempt === 3) return { pid: undefined, host: own.host, isElsewhere: false };
      await removeStale(path, own);
    }
  }
}

/** Takes a lock away whose holder is gone; but not the one that another process may have put in its place since. */
async function removeStale(path: string, own: Holder): Promise<void> {
  const aside = `${path}.${process.pid}.part`;
  try {
    await rename(path, aside);
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return;
    throw cause;
  }
  if ((await holderAt(aside, own)) !== undefined) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

/** Who must be respected, or undefined when the holder is gone. */
async function holderAt(path: string, own: Holder): Promise<LockedBy | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  const holder = text === undefined ? undefined : holderOf(text);
  if (holder === undefined) {
    const found = await stat(path).catch(() => undefined);
    const isFresh = found !== undefined && Date.now() - found.mtimeMs < WRITING_MS;
    return isFresh ? { pid: undefined, host: own.host, isElsewhere: false } : undefined;
  }
  const { pid, host } = holder;
  if (host !== own.host) return { pid, host, isElsewhere: true };
  if (!isAlive(pid) || (await beginningOf(pid)) !== holder.began) return undefined;
  return { pid, host, isElsewhere: false };
}

function holderOf(text: string): Holder | undefined {
  try {
    const { pid, host, began } = JSON.parse(text) as Partial<Holder>;
    const isWhole = Number.isSafeInteger(pid) && Number(pid) > 0 && typeof host === 'string';
    return isWhole && typeof began === 'string' ? { pid: Number(pid), host, began } : undefined;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Of another user, but there.
    return systemCode(error) === 'EPERM';
  }
}

/** Field 22 of /proc/PID/stat: clock ticks since the machine started. The name before it may hold spaces and brackets. */
async function beginningOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
