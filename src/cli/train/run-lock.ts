/**
 * One process at a time in the folder of a run: a file `lock` that tells whose it is (src/platform/process-lock.ts). What
 * the trainer says when another one has the folder is here.
 */
import { join } from 'node:path';
import { BitnetError } from '../../base/errors.ts';
import type { HeldLock } from '../../base/file-tree.ts';
import { type LockedBy, tryLock } from '../../platform/process-lock.ts';
import { outputError } from '../output-file.ts';

/** A lock that is held. */
export type RunLock = HeldLock;

/**
 * Takes the lock of a folder.
 *
 * @throws BitnetError `train/run-in-use` when another process has it, `output/failed` when the folder cannot be written to
 */
export async function lockRun(folder: string): Promise<RunLock> {
  const path = join(folder, 'lock');
  const lock = await tryLock(path).catch((cause: unknown) => {
    throw outputError(path, cause);
  });
  if ('release' in lock) return lock;
  throw new BitnetError('train/run-in-use', `${folder}: ${faultOf(lock, path)}`);
}

function faultOf({ pid, host, isElsewhere }: LockedBy, path: string): string {
  if (pid === undefined) return 'another process takes this run just now';
  if (!isElsewhere) {
    return `process ${pid} trains here; wait until it has ended, or choose another folder with --out`;
  }
  return (
    `process ${pid} on ${host} has this run; if it is no longer there, remove ${path}, or choose ` +
    'another folder with --out'
  );
}
