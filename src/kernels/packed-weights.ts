/**
 * How each backend lays out packed ternary weights (its packTernary), so that they can be read back one by one: what is
 * shown of a model is then what its kernels multiply with. For looking only; no kernel reads weights this way.
 *
 * All layouts are tiles of `rows` x `columns` that follow each other along K, then along the rows. A row of a tile has
 * `bytes` bytes, and digit d of its byte i is the code (weight + 1) of column d * bytes + i.
 */
import type { RunningBackend } from './backend-name.ts';

/** See the file's header. */
export interface PackedLayout {
  /** For people, as in `2 bits in tiles of 16 x 16`. */
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  readonly bytes: number;
  /** `bits`: two a digit, the lowest first; `base3`: digits of a number, the lowest first; `int8`: the weight itself. */
  readonly code: 'bits' | 'base3' | 'int8';
}

/** Where one weight lies. */
export interface WeightPlace {
  /** From the matrix's first byte. */
  readonly byte: number;
  /** Which digit of that byte, the lowest is 0. */
  readonly digit: number;
}

/** How many weights of a matrix have each value. */
export interface WeightCounts {
  readonly minusOne: number;
  readonly zero: number;
  readonly plusOne: number;
}

const INT8: PackedLayout = {
  name: 'one byte a weight, row after row',
  rows: 1,
  columns: 1,
  bytes: 1,
  code: 'int8',
};
/** assembly/pack.ts */
const WASM: PackedLayout = {
  name: '2 bits a weight, tiles of 4 x 64 in 64 bytes',
  rows: 4,
  columns: 64,
  bytes: 16,
  code: 'bits',
};
/** native/ternary/tile-two-bit.h */
const TWO_BIT: PackedLayout = {
  name: '2 bits a weight, tiles of 16 x 16 in 64 bytes',
  rows: 16,
  columns: 16,
  bytes: 4,
  code: 'bits',
};
/** native/ternary/tile-base3.h */
const BASE3: PackedLayout = {
  name: '5 weights a byte in base 3, tiles of 16 x 20 in 64 bytes',
  rows: 16,
  columns: 20,
  bytes: 4,
  code: 'base3',
};

/** The layout of a backend. */
export function packedLayout(backend: RunningBackend): PackedLayout {
  if (backend === 'reference') return INT8;
  if (backend === 'wasm-relaxed' || backend === 'wasm-simd') return WASM;
  return backend === 'native-avx512-vbmi' ? BASE3 : TWO_BIT;
}

/** Where the weight of a row and column lies in a packed matrix of K columns. */
export function weightPlace(layout: PackedLayout, K: number, row: number, column: number): WeightPlace {
  const inTile = column % layout.columns;
  return {
    byte: rowStart(layout, K, row) + columnStart(layout, column) + (inTile % layout.bytes),
    digit: Math.floor(inTile / layout.bytes),
  };
}

/** Bytes of the tiles that hold a row, of which there is one for every `layout.rows` rows. */
export function stripBytes(layout: PackedLayout, K: number): number {
  return Math.ceil(K / layout.columns) * layout.rows * layout.bytes;
}

/** Reads some columns of a packed matrix, row by row. */
export class WeightReader {
  readonly #layout: PackedLayout;
  readonly #K: number;
  /** Of each column that is read: its byte from the start of the row, and its digit's part of the table. */
  readonly #offsets: Uint32Array;
  readonly #digits: Uint16Array;
  readonly #table: Int8Array;

  /** Of columns `column`, `column + step` … below `column + columns`. */
  constructor(layout: PackedLayout, K: number, column: number, columns: number, step: number) {
    this.#layout = layout;
    this.#K = K;
    this.#table = weightTable(layout.code);
    const count = Math.ceil(columns / step);
    this.#offsets = new Uint32Array(count);
    this.#digits = new Uint16Array(count);
    for (let i = 0; i < count; i++) {
      const { byte, digit } = weightPlace(layout, K, 0, column + i * step);
      this.#offsets[i] = byte;
      this.#digits[i] = 256 * digit;
    }
  }

  /** The weights -1, 0, +1 of a row into `out` from `at` on; `bytesAt` gives a part of the packed matrix. */
  read(bytesAt: (offset: number, length: number) => Uint8Array, row: number, out: Int8Array, at = 0): void {
    const strip = stripBytes(this.#layout, this.#K);
    const start = rowStart(this.#layout, this.#K, row);
    const inStrip = start % strip;
    const bytes = bytesAt(start - inStrip, strip);
    const offsets = this.#offsets;
    const digits = this.#digits;
    const table = this.#table;
    for (let i = 0; i < offsets.length; i++) {
      out[at + i] = table[digits[i]! + bytes[inStrip + offsets[i]!]!]!;
    }
  }
}

/**
 * Counts from how often each value of a byte occurs in a packed matrix.
 *
 * @param occurrences [256], of all its bytes
 */
export function countWeights(
  layout: PackedLayout,
  rows: number,
  K: number,
  occurrences: ArrayLike<number>,
): WeightCounts {
  const table = weightTable(layout.code);
  const digits = layout.columns / layout.bytes;
  const counts = [0, 0, 0];
  let held = 0;
  for (let digit = 0; digit < digits; digit++) {
    for (let byte = 0; byte < 256; byte++) {
      counts[table[256 * digit + byte]! + 1]! += occurrences[byte]!;
      held += occurrences[byte]!;
    }
  }
  // What fills the last tiles up has the code 0, which would be -1.
  return { minusOne: counts[0]! - (held - rows * K), zero: counts[1]!, plusOne: counts[2]! };
}

/** From the matrix's start: the row of a tile in the first tile of its strip. */
function rowStart(layout: PackedLayout, K: number, row: number): number {
  return Math.floor(row / layout.rows) * stripBytes(layout, K) + (row % layout.rows) * layout.bytes;
}

function columnStart(layout: PackedLayout, column: number): number {
  return Math.floor(column / layout.columns) * layout.rows * layout.bytes;
}

const TABLES = new Map<PackedLayout['code'], Int8Array>();

/** The weight of digit d in a byte: entry 256 * d + byte. Bytes that no weights have are taken for zeros. */
function weightTable(code: PackedLayout['code']): Int8Array {
  const known = TABLES.get(code);
  if (known !== undefined) return known;
  const table = new Int8Array(256 * DIGITS[code]);
  for (let digit = 0; digit < DIGITS[code]; digit++) {
    for (let byte = 0; byte < 256; byte++) {
      const weight = weightIn(code, byte, digit);
      table[256 * digit + byte] = Math.abs(weight) <= 1 ? weight : 0;
    }
  }
  TABLES.set(code, table);
  return table;
}

const DIGITS: Readonly<Record<PackedLayout['code'], number>> = { bits: 4, base3: 5, int8: 1 };

function weightIn(code: PackedLayout['code'], byte: number, digit: number): number {
  if (code === 'int8') return byte > 127 ? byte - 256 : byte;
  if (code === 'bits') return ((byte >> (2 * digit)) & 3) - 1;
  return (Math.floor(byte / 3 ** digit) % 3) - 1;
}
