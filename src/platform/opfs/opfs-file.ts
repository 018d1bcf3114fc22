/** A file of the Origin Private File System that is read and written anywhere, through the worker of opfs-worker.ts. */
import { BitnetError } from '../../base/errors.ts';
import type { RandomAccessFile } from '../../base/file-tree.ts';
import type { FileAnswer, FileRequest } from './opfs-worker.ts';

/** Everything but the number that the answer comes back under. */
type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never;

/** The one worker of the page, for all files. */
class FileWorker {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (answer: FileAnswer) => void>();
  #asked = 0;

  constructor() {
    this.#worker = new Worker(new URL('./opfs-worker.js', import.meta.url), { type: 'module' });
    this.#worker.onmessage = ({ data }: MessageEvent<FileAnswer>) => {
      this.#waiting.get(data.id)?.(data);
      this.#waiting.delete(data.id);
    };
    this.#worker.onerror = ({ message }) => {
      for (const [id, answer] of this.#waiting) answer({ id, error: { name: 'Error', message } });
      this.#waiting.clear();
    };
  }

  /** @throws BitnetError `files/no-space`, `files/failed` */
  async ask(
    name: string,
    request: Unnumbered<FileRequest>,
    transfer: Transferable[] = [],
  ): Promise<{ value: number; bytes?: Uint8Array<ArrayBuffer> }> {
    const id = ++this.#asked;
    const answer = await new Promise<FileAnswer>((resolve) => {
      this.#waiting.set(id, resolve);
      this.#worker.postMessage({ ...request, id }, transfer);
    });
    if (!('error' in answer)) return answer;
    throw opfsError(name, answer.error);
  }
}

let worker: FileWorker | undefined;

/** A fault of the browser's storage in our words. */
export function opfsError(name: string, cause: { name: string; message: string }): BitnetError {
  if (cause.name === 'QuotaExceededError') {
    return new BitnetError('files/no-space', `${name} cannot be written: the browser gives no more space`, {
      cause,
    });
  }
  if (cause.name === 'NoModificationAllowedError') {
    return new BitnetError('files/failed', `${name} is in use by another page; close it and try again`, {
      cause,
    });
  }
  return new BitnetError('files/failed', `${name} cannot be read or written: ${cause.message}`, { cause });
}

/**
 * Opens a file for writing; creates it and its folders where they are missing. Only one page has it open at a time.
 *
 * @param folders from the root of the origin's file system
 */
export async function openOpfsFile(folders: readonly string[], name: string): Promise<RandomAccessFile> {
  worker ??= new FileWorker();
  const { ask } = { ask: worker.ask.bind(worker, name) };
  const { value: file } = await ask({ kind: 'open', folders, name });
  const { value: size } = await ask({ kind: 'flush', file });
  return {
    size,
    async read(target, offset) {
      const { value, bytes } = await ask({ kind: 'read', file, offset, length: target.byteLength });
      if (value !== target.byteLength || bytes === undefined) {
        throw new BitnetError('files/failed', `${name}: the file ends at byte ${offset + value}; it was cut`);
      }
      target.set(bytes);
    },
    async write(bytes, offset) {
      const isWhole = bytes.byteLength === bytes.buffer.byteLength;
      const { byteLength } = bytes;
      const { value } = await ask({ kind: 'write', file, offset, bytes }, isWhole ? [bytes.buffer] : []);
      if (value !== byteLength) throw opfsError(name, { name: 'QuotaExceededError', message: '' });
    },
    async truncate(length) {
      await ask({ kind: 'truncate', file, size: length });
    },
    async flush() {
      await ask({ kind: 'flush', file });
    },
    async close() {
      await ask({ kind: 'close', file });
    },
  };
}
