/**
 * Puts pieces of a download where they belong. While one flush is under way the pieces that arrive wait; the next flush and
 * the next lines of the journal are for all of them together, so a slow disk costs few flushes.
 */
import { fastSha256 } from '#platform';
import type { RandomAccessFile } from '../../base/file-tree.ts';
import type { PieceJournal } from './journal.ts';

/** SHA-256 of a piece. */
export function hashOf(bytes: Uint8Array): string {
  const hash = fastSha256();
  hash.update(bytes);
  return hash.hex();
}

/** Writes pieces and then their lines in the journal. */
export class PieceWriter {
  readonly #file: RandomAccessFile;
  readonly #journal: PieceJournal;
  #waiting: [index: number, hash: string][] = [];
  #flushing: Promise<void> | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(file: RandomAccessFile, journal: PieceJournal) {
    this.#file = file;
    this.#journal = journal;
  }

  /** Writes a piece, whose bytes are the writer's from now on. @throws what an earlier flush threw */
  async write(index: number, bytes: Uint8Array<ArrayBuffer>, hash: string): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    await this.#file.write(bytes, index * this.#journal.header.pieceBytes);
    this.#waiting.push([index, hash]);
    this.#flushing ??= this.#flush();
  }

  /** Resolves when the journal knows of all that was written. */
  async drain(): Promise<void> {
    await this.#flushing;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #flush(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const pieces = this.#waiting;
        this.#waiting = [];
        await this.#file.flush();
        await this.#journal.append(pieces);
      }
    } catch (error) {
      this.#failure = { error };
    } finally {
      this.#flushing = undefined;
    }
  }
}
