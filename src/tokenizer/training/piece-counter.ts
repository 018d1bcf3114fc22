/**
 * Counts how often each piece of a text occurs (pretokenize.ts cuts them): all that the training of a byte pair encoding
 * needs of its text. However long the text is, the memory is bounded, since rare pieces are forgotten when too many
 * different ones have been seen.
 */
import type { PieceEnd } from '../pretokenize.ts';

/** Longer pieces (bases of data URLs, rows of dashes) teach nothing and are not counted. UTF-16 units. */
const MAX_PIECE_UNITS = 256;
/** Different pieces at most; about 200 MB. */
const MAX_PIECES = 2_000_000;
/** V8 copies shorter slices and lets longer ones keep the text alive that they were cut from. */
const COPIED_UNITS = 12;

/** See the head of this file. */
export class PieceCounter {
  readonly #counts = new Map<string, number>();
  readonly #pieceEnd: PieceEnd;
  readonly #maxPieces: number;

  constructor(pieceEnd: PieceEnd, maxPieces: number = MAX_PIECES) {
    this.#pieceEnd = pieceEnd;
    this.#maxPieces = maxPieces;
  }

  /** How often each piece was found so far. */
  get counts(): ReadonlyMap<string, number> {
    return this.#counts;
  }

  /** Counts the pieces of a text. */
  add(text: string): void {
    for (let start = 0; start < text.length; ) {
      const end = this.#pieceEnd(text, start);
      if (end - start <= MAX_PIECE_UNITS) this.#count(text.slice(start, end));
      start = end;
    }
  }

  #count(piece: string): void {
    const count = this.#counts.get(piece);
    if (count !== undefined) {
      this.#counts.set(piece, count + 1);
      return;
    }
    if (this.#counts.size >= this.#maxPieces) this.#forgetRarest();
    this.#counts.set(piece.length > COPIED_UNITS ? JSON.parse(JSON.stringify(piece)) : piece, 1);
  }

  /** Lossy counting: takes the same away from all, so that at least half of the places become free. */
  #forgetRarest(): void {
    const sorted = Float64Array.from(this.#counts.values()).sort();
    const taken = sorted[sorted.length >> 1]!;
    for (const [piece, count] of this.#counts) {
      if (count <= taken) this.#counts.delete(piece);
      else this.#counts.set(piece, count - taken);
    }
  }
}
