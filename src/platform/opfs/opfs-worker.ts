/**
 * The worker that changes files of the Origin Private File System in place. Only workers can do that
 * (FileSystemSyncAccessHandle); a page would have to copy the whole file for every piece. One message in, one answer out,
 * in order; opfs-file.ts is the other end.
 */

/** What is asked of the worker. */
export type FileRequest =
  | { readonly id: number; readonly kind: 'open'; readonly folders: readonly string[]; readonly name: string }
  | {
      readonly id: number;
      readonly kind: 'read';
      readonly file: number;
      readonly offset: number;
      readonly length: number;
    }
  | {
      readonly id: number;
      readonly kind: 'write';
      readonly file: number;
      readonly offset: number;
      readonly bytes: Uint8Array<ArrayBuffer>;
    }
  | { readonly id: number; readonly kind: 'truncate'; readonly file: number; readonly size: number }
  | { readonly id: number; readonly kind: 'flush' | 'close'; readonly file: number };

/** What it answers: the number of an opened file, the bytes read or written, else the file's length; `error` is the name and the message of what was thrown. */
export type FileAnswer =
  | { readonly id: number; readonly value: number; readonly bytes?: Uint8Array<ArrayBuffer> }
  | { readonly id: number; readonly error: { readonly name: string; readonly message: string } };

/** The part of FileSystemSyncAccessHandle that is used; the types for pages leave it out. */
interface SyncHandle {
  getSize(): number;
  read(target: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(size: number): void;
  flush(): void;
  close(): void;
}

const files = new Map<number, SyncHandle>();
let opened = 0;
let turn: Promise<void> = Promise.resolve();

async function openHandle(folders: readonly string[], name: string): Promise<SyncHandle> {
  let folder = await navigator.storage.getDirectory();
  for (const part of folders) folder = await folder.getDirectoryHandle(part, { create: true });
  const file = await folder.getFileHandle(name, { create: true });
  return (file as unknown as { createSyncAccessHandle(): Promise<SyncHandle> }).createSyncAccessHandle();
}

async function answer(request: FileRequest): Promise<FileAnswer> {
  const { id } = request;
  if (request.kind === 'open') {
    const handle = await openHandle(request.folders, request.name);
    files.set(++opened, handle);
    return { id, value: opened };
  }
  const handle = files.get(request.file);
  if (handle === undefined) throw new Error('the file is closed');
  if (request.kind === 'read') {
    const bytes = new Uint8Array(request.length);
    return { id, value: handle.read(bytes, { at: request.offset }), bytes };
  }
  if (request.kind === 'write') return { id, value: handle.write(request.bytes, { at: request.offset }) };
  if (request.kind === 'truncate') handle.truncate(request.size);
  else if (request.kind === 'flush') handle.flush();
  else {
    handle.close();
    files.delete(request.file);
    return { id, value: 0 };
  }
  return { id, value: handle.getSize() };
}

globalThis.addEventListener('message', (event) => {
  const request = (event as MessageEvent<FileRequest>).data;
  turn = turn.then(async () => {
    const reply = await answer(request).catch((error: unknown): FileAnswer => {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      return { id: request.id, error: { name, message } };
    });
    const transfer = 'bytes' in reply && reply.bytes !== undefined ? [reply.bytes.buffer] : [];
    (globalThis as unknown as Worker).postMessage(reply, transfer);
  });
});
