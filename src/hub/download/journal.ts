/**
 * Which pieces of a download have arrived. A line of JSON says what is downloaded; each further line is the number of a
 * piece and the SHA-256 of what is on the disk, added only after the piece has been flushed there. A line that a crash cut
 * short counts for nothing, nor does what follows it.
 */
import type { FileTree, RandomAccessFile } from '../../base/file-tree.ts';

/** What a journal is of. */
export interface JournalHeader {
  readonly repository: string;
  readonly commit: string;
  /** Path in the repository. */
  readonly file: string;
  readonly size: number;
  readonly pieceBytes: number;
}

/** A journal as it was found. */
export interface StoredJournal {
  readonly header: JournalHeader;
  /** SHA-256 of each piece that has arrived. */
  readonly pieces: ReadonlyMap<number, string>;
  readonly doneBytes: number;
  /** Length up to the end of the last whole line. */
  readonly length: number;
}

const MAX_JOURNAL_BYTES = 64 * 1024 * 1024;
const LARGEST_PIECE = 64 * 1024 * 1024;
const encoder = new TextEncoder();

/** How many pieces a file has. */
export function pieceCount({ size, pieceBytes }: Pick<JournalHeader, 'size' | 'pieceBytes'>): number {
  return Math.ceil(size / pieceBytes);
}

/** Length of a piece; the last one is shorter. */
export function pieceLength(
  { size, pieceBytes }: Pick<JournalHeader, 'size' | 'pieceBytes'>,
  index: number,
): number {
  return Math.min(pieceBytes, size - index * pieceBytes);
}

/** The journal at a path; undefined when there is none that could be used. */
export async function readJournal(tree: FileTree, path: string): Promise<StoredJournal | undefined> {
  const bytes = await tree.read(path, MAX_JOURNAL_BYTES);
  if (bytes === undefined) return undefined;
  const text = new TextDecoder('latin1').decode(bytes);
  const headerEnd = text.indexOf('\n');
  const header = headerEnd < 0 ? undefined : headerOf(bytes.subarray(0, headerEnd));
  if (header === undefined) return undefined;
  const count = pieceCount(header);
  const pieces = new Map<number, string>();
  let length = headerEnd + 1;
  for (let end = text.indexOf('\n', length); end >= 0; end = text.indexOf('\n', length)) {
    const [, index, hash] = /^(\d{1,9}) ([0-9a-f]{64})$/.exec(text.slice(length, end)) ?? [];
    if (index === undefined || hash === undefined || Number(index) >= count) break;
    pieces.set(Number(index), hash);
    length = end + 1;
  }
  let doneBytes = 0;
  for (const index of pieces.keys()) doneBytes += pieceLength(header, index);
  return { header, pieces, doneBytes, length };
}

function headerOf(line: Uint8Array): JournalHeader | undefined {
  let value: Partial<JournalHeader> | null;
  try {
    value = JSON.parse(new TextDecoder().decode(line)) as Partial<JournalHeader> | null;
  } catch {
    return undefined;
  }
  const { repository, commit, file, size, pieceBytes } = value ?? {};
  if (typeof repository !== 'string' || typeof commit !== 'string' || typeof file !== 'string')
    return undefined;
  const isLength = (length: unknown, most: number): length is number =>
    Number.isSafeInteger(length) && Number(length) > 0 && Number(length) <= most;
  if (!isLength(size, Number.MAX_SAFE_INTEGER) || !isLength(pieceBytes, LARGEST_PIECE)) return undefined;
  return { repository, commit, file, size, pieceBytes };
}

/** A journal that is being written. */
export class PieceJournal {
  readonly header: JournalHeader;
  /** SHA-256 of the pieces that are here; whoever finds one wrong deletes it. */
  readonly pieces: Map<number, string>;
  readonly #file: RandomAccessFile;
  #length: number;

  private constructor(
    header: JournalHeader,
    pieces: Map<number, string>,
    file: RandomAccessFile,
    length: number,
  ) {
    this.header = header;
    this.pieces = pieces;
    this.#file = file;
    this.#length = length;
  }

  /** Goes on with the journal at `path` if it is of a file of the same length; else begins a new one. */
  static async open(tree: FileTree, path: string, header: JournalHeader): Promise<PieceJournal> {
    const stored = await readJournal(tree, path);
    const file = await tree.openFile(path);
    if (stored !== undefined && stored.header.size === header.size) {
      await file.truncate(stored.length);
      return new PieceJournal(stored.header, new Map(stored.pieces), file, stored.length);
    }
    const line = encoder.encode(`${JSON.stringify(header)}\n`);
    const { length } = line;
    await file.truncate(0);
    await file.write(line, 0);
    return new PieceJournal(header, new Map(), file, length);
  }

  /** Adds pieces whose bytes have been flushed; one call at a time. */
  async append(pieces: readonly (readonly [index: number, hash: string])[]): Promise<void> {
    const lines = encoder.encode(pieces.map(([index, hash]) => `${index} ${hash}\n`).join(''));
    const { length } = lines;
    await this.#file.write(lines, this.#length);
    this.#length += length;
    for (const [index, hash] of pieces) this.pieces.set(index, hash);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
