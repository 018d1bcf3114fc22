/**
 * A large file in pieces: what an interrupted download left is hashed again and kept as far as it matches its journal, the
 * rest is fetched, and at last the whole file is hashed. When that does not give the hash of the hub's list, pieces that
 * changed on the disk are fetched again; when the disk has what the server sent, everything is fetched once more, only
 * pieces that differ are replaced, and this ends as soon as the hash is right.
 */
import { fastSha256 } from '#platform';
import type { RandomAccessFile } from '../../base/file-tree.ts';
import { resolveUrl } from '../api/listing.ts';
import { journalPath, partPath } from '../cache/cache-paths.ts';
import { fetchPieces } from './fetch-pieces.ts';
import { damaged, type FileJob, subjectOf } from './file-job.ts';
import { PieceJournal, pieceCount, pieceLength } from './journal.ts';
import { hashOf, PieceWriter } from './piece-writer.ts';

const SMALLEST_PIECE = 64 * 1024;
const LARGEST_PIECE = 4 * 1024 * 1024;
/** Pieces of a file that an interruption can cost one of per connection, as long as they are not too small or large. */
const USUAL_PIECES = 4096;
/** How often pieces that changed on the disk are fetched again. */
const DISK_REPAIRS = 2;
/** How often the whole file is hashed while pieces are being replaced; after that only at the end. */
const EARLY_CHECKS = 8;

/** Length of the pieces of a file: a power of two. */
export function usualPieceBytes(size: number): number {
  const pieceBytes = 2 ** Math.ceil(Math.log2(Math.max(1, size / USUAL_PIECES)));
  return Math.min(LARGEST_PIECE, Math.max(SMALLEST_PIECE, pieceBytes));
}

/** The download of one file; used under its lock. */
export class PiecewiseDownload {
  readonly #job: FileJob;

  constructor(job: FileJob) {
    this.#job = job;
  }

  /** Resolves when the part file is the file. @throws BitnetError as downloadFile */
  async run(): Promise<void> {
    const { tree, listing, file, pieceBytes = usualPieceBytes(file.size) } = this.#job;
    const { repository, commit } = listing;
    const header = { repository, commit, file: file.path, size: file.size, pieceBytes };
    const journal = await PieceJournal.open(tree, journalPath(repository, file.etag), header);
    try {
      const part = await tree.openFile(partPath(repository, file.etag));
      try {
        if (part.size !== file.size) await part.truncate(file.size);
        await new PieceRepair(this.#job, part, journal).run();
        await part.flush();
      } finally {
        await part.close();
      }
    } finally {
      await journal.close();
    }
  }
}

class PieceRepair {
  readonly #job: FileJob;
  readonly #part: RandomAccessFile;
  readonly #journal: PieceJournal;
  readonly #writer: PieceWriter;

  constructor(job: FileJob, part: RandomAccessFile, journal: PieceJournal) {
    this.#job = job;
    this.#part = part;
    this.#journal = journal;
    this.#writer = new PieceWriter(part, journal);
  }

  async run(): Promise<void> {
    const { meter, file } = this.#job;
    const { pieces, header } = this.#journal;
    if (pieces.size > 0) {
      meter.enter('resuming', file.path);
      await this.#dropChanged((index) => meter.add(pieceLength(header, index)));
    }
    for (let repairs = 0; ; repairs++) {
      await this.#fetchMissing();
      meter.enter('verifying');
      if (await this.#isRight()) return;
      const dropped = await this.#dropChanged(() => {});
      if (dropped.length === 0) break;
      if (repairs === DISK_REPAIRS) throw damaged(subjectOf(this.#job));
      for (const index of dropped) meter.add(-pieceLength(header, index));
    }
    if (!(await this.#replaceDiffering())) throw damaged(subjectOf(this.#job));
  }

  /** Takes pieces out of the journal that are not on the disk as it says. @returns their numbers */
  async #dropChanged(onGood: (index: number) => void): Promise<readonly number[]> {
    const { pieces } = this.#journal;
    const changed: number[] = [];
    for (const index of [...pieces.keys()].sort((a, b) => a - b)) {
      this.#job.signal?.throwIfAborted();
      if (hashOf(await this.#read(index)) === pieces.get(index)) onGood(index);
      else changed.push(index);
    }
    for (const index of changed) pieces.delete(index);
    return changed;
  }

  async #fetchMissing(): Promise<void> {
    const { meter } = this.#job;
    const wanted = this.#allPieces().filter((index) => !this.#journal.pieces.has(index));
    if (wanted.length === 0) return;
    meter.enter('downloading', this.#job.file.path);
    await this.#fetch(
      wanted,
      this.#job.signal,
      (count) => meter.add(count),
      (index, bytes) => this.#writer.write(index, bytes, hashOf(bytes)),
    );
  }

  /** Everything once more. @returns whether the file is right now */
  async #replaceDiffering(): Promise<boolean> {
    const { signal, meter } = this.#job;
    const finished = new AbortController();
    const either = signal === undefined ? finished.signal : AbortSignal.any([signal, finished.signal]);
    let checks = 0;
    let isRight = false;
    meter.enter('downloading');
    const replace = async (index: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> => {
      const hash = hashOf(bytes);
      if (hash === this.#journal.pieces.get(index)) return;
      await this.#writer.write(index, bytes, hash);
      if (++checks > EARLY_CHECKS || !(await this.#isRight())) return;
      isRight = true;
      finished.abort();
    };
    try {
      await this.#fetch(this.#allPieces(), either, () => {}, replace);
    } catch (error) {
      if (!isRight) throw error;
    }
    meter.enter('verifying');
    return isRight || (checks > 0 && (await this.#isRight()));
  }

  async #fetch(
    wanted: readonly number[],
    signal: AbortSignal | undefined,
    onBytes: (count: number) => void,
    onPiece: (index: number, bytes: Uint8Array<ArrayBuffer>) => Promise<void>,
  ): Promise<void> {
    const { client, listing, file, connections } = this.#job;
    const url = resolveUrl(client.settings.endpoint, listing.repository, listing.commit, file.path);
    const { size, pieceBytes } = this.#journal.header;
    try {
      await fetchPieces(client, {
        url,
        subject: subjectOf(this.#job),
        size,
        pieceBytes,
        wanted,
        connections,
        signal,
        onBytes,
        onPiece,
      });
    } finally {
      // What has arrived is kept, whatever happened to the rest.
      await this.#writer.drain();
    }
  }

  async #isRight(): Promise<boolean> {
    const whole = fastSha256();
    for (const index of this.#allPieces()) {
      this.#job.signal?.throwIfAborted();
      whole.update(await this.#read(index));
    }
    return whole.hex() === this.#job.file.etag;
  }

  #allPieces(): number[] {
    return Array.from({ length: pieceCount(this.#journal.header) }, (_, index) => index);
  }

  async #read(index: number): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = new Uint8Array(pieceLength(this.#journal.header, index));
    await this.#part.read(bytes, index * this.#journal.header.pieceBytes);
    return bytes;
  }
}
