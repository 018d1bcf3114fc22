/** Byte sources over Blobs and Files: what a file picker or a drop gives. Only the spans asked for are read from disk. */
import { type ByteSource, checkSpan, type SourceFolder } from '../../base/byte-source.ts';
import { BitnetError } from '../../base/errors.ts';

/** A source over a Blob or a File, which brings its own name. */
export function blobSource(blob: Blob, name: string = fileName(blob) ?? 'blob'): ByteSource {
  const source: ByteSource = {
    name,
    size: blob.size,
    async readInto(target, offset, signal) {
      signal?.throwIfAborted();
      checkSpan(source, offset, target.byteLength);
      const bytes = await readSlice(blob, offset, target.byteLength, name);
      signal?.throwIfAborted();
      target.set(bytes);
    },
    async close() {},
  };
  return source;
}

/**
 * The folder that a folder picker gave. Its files carry a path that starts with the folder's own name; those in folders
 * further down are left out, or `original/config.json` would hide `config.json`.
 */
export function blobFolder(files: Iterable<File>, name = 'folder'): SourceFolder {
  const byName = new Map<string, File>();
  for (const file of files) {
    if ((file.webkitRelativePath ?? '').split('/').length <= 2) byName.set(file.name, file);
  }
  return {
    name,
    async open(fileName) {
      const file = byName.get(fileName);
      return file && blobSource(file, `${name}/${fileName}`);
    },
  };
}

async function readSlice(blob: Blob, offset: number, length: number, name: string): Promise<Uint8Array> {
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
  } catch (cause) {
    throw readFailed(name, offset, 'the browser cannot read the file any more; choose it again', cause);
  }
  if (bytes.byteLength !== length) {
    throw readFailed(name, offset, `the file gave ${bytes.byteLength} bytes of ${length}; it has changed`);
  }
  return bytes;
}

function readFailed(name: string, offset: number, why: string, cause?: unknown): BitnetError {
  return new BitnetError('source/read-failed', `${name}: reading at byte ${offset} failed: ${why}`, {
    details: { offset },
    cause,
  });
}

function fileName(blob: Blob): string | undefined {
  return 'name' in blob && typeof blob.name === 'string' ? blob.name : undefined;
}
