/** Sources that treat a read outside of them as a bug of the reader, and know whether they were closed. */
import type { ByteSource, SourceFolder } from '#src/base/byte-source.js';

/** A source, how many bytes it gave, and how often it is open. */
export interface WatchedSource {
  readonly source: ByteSource;
  readonly given: () => number;
}

/**
 * A source over bytes.
 *
 * @param zeros  so many follow the bytes, without taking memory
 */
export function strictSource(bytes: Uint8Array, zeros = 0, name = 'fuzzed'): WatchedSource {
  let given = 0;
  const size = bytes.length + zeros;
  return {
    given: () => given,
    source: {
      name,
      size,
      async readInto(target, offset) {
        if (!(offset >= 0 && offset + target.length <= size)) {
          throw new Error(`read of ${target.length} bytes at ${offset} outside of ${size}`);
        }
        given += target.length;
        target.fill(0).set(bytes.subarray(offset, offset + target.length));
      },
      async close() {},
    },
  };
}

/** A folder of strict sources, and how many of them are open. */
export function strictFolder(files: ReadonlyMap<string, Uint8Array>): {
  folder: SourceFolder;
  open: () => number;
} {
  let open = 0;
  return {
    open: () => open,
    folder: {
      name: 'fuzzed',
      async open(fileName) {
        const bytes = files.get(fileName);
        if (bytes === undefined) return undefined;
        open++;
        let isOpen = true;
        return {
          ...strictSource(bytes, 0, `fuzzed/${fileName}`).source,
          async close() {
            if (isOpen) open--;
            isOpen = false;
          },
        };
      },
    },
  };
}
