/**
 * The models that this device can load: the one that comes with the page, and the user's own GGUF files, which are copied into the
 * Origin Private File System, checked first. A file that is being copied has a name of its own and becomes a model when it is
 * whole.
 */

import { BitnetError, type ByteSource } from 'bitnet.ts';
import type { FileTree } from '#src/base/file-tree.js';
import { opfsTree } from '#src/platform/opfs/opfs-tree.js';
import { type ModelChoice, type Progress, TransportError } from '../transport/transport.ts';
import { checkModelFile } from './check-model-file.ts';

/** In the file system of the page's origin. */
const FOLDER = 'bitnet.ts-page/models';
const ENDING = '.gguf';
const UNFINISHED = 'being-copied.part';
/** Copied at once. */
const PIECE_BYTES = 4 * 2 ** 20;
/** Of each end of two files that are compared. */
const COMPARED_BYTES = 2 ** 20;
const LONGEST_NAME = 100;

/** The model that comes with the page (web/build.mjs). */
declare const BUNDLED_MODEL: { readonly path: string; readonly title: string; readonly bytes: number };
/** Its id, which no file of the user's can have: those end in `.gguf`. */
const BUNDLED_ID = 'tales';

/** What is said of models beside what their files tell. */
interface InMemory {
  readonly id: string | undefined;
  readonly contextLength: number | undefined;
}

/** See the file's header. */
export class ModelFiles {
  /** Address of the page's folder. */
  page = '';
  #tree: Promise<FileTree> | undefined;

  /** The bundled model first, then the user's by name. */
  async list(inMemory: InMemory): Promise<readonly ModelChoice[]> {
    const own = await this.#own();
    const choice = (id: string, title: string, fileBytes: number): ModelChoice => ({
      id,
      title,
      contextLength: inMemory.id === id ? inMemory.contextLength : undefined,
      isLoaded: inMemory.id === id,
      fileBytes,
      isRemovable: id !== BUNDLED_ID,
    });
    return [
      choice(BUNDLED_ID, BUNDLED_MODEL.title, BUNDLED_MODEL.bytes),
      ...own.map(({ name, bytes }) => choice(name, name.slice(0, -ENDING.length), bytes)),
    ];
  }

  /**
   * The bytes of a model.
   *
   * @throws TransportError; the signal's reason
   */
  async open(
    id: string,
    tell: (progress: Progress) => void,
    signal: AbortSignal,
  ): Promise<File | ByteSource> {
    if (id === BUNDLED_ID) return this.#fetchBundled(tell, signal);
    const tree = await this.#files();
    if (!(await this.#own()).some(({ name }) => name === id)) {
      throw new TransportError(
        'refused',
        `${id} is no longer in this browser’s storage; add the file again.`,
      );
    }
    return tree.openSource(id);
  }

  /**
   * Checks a file and copies it.
   *
   * @returns its id; that of the file that is there already when it is the same
   * @throws TransportError, BitnetError, for a file that cannot be run or kept; the signal's reason
   */
  async add(file: File, tell: (progress: Progress) => void, signal: AbortSignal): Promise<string> {
    tell({ stage: 'store', done: 0, total: file.size });
    await checkModelFile(file);
    signal.throwIfAborted();
    const tree = await this.#files();
    const lock = await tree.lock('adding', () => {}, signal);
    try {
      const own = await this.#own();
      for (const { name, bytes } of own) {
        if (bytes === file.size && (await areSame(await tree.openSource(name), file))) return name;
      }
      await tree.remove(UNFINISHED);
      await checkRoom(tree, file);
      try {
        await copy(tree, file, tell, signal);
        const name = freeName(
          file.name,
          own.map((other) => other.name),
        );
        await tree.move(UNFINISHED, name);
        return name;
      } catch (error) {
        await tree.remove(UNFINISHED).catch(() => {});
        signal.throwIfAborted();
        const isFull = error instanceof BitnetError && error.code === 'files/no-space';
        throw isFull ? noRoom(file, await tree.freeBytes()) : error;
      }
    } finally {
      await lock.release();
    }
  }

  /** Deletes a file of the user's. */
  async remove(id: string): Promise<void> {
    if (id.endsWith(ENDING)) await (await this.#files()).remove(id);
  }

  async #own(): Promise<{ readonly name: string; readonly bytes: number }[]> {
    // Without storage, as in private windows of some browsers, the bundled model is still there.
    const tree = await this.#files().catch(() => undefined);
    if (tree === undefined) return [];
    const names = (await tree.namesIn('')).filter((name) => name.endsWith(ENDING));
    const entries = await Promise.all(names.map((name) => tree.entryOf(name)));
    return names.map((name, i) => ({ name, bytes: entries[i]?.size ?? 0 }));
  }

  async #fetchBundled(tell: (progress: Progress) => void, signal: AbortSignal): Promise<File> {
    const total = BUNDLED_MODEL.bytes;
    tell({ stage: 'download', done: 0, total });
    const bytes = await fetch(new URL(BUNDLED_MODEL.path, this.page), { signal })
      .then((response) => {
        if (!response.ok) throw new Error(`the server answered ${response.status}`);
        return response.arrayBuffer();
      })
      .catch((cause: unknown) => {
        signal.throwIfAborted();
        const error = new TransportError(
          'unreachable',
          'The model that comes with this page cannot be fetched. Try again when there is a connection.',
        );
        error.cause = cause;
        throw error;
      });
    tell({ stage: 'download', done: total, total });
    return new File([bytes], BUNDLED_MODEL.path.slice(BUNDLED_MODEL.path.lastIndexOf('/') + 1));
  }

  #files(): Promise<FileTree> {
    this.#tree ??= opfsTree(FOLDER);
    return this.#tree;
  }
}

async function checkRoom(tree: FileTree, file: File): Promise<void> {
  const free = await tree.freeBytes();
  if (free !== undefined && free < file.size) throw noRoom(file, free);
}

function noRoom(file: File, free: number | undefined): TransportError {
  const say = (bytes: number) =>
    bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
  // Browsers tell what is left roughly, so as to tell pages little of the device.
  const left =
    free === undefined || free >= file.size
      ? 'gives this site no more room'
      : `has ${say(free)} left for this site`;
  return new TransportError(
    'refused',
    `${file.name} takes ${say(file.size)}, and the browser ${left}; remove a model, or free some space on the disk.`,
  );
}

async function copy(
  tree: FileTree,
  file: File,
  tell: (progress: Progress) => void,
  signal: AbortSignal,
): Promise<void> {
  const target = await tree.openFile(UNFINISHED);
  try {
    for (let done = 0; done < file.size; ) {
      signal.throwIfAborted();
      const piece = await file.slice(done, done + PIECE_BYTES).arrayBuffer();
      const { byteLength } = piece;
      if (byteLength === 0)
        throw new TransportError('refused', `${file.name} became shorter while it was read.`);
      await target.write(new Uint8Array(piece), done);
      done += byteLength;
      tell({ stage: 'store', done, total: file.size });
    }
    await target.flush();
  } finally {
    await target.close();
  }
}

/** Whether both ends of two files of the same length are the same: the header with all names and places, and the last weights. */
async function areSame(stored: ByteSource, file: File): Promise<boolean> {
  const length = Math.min(COMPARED_BYTES, file.size);
  for (const start of [0, file.size - length]) {
    const mine = new Uint8Array(length);
    await stored.readInto(mine, start);
    const given = new Uint8Array(await file.slice(start, start + length).arrayBuffer());
    if (given.length !== length || mine.some((byte, i) => byte !== given[i])) return false;
  }
  return true;
}

/** A name for a file that no other has, without what file systems take amiss. */
function freeName(name: string, taken: readonly string[]): string {
  const stem = name
    .replace(/\.gguf$/i, '')
    .replace(/[\p{Cc}/\\:*?"<>|]+/gu, '-')
    .replace(/^\.+/, '')
    .slice(0, LONGEST_NAME)
    .trim();
  const base = stem === '' ? 'model' : stem;
  let free = `${base}${ENDING}`;
  for (let i = 2; taken.includes(free); i++) free = `${base} ${i}${ENDING}`;
  return free;
}
