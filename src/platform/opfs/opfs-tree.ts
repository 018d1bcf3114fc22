/**
 * A {@link FileTree} in the Origin Private File System of a page. It has no links: a name of another file is a small file
 * that tells its path behind a mark. Files are changed in place by a worker (opfs-file.ts); locks are Web Locks, which
 * end with the page that holds them.
 */
import { BitnetError } from '../../base/errors.ts';
import type { FileEntry, FileTree, HeldLock } from '../../base/file-tree.ts';
import { openOpfsFile, opfsError } from './opfs-file.ts';
import { fileSource } from './opfs-source.ts';

const LINK_MARK = 'bitnet.ts link to ';
const LONGEST_LINK = 1024;

/**
 * The tree in a folder of the page's origin.
 *
 * @throws BitnetError `platform/no-file-system` where the browser has none, as in private windows of some
 */
export async function opfsTree(folder: string): Promise<FileTree> {
  const origin = await navigator.storage?.getDirectory?.().catch(() => undefined);
  if (origin === undefined) {
    throw new BitnetError(
      'platform/no-file-system',
      'this browser has no Origin Private File System here; use https or localhost, and no private window',
    );
  }
  return new OpfsTree(origin, folder);
}

class OpfsTree implements FileTree {
  readonly name = "this browser's storage";
  readonly #origin: FileSystemDirectoryHandle;
  readonly #root: string;

  constructor(origin: FileSystemDirectoryHandle, root: string) {
    this.#origin = origin;
    this.#root = root;
  }

  pathOf(_path: string): undefined {
    return undefined;
  }

  async entryOf(path: string): Promise<FileEntry | undefined> {
    const [folders, name] = this.#split(path);
    const parent = await this.#folder(folders, false);
    if (parent === undefined) return undefined;
    if (await absent(parent.getDirectoryHandle(name))) return { isFolder: true, size: 0, identity: path };
    const target = await this.#targetOf(path);
    const file = await this.#file(target);
    return file && { isFolder: false, size: file.size, identity: target };
  }

  async namesIn(path: string): Promise<readonly string[]> {
    const folder = await this.#folder([...this.#split(path).flat()], false);
    const names: string[] = [];
    const keys = (folder as unknown as { keys(): AsyncIterable<string> } | undefined)?.keys();
    for await (const name of keys ?? []) names.push(name);
    return names.sort();
  }

  async read(path: string, mostBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const file = await this.#file(await this.#targetOf(path));
    return file === undefined || file.size > mostBytes ? undefined : new Uint8Array(await file.arrayBuffer());
  }

  async write(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    try {
      const [folders, name] = this.#split(path);
      const handle = await (await this.#folder(folders, true))!.getFileHandle(name, { create: true });
      // What is written becomes the file when it is closed, not before.
      const writable = await handle.createWritable();
      await writable.write(bytes);
      await writable.close();
    } catch (cause) {
      throw opfsError(path, cause as Error);
    }
  }

  openFile(path: string): ReturnType<FileTree['openFile']> {
    const [folders, name] = this.#split(path);
    return openOpfsFile(folders, name);
  }

  async openSource(path: string): ReturnType<FileTree['openSource']> {
    const file = await this.#file(await this.#targetOf(path));
    if (file === undefined) {
      throw new BitnetError('source/not-found', `${path}: there is no such file in ${this.name}`);
    }
    return fileSource(file, path);
  }

  link(target: string, path: string): Promise<void> {
    return this.write(path, new TextEncoder().encode(LINK_MARK + target));
  }

  async move(from: string, to: string): Promise<void> {
    try {
      const [folders, name] = this.#split(from);
      const [newFolders, newName] = this.#split(to);
      const source = await (await this.#folder(folders, false))?.getFileHandle(name);
      const target = (await this.#folder(newFolders, true))!;
      const movable = source as unknown as
        | { move?(folder: FileSystemDirectoryHandle, name: string): Promise<void> }
        | undefined;
      if (movable?.move !== undefined) return await movable.move(target, newName);
      // Browsers without it: the bytes are streamed over, which needs their space twice for a moment.
      const writable = await (await target.getFileHandle(newName, { create: true })).createWritable();
      await (await source!.getFile()).stream().pipeTo(writable);
      await this.remove(from);
    } catch (cause) {
      throw opfsError(to, cause as Error);
    }
  }

  async remove(path: string): Promise<void> {
    const [folders, name] = this.#split(path);
    const parent = await this.#folder(folders, false);
    await absent(parent?.removeEntry(name, { recursive: true }) ?? Promise.resolve());
  }

  async freeBytes(): Promise<number | undefined> {
    const { quota, usage } = await navigator.storage.estimate();
    return quota === undefined || usage === undefined ? undefined : Math.max(0, quota - usage);
  }

  async lock(
    path: string,
    onWait: (holder: string) => void,
    signal: AbortSignal | undefined,
  ): Promise<HeldLock> {
    const name = `${this.#root}/${path}`;
    const free = await takeLock(name, { ifAvailable: true });
    if (free !== undefined) return free;
    onWait('another page');
    return (await takeLock(name, signal === undefined ? {} : { signal }))!;
  }

  /** The path that a name stands for: itself, or what it is a link to. */
  async #targetOf(path: string): Promise<string> {
    const file = await this.#file(path);
    if (file === undefined || file.size > LONGEST_LINK) return path;
    const text = await file.text();
    return text.startsWith(LINK_MARK) ? text.slice(LINK_MARK.length) : path;
  }

  async #file(path: string): Promise<File | undefined> {
    const [folders, name] = this.#split(path);
    const handle = await absent((await this.#folder(folders, false))?.getFileHandle(name));
    return handle?.getFile();
  }

  async #folder(parts: readonly string[], create: boolean): Promise<FileSystemDirectoryHandle | undefined> {
    let folder: FileSystemDirectoryHandle | undefined = this.#origin;
    for (const part of parts) {
      const next: Promise<FileSystemDirectoryHandle> = folder.getDirectoryHandle(part, { create });
      folder = create ? await next : await absent(next);
      if (folder === undefined) return undefined;
    }
    return folder;
  }

  /** Folders from the origin's root on, and the last name. */
  #split(path: string): [folders: string[], name: string] {
    const parts = `${this.#root}/${path}`.split('/').filter((part) => part !== '');
    const name = parts.pop() ?? '';
    return [parts, name];
  }
}

/** A lock, once it is had; undefined when only a free one was wanted and another page has it. */
function takeLock(name: string, options: LockOptions): Promise<HeldLock | undefined> {
  return new Promise((resolve, reject) => {
    const ended: Promise<unknown> = navigator.locks.request(name, options, (lock) => {
      if (lock === null) return resolve(undefined);
      return new Promise<void>((free) => {
        resolve({
          async release() {
            free();
            await ended;
          },
        });
      });
    });
    ended.catch(reject);
  });
}

/** What was found, or undefined when nothing of that name and kind is there. */
async function absent<T>(found: Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await found;
  } catch (cause) {
    const { name } = cause as Error;
    if (name === 'NotFoundError' || name === 'TypeMismatchError') return undefined;
    throw opfsError('a file', cause as Error);
  }
}
