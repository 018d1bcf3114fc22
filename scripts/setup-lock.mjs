// @ts-check
/** Keeps two set-ups of the same folder from writing over each other: a file that exists while one of them works. */
import { mkdirSync, readFileSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const lockFile = join(dirname(dirname(fileURLToPath(import.meta.url))), 'build', 'setup.lock');
/** A lock older than this many milliseconds was left by a machine that stopped in the middle. */
const LOCK_LIFETIME_MS = 15 * 60_000;
/** A lock without a process id in it is being written, unless it stays so for this many milliseconds. */
const WRITE_TIME_MS = 5_000;

/**
 * Waits until no other set-up works on this folder, then keeps others waiting until the returned function is called.
 *
 * @returns {Promise<() => void>}
 */
export async function lockSetup() {
  mkdirSync(dirname(lockFile), { recursive: true });
  for (let tries = 1; !takeLock(); tries++) {
    if (isAbandoned()) {
      removeLock();
      continue;
    }
    if (tries === 10) process.stderr.write('waiting for another set-up of this folder to finish…\n');
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  /** @param {NodeJS.Signals} signal */
  const stop = (signal) => {
    removeLock();
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.once('SIGINT', stop).once('SIGTERM', stop);
  return () => {
    process.off('SIGINT', stop).off('SIGTERM', stop);
    removeLock();
  };
}

function takeLock() {
  try {
    writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

function isAbandoned() {
  try {
    const age = Date.now() - statSync(lockFile).mtimeMs;
    const owner = Number(readFileSync(lockFile, 'utf8'));
    return age > LOCK_LIFETIME_MS || (owner > 0 ? !isAlive(owner) : age > WRITE_TIME_MS);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** @param {number} processId */
function isAlive(processId) {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

function removeLock() {
  try {
    unlinkSync(lockFile);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

/** @param {unknown} error */
function codeOf(error) {
  return /** @type {NodeJS.ErrnoException} */ (error).code;
}
