/**
 * Packs documents into rows of equal length, whole ones next to each other so that little is padding: best fit over a
 * bounded number of open rows. The same pieces in the same order give the same rows.
 */
import { NO_TOKEN } from './token-rows.ts';

/** Tokens in open rows at most, and rows at least. */
const OPEN_TOKENS = 1 << 21;
const LEAST_OPEN_ROWS = 16;
const MOST_OPEN_ROWS = 1024;

/** Takes a full row, i32 [rowLength], padded with {@link NO_TOKEN}; it may be kept. */
export type OnRow = (row: Int32Array) => void;

interface OpenRow {
  readonly row: Int32Array;
  used: number;
}

/** See the head of this file. */
export class RowPacker {
  readonly #rowLength: number;
  readonly #onRow: OnRow;
  readonly #mostOpen: number;
  /** Open rows by the number of tokens that they still have room for, oldest first. */
  readonly #byRoom: OpenRow[][];
  #open = 0;

  constructor(rowLength: number, onRow: OnRow, mostOpen?: number) {
    this.#rowLength = rowLength;
    this.#onRow = onRow;
    const fitting = Math.floor(OPEN_TOKENS / rowLength);
    this.#mostOpen = mostOpen ?? Math.max(LEAST_OPEN_ROWS, Math.min(MOST_OPEN_ROWS, fitting));
    this.#byRoom = Array.from({ length: rowLength + 1 }, () => []);
  }

  /** Places a piece of 1 to rowLength tokens in one row. */
  add(piece: ArrayLike<number>): void {
    const open = this.#takeBestFor(piece.length) ?? this.#openRow();
    open.row.set(piece, open.used);
    open.used += piece.length;
    const room = this.#rowLength - open.used;
    if (room === 0) {
      this.#onRow(open.row);
      return;
    }
    this.#byRoom[room]!.push(open);
    this.#open++;
    if (this.#open > this.#mostOpen) this.#onRow(this.#takeBestFor(1)!.row);
  }

  /** Gives out the rows that are still open, fullest first. */
  finish(): void {
    for (let open = this.#takeBestFor(1); open !== undefined; open = this.#takeBestFor(1))
      this.#onRow(open.row);
  }

  /** The open row with the least room that is enough. */
  #takeBestFor(tokens: number): OpenRow | undefined {
    for (let room = tokens; room < this.#rowLength; room++) {
      const open = this.#byRoom[room]!.shift();
      if (open === undefined) continue;
      this.#open--;
      return open;
    }
    return undefined;
  }

  #openRow(): OpenRow {
    return { row: new Int32Array(this.#rowLength).fill(NO_TOKEN), used: 0 };
  }
}
