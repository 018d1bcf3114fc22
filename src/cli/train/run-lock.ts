/**
 * One process at a time in the folder of a run: a file `lock` that tells whose it is. A process that was killed leaves
 * it behind; it then counts for nothing, also when another process has got the same number since.
 */
import { link, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { BitnetError } from '../../base/errors.ts';
import { outputError } from '../output-file.ts';

/** A lock that is held. */
export interface RunLock {
  release(): Promise<void>;
}

/** Who holds a lock. */
interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process began, in the system's own count; '' where that is not told. */
  readonly began: string;
}

/** A lock without a readable holder is one that is being written, for so long. */
const WRITING_MS = 10_000;

/**
 * Takes the lock of a folder.
 *
 * @throws BitnetError `train/run-in-use` when another process has it, `output/failed` when the folder cannot be written to
 */
export async function lockRun(folder: string): Promise<RunLock> {
  const path = join(folder, 'lock');
  const own: Holder = { pid: process.pid, host: hostname(), began: await beginningOf(process.pid) };
  for (let attempt = 0; ; attempt++) {
    try {
      await writeFile(path, `${JSON.stringify(own)}\n`, { flag: 'wx' });
      return { release: () => rm(path, { force: true }) };
    } catch (cause) {
      if ((cause as { code?: unknown } | null)?.code !== 'EEXIST') throw outputError(path, cause);
      const fault = await faultOf(path, own);
      if (fault !== undefined || attempt === 3) {
        throw new BitnetError(
          'train/run-in-use',
          `${folder}: ${fault ?? 'other processes take the lock again and again'}`,
        );
      }
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
    if ((cause as { code?: unknown } | null)?.code === 'ENOENT') return;
    throw outputError(path, cause);
  }
  if ((await faultOf(aside, own)) !== undefined) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

/** Why a lock that is there must be respected, or undefined when its holder is gone. */
async function faultOf(path: string, own: Holder): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  const holder = text === undefined ? undefined : holderOf(text);
  if (holder === undefined) {
    const found = await stat(path).catch(() => undefined);
    const isFresh = found !== undefined && Date.now() - found.mtimeMs < WRITING_MS;
    return isFresh ? 'another process takes this run just now' : undefined;
  }
  if (holder.host !== own.host) {
    return (
      `process ${holder.pid} on ${holder.host} has this run; if it is no longer there, remove ${path}, or choose ` +
      'another folder with --out'
    );
  }
  if (!isAlive(holder.pid) || (await beginningOf(holder.pid)) !== holder.began) return undefined;
  return `process ${holder.pid} trains here; wait until it has ended, or choose another folder with --out`;
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
    return (error as { code?: unknown } | null)?.code === 'EPERM';
  }
}

/** Field 22 of /proc/PID/stat: clock ticks since the machine started. The name before it may hold spaces and brackets. */
async function beginningOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}
