/**
 * What the package needs of its surroundings, answered for Node.js. browser.ts answers the same for browsers; the
 * package's `#platform` import picks one by export condition, so no bundle for a browser sees this file.
 */
import { createHash } from 'node:crypto';
import { open, readFile, stat } from 'node:fs/promises';
import { availableParallelism, homedir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parentPort, Worker as ThreadWorker } from 'node:worker_threads';
import { type ByteSource, checkSpan, type SourceFolder } from '../base/byte-source.ts';
import { BitnetError } from '../base/errors.ts';
import type { FileTree } from '../base/file-tree.ts';
import type { Sha256 } from '../base/sha256.ts';
import { readCgroupLimits } from './cgroup.ts';
import { diskTree } from './disk-tree.ts';

export { readCgroupLimits } from './cgroup.ts';
export { machineFacts, residentMemory } from './machine-node.ts';
export { nativeModule } from './native-module.ts';
export { networkFetch } from './proxy-fetch.ts';

/** Which surroundings these are. */
export const platformName: 'node' | 'browser' = 'node';

/** True when threads can share memory with us. */
export const hasSharedMemory: boolean = true;

/**
 * How many threads run here at once: the processors that this process may use, within the limits of its container. Of a
 * quota the whole processors count: a thread that gets half of one would have all others wait for it at every barrier.
 */
export function hardwareThreads(): number {
  const { cpuQuota = Infinity, cpuCount = Infinity } = readCgroupLimits();
  return Math.max(1, Math.min(availableParallelism(), cpuCount, Math.floor(cpuQuota)));
}

/** Bytes that this process keeps in physical memory at most so far, or undefined where that is not told. */
export function peakMemoryBytes(): number | undefined {
  return process.resourceUsage().maxRSS * 1024;
}

/** Resolves when I/O, timers and messages that wait have had their turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A variable of the environment, or undefined where it is not set. */
export function environmentVariable(name: string): string | undefined {
  return process.env[name] || undefined;
}

/** The folder of the user's own files, or undefined where there is none. */
export function homeFolder(): string | undefined {
  return homedir() || undefined;
}

/** A small text file of the user's, or undefined when it cannot be read. */
export async function readUserFile(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined);
}

/** A folder to keep files in, which need not be there yet. */
export async function openFileTree(folder: string): Promise<FileTree> {
  return diskTree(folder, openFile);
}

/** A hash of nothing yet, by the fastest means there are. */
export function fastSha256(): Sha256 {
  const hash = createHash('sha256');
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') };
}

/** The bytes of a file that ships with the package, named by a URL relative to the code that asks. */
export async function readAsset(url: URL): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await readFile(fileURLToPath(url)));
}

/** A Web Worker as far as the package needs one, on top of worker_threads. */
export class Worker {
  readonly #thread: ThreadWorker;
  /** Called with the `data` of each message from the worker. */
  onmessage: ((event: { data: unknown }) => void) | null = null;
  /** Called when the worker fails outside of a message, and when it has ended. */
  onerror: ((event: { message: string }) => void) | null = null;

  constructor(url: URL, _options?: { type: 'module' }) {
    // Flags of the program, such as --input-type, are not for a worker's module.
    this.#thread = new ThreadWorker(url, { execArgv: [] });
    // An idle team must not keep a program alive that forgot to dispose of it.
    this.#thread.unref();
    this.#thread.on('message', (data) => this.onmessage?.({ data }));
    this.#thread.on('error', (error: Error) => this.onerror?.({ message: error.message }));
    this.#thread.on('exit', () => this.onerror?.({ message: 'it has ended' }));
  }

  postMessage(message: unknown): void {
    this.#thread.postMessage(message);
  }

  /** Keeps the process alive while `busy`, so that a pending answer is not lost. */
  hold(busy: boolean): void {
    if (busy) this.#thread.ref();
    else this.#thread.unref();
  }

  async terminate(): Promise<void> {
    await this.#thread.terminate();
  }
}

/** Inside a worker: calls `handler` with each message of the parent. */
export function onParentMessage(handler: (data: unknown) => void): void {
  parentPort?.on('message', handler);
}

/** Inside a worker: sends `message` to the parent. */
export function postToParent(message: unknown): void {
  parentPort?.postMessage(message);
}

/** Whether there is a file or folder of this path. */
export async function pathExists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Opens a path or a file: URL: a file as a byte source, a directory as a folder of them.
 *
 * @throws BitnetError `source/not-found`, `source/read-failed`
 */
export async function openPath(location: string | URL): Promise<ByteSource | SourceFolder> {
  const path = typeof location === 'string' ? location : pathOf(location);
  const kind = await stat(path).catch((cause: unknown) => {
    throw new BitnetError('source/not-found', `${path}: there is no such file or folder`, { cause });
  });
  if (!kind.isFile() && !kind.isDirectory()) {
    throw new BitnetError('source/not-found', `${path}: this is neither a file nor a folder`);
  }
  if (kind.isFile()) return openFile(path);
  return {
    name: path,
    async open(fileName) {
      // A file name from an index file must not lead out of the folder.
      if (basename(fileName) !== fileName) return undefined;
      const inside = join(path, fileName);
      try {
        if (!(await stat(inside)).isFile()) return undefined;
      } catch {
        return undefined;
      }
      return openFile(inside);
    },
  };
}

function pathOf(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new BitnetError('source/bad-url', `${url.href}: this file: URL names no path of this machine`, {
      cause,
    });
  }
}

async function openFile(path: string): Promise<ByteSource> {
  const handle = await open(path, 'r').catch((cause: unknown) => {
    throw new BitnetError('source/read-failed', `${path}: the file cannot be opened (${reason(cause)})`, {
      cause,
    });
  });
  const { size } = await handle.stat();
  const source: ByteSource = {
    name: path,
    size,
    // Elsewhere compiled code of another module cannot use it.
    ...(process.platform === 'win32' ? {} : { file: { descriptor: handle.fd } }),
    async readInto(target, offset, signal) {
      checkSpan(source, offset, target.byteLength);
      let done = 0;
      while (done < target.byteLength) {
        signal?.throwIfAborted();
        const { bytesRead } = await handle
          .read(target, done, target.byteLength - done, offset + done)
          .catch((cause: unknown) => {
            throw new BitnetError('source/read-failed', `${path}: reading failed (${reason(cause)})`, {
              cause,
            });
          });
        if (bytesRead === 0) {
          throw new BitnetError(
            'source/read-failed',
            `${path}: the file ends at byte ${offset + done}; it was cut while open`,
          );
        }
        done += bytesRead;
      }
    },
    async close() {
      await handle.close();
    },
  };
  return source;
}

function reason(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
