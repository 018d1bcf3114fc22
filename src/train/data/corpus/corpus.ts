/**
 * Text to train on: files that are read as often as needed and never held in memory. Where the files are is the business
 * of whoever makes a corpus (src/cli/train/text-inputs.ts on disk).
 */
import type { ByteSource } from '../../../base/byte-source.ts';
import { createSha256 } from '../../../base/sha256.ts';
import type { TrainingDocument } from './document.ts';
import { type DocumentFormat, readDocuments } from './read-documents.ts';

/** A file of a corpus. */
export interface CorpusFile {
  readonly name: string;
  readonly format: DocumentFormat;
  /** Bytes when the corpus was made. */
  readonly size: number;
  /** @throws BitnetError as openPath when the file is gone or cannot be read */
  open(): Promise<ByteSource>;
}

/** How far reading is. */
export type OnBytes = (bytesRead: number) => void;

/** See the head of this file. */
export interface Corpus {
  /** Of all files. */
  readonly bytes: number;
  readonly files: number;
  /** What was found beside the files and left out, one sentence each. */
  readonly notes: readonly string[];
  /**
   * All documents, in order; each must be read to its end before the next one is asked for.
   *
   * @throws BitnetError as {@link readDocuments}; the reason of the signal when aborted
   */
  documents(signal?: AbortSignal, onBytes?: OnBytes): AsyncIterable<TrainingDocument>;
  /**
   * SHA-256 of the contents and formats of the files in their order; their names do not count.
   *
   * @param onHashed told the bytes of each block
   * @throws BitnetError when a file cannot be read; the reason of the signal when aborted
   */
  fingerprint(signal?: AbortSignal, onHashed?: OnBytes): Promise<string>;
}

const BLOCK_BYTES = 1 << 20;

/** A corpus of files, in the given order. */
export function createCorpus(files: readonly CorpusFile[], notes: readonly string[] = []): Corpus {
  return {
    bytes: files.reduce((sum, file) => sum + file.size, 0),
    files: files.length,
    notes,
    documents: (signal, onBytes) => readAll(files, signal, onBytes),
    fingerprint: (signal, onHashed) => hashAll(files, signal, onHashed),
  };
}

async function* readAll(
  files: readonly CorpusFile[],
  signal?: AbortSignal,
  onBytes?: OnBytes,
): AsyncGenerator<TrainingDocument> {
  let read = 0;
  for (const file of files) {
    const source = await file.open();
    try {
      yield* readDocuments(source, file.format, signal, (block) => {
        read += block.length;
        onBytes?.(read);
      });
    } finally {
      await source.close();
    }
  }
}

async function hashAll(
  files: readonly CorpusFile[],
  signal?: AbortSignal,
  onHashed?: OnBytes,
): Promise<string> {
  const whole = createSha256();
  const utf8 = new TextEncoder();
  for (const file of files) {
    const source = await file.open();
    try {
      const hash = createSha256();
      await hashSource(source, source.size, hash, signal, onHashed);
      whole.update(utf8.encode(`${file.format} ${hash.hex()}\n`));
    } finally {
      await source.close();
    }
  }
  return whole.hex();
}

/** Hashes the first bytes of a source; `onHashed` is told the bytes of each block. @throws as {@link ByteSource.readInto} */
export async function hashSource(
  source: ByteSource,
  length: number,
  hash: { update(bytes: Uint8Array): void },
  signal?: AbortSignal,
  onHashed?: OnBytes,
): Promise<void> {
  const block = new Uint8Array(Math.min(BLOCK_BYTES, length));
  for (let offset = 0; offset < length; offset += block.length) {
    signal?.throwIfAborted();
    const bytes = block.subarray(0, Math.min(block.length, length - offset));
    await source.readInto(bytes, offset, signal);
    hash.update(bytes);
    onHashed?.(bytes.length);
  }
}
