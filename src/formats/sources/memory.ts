/** Byte sources over buffers that are already in memory, and folders of them. */
import { type ByteSource, checkSpan, type SourceFolder } from '../../base/byte-source.ts';

/**
 * A source over bytes in memory, which are not copied: a later change to them shows.
 *
 * @param name  what to call it in messages
 */
export function memorySource(bytes: Uint8Array | ArrayBufferLike, name = 'memory'): ByteSource {
  const view = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  const source: ByteSource = {
    name,
    size: view.byteLength,
    async readInto(target, offset, signal) {
      signal?.throwIfAborted();
      checkSpan(source, offset, target.byteLength);
      target.set(view.subarray(offset, offset + target.byteLength));
    },
    async close() {},
  };
  return source;
}

/** A folder of files in memory. */
export function memoryFolder(files: ReadonlyMap<string, Uint8Array>, name = 'memory'): SourceFolder {
  return {
    name,
    async open(fileName, signal) {
      signal?.throwIfAborted();
      const bytes = files.get(fileName);
      return bytes && memorySource(bytes, `${name}/${fileName}`);
    },
  };
}
