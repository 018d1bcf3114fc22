/** What the package needs of its surroundings, answered for browsers; node.ts answers the same for Node.js. */
import type { ByteSource, SourceFolder } from '../base/byte-source.ts';
import { BitnetError } from '../base/errors.ts';
import type { FileTree } from '../base/file-tree.ts';
import { createSha256, type Sha256 } from '../base/sha256.ts';
import type { CgroupLimits } from './cgroup.ts';
import { opfsTree } from './opfs/opfs-tree.ts';

export { machineFacts, residentMemory } from './machine-browser.ts';

/** Which surroundings these are. */
export const platformName: 'node' | 'browser' = 'browser';

/** Threads need a cross-origin isolated page; without it there is no SharedArrayBuffer to share. */
export const hasSharedMemory: boolean =
  typeof SharedArrayBuffer !== 'undefined' && globalThis.crossOriginIsolated === true;

/** How many threads this machine runs at once, as far as the browser tells. */
export function hardwareThreads(): number {
  return navigator.hardwareConcurrency || 1;
}

/** Pages are in no container that they could tell. */
export function readCgroupLimits(): CgroupLimits {
  return {
    cpuQuota: undefined,
    cpuCount: undefined,
    memoryBytes: undefined,
    availableMemoryBytes: undefined,
  };
}

/** Browsers do not tell. */
export function peakMemoryBytes(): number | undefined {
  return undefined;
}

/** Resolves when events, timers and messages that wait have had their turn. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** Pages have no environment. */
export function environmentVariable(_name: string): string | undefined {
  return undefined;
}

/** Pages have no user's files. */
export function homeFolder(): string | undefined {
  return undefined;
}

/** Pages have no user's files. */
export async function readUserFile(_path: string): Promise<string | undefined> {
  return undefined;
}

/** A folder of the Origin Private File System to keep files in. */
export async function openFileTree(folder: string): Promise<FileTree> {
  return opfsTree(folder);
}

/** A hash of nothing yet; Web Crypto has none that takes its input in pieces. */
export function fastSha256(): Sha256 {
  return createSha256();
}

/** The `fetch` for servers out in the network; the browser knows its proxies. */
export async function networkFetch(): Promise<typeof fetch> {
  return (input, init) => globalThis.fetch(input, init);
}

/** Pages run no compiled code but WebAssembly. */
export function nativeModule(): { readonly exports: unknown } | { readonly reason: string } | undefined {
  return undefined;
}

/**
 * The bytes of a file that ships with the package.
 *
 * @throws BitnetError `platform/asset-missing`
 */
export async function readAsset(url: URL): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url);
  if (!response.ok) {
    throw new BitnetError(
      'platform/asset-missing',
      `${url.href}: the server answered ${response.status}; serve the package's .wasm files beside its scripts`,
    );
  }
  return new Uint8Array(await response.arrayBuffer());
}

const NativeWorker = globalThis.Worker;

/** A module worker; see node.ts. */
export class Worker {
  readonly #worker: globalThis.Worker;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onerror: ((event: { message: string }) => void) | null = null;

  constructor(url: URL, options?: { type: 'module' }) {
    this.#worker = new NativeWorker(url, options);
    this.#worker.onmessage = (event) => this.onmessage?.(event);
    this.#worker.onerror = (event) => this.onerror?.(event);
  }

  postMessage(message: unknown): void {
    this.#worker.postMessage(message);
  }

  /** A page outlives its workers by itself; nothing to hold. */
  hold(_busy: boolean): void {}

  async terminate(): Promise<void> {
    this.#worker.terminate();
  }
}

/** Inside a worker: calls `handler` with each message of the page. */
export function onParentMessage(handler: (data: unknown) => void): void {
  globalThis.addEventListener('message', (event) => handler((event as MessageEvent).data));
}

/** Inside a worker: sends `message` to the page. */
export function postToParent(message: unknown): void {
  (globalThis as unknown as { postMessage(message: unknown): void }).postMessage(message);
}

/** Pages have no paths. */
export async function pathExists(_path: string): Promise<boolean> {
  return false;
}

/**
 * Refuses: pages have no paths.
 *
 * @throws BitnetError `platform/no-file-system`
 */
export async function openPath(path: string | URL): Promise<ByteSource | SourceFolder> {
  throw new BitnetError(
    'platform/no-file-system',
    `${path}: a browser opens no paths; give a URL, a File or a Blob instead`,
  );
}
