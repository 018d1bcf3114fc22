/**
 * A tree of files that the package keeps for itself, such as the cache of models: a folder of a disk, or of the Origin
 * Private File System of a page. src/platform/ has one for each. Paths are relative to the root, with forward slashes;
 * what they mean is known to whoever keeps the tree (src/hub/).
 */
import type { ByteSource } from './byte-source.ts';

/** What is at a path; links have been followed. */
export interface FileEntry {
  readonly isFolder: boolean;
  /** In bytes; 0 for folders. */
  readonly size: number;
  /** The same for all names of one file. */
  readonly identity: string;
}

/** A file that is read and written anywhere. */
export interface RandomAccessFile {
  /** Length in bytes when it was opened. */
  readonly size: number;
  /** Fills `target` with the bytes at `offset`, which must be there. */
  read(target: Uint8Array, offset: number): Promise<void>;
  /** The bytes belong to the file from now on; they are not read by the caller any more. */
  write(bytes: Uint8Array<ArrayBuffer>, offset: number): Promise<void>;
  truncate(size: number): Promise<void>;
  /** Resolves when what was written outlasts a power cut, as far as the system can tell. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Something that one process holds at a time. */
export interface HeldLock {
  release(): Promise<void>;
}

/**
 * The tree. Faults of the medium are BitnetErrors `files/no-space` (the disk or the quota is full) and `files/failed`.
 */
export interface FileTree {
  /** What to call the root in messages. */
  readonly name: string;
  /** The path that other programs know a file by; undefined where there is none. */
  pathOf(path: string): string | undefined;
  /** What is there, or undefined when nothing is (a link that leads nowhere included). */
  entryOf(path: string): Promise<FileEntry | undefined>;
  /** Names in a folder, sorted; none when there is no such folder. */
  namesIn(folder: string): Promise<readonly string[]>;
  /** A whole file, or undefined when it is not there or longer than `mostBytes`. */
  read(path: string, mostBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Puts a whole file there at once, with the folders on the way. */
  write(path: string, bytes: Uint8Array<ArrayBuffer>): Promise<void>;
  /** Opens a file to change it; creates it, and the folders on the way, when it is not there. */
  openFile(path: string): Promise<RandomAccessFile>;
  /** Opens a file to read it. @throws BitnetError `source/not-found`, `source/read-failed` */
  openSource(path: string): Promise<ByteSource>;
  /** Makes `path` a name of the file at `target`, in place of what was there; `target` may be moved where links cannot be made. */
  link(target: string, path: string): Promise<void>;
  /** Replaces what was at `to`. */
  move(from: string, to: string): Promise<void>;
  /** Removes a file, a link, or a folder with all that is in it; nothing there is no error. */
  remove(path: string): Promise<void>;
  /** Bytes that can still be written, or undefined where that is not told. */
  freeBytes(): Promise<number | undefined>;
  /**
   * Takes a lock, waiting for whoever has it. A holder that is gone counts for nothing.
   *
   * @param onWait called once, with who has it, when it must be waited for
   * @throws BitnetError `files/locked` when the holder cannot be watched from here; the signal's reason when aborted
   */
  lock(path: string, onWait: (holder: string) => void, signal: AbortSignal | undefined): Promise<HeldLock>;
}
