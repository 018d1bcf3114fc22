/** A run folder that is kept in memory, for runs in a browser and for tests. */
import { memorySource } from '../formats/sources/memory.ts';
import type { RunFolder } from './run-folder.ts';

/** See the head of this file. */
export interface MemoryRunFolder extends RunFolder {
  /** A copy of what a file holds; undefined when there is no such file. */
  read(fileName: string): Uint8Array<ArrayBuffer> | undefined;
}

/** An empty folder. */
export function createMemoryRunFolder(name = 'memory'): MemoryRunFolder {
  // Files are kept in the parts they came in, so that adding lines to a long one copies none of it.
  const files = new Map<string, Uint8Array[]>();
  const read = (fileName: string): Uint8Array<ArrayBuffer> | undefined => {
    const parts = files.get(fileName);
    return parts && joined(parts);
  };
  return {
    name,
    read,
    async open(fileName) {
      const bytes = read(fileName);
      return bytes && memorySource(bytes, `${name}/${fileName}`);
    },
    async write(fileName, write) {
      const parts: Uint8Array[] = [];
      await write(async (bytes) => void parts.push(bytes.slice()));
      files.set(fileName, parts);
    },
    async append(fileName, text) {
      files.set(fileName, files.get(fileName) ?? []);
      files.get(fileName)!.push(new TextEncoder().encode(text));
    },
    async remove(fileName) {
      files.delete(fileName);
    },
    async list(below) {
      return [...files.keys()].filter((fileName) => fileName.startsWith(`${below}/`)).sort();
    },
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}
