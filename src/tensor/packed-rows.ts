/**
 * The packing of ternary matrices in Hugging Face checkpoints: uint8 [P, K] for a weight of M <= 4 P rows, four output
 * rows that lie P apart in one byte.
 *
 *     byte[p][k]:  bits 1-0  code[p][k]   3-2  code[p+P][k]   5-4  code[p+2P][k]   7-6  code[p+3P][k]
 *
 * So row r sits in byte row r mod P at shift 2 * floor(r / P), not beside its neighbours. The scale is a tensor of its
 * own (`weight_scale`); whether to multiply or to divide by it is the model's affair.
 */
import { assert } from '../base/assert.ts';
import { checkCodes, checkPackedLength, codeWords, throwFirstBadCode } from './ternary-code.ts';

/**
 * Unpacks the output rows [firstRow, endRow), one code per byte.
 *
 * @param packed       the whole packed matrix, u8 [packedRows, columns]
 * @param packedRows   P
 * @param columns      K
 * @param codes        u8 [endRow - firstRow, columns], overwritten; starts at a multiple of 4 bytes
 * @throws BitnetError `tensor/bad-code` when a field holds 3 (its index counts from `firstRow`), `tensor/byte-length`
 */
export function unpackPackedRows(
  packed: Uint8Array,
  packedRows: number,
  columns: number,
  firstRow: number,
  endRow: number,
  codes: Uint8Array,
  name: string,
): void {
  assert(firstRow >= 0 && firstRow <= endRow && endRow <= 4 * packedRows, 'rows inside the matrix');
  assert(codes.length >= (endRow - firstRow) * columns, 'room for every code');
  checkPackedLength(packed, packedRows * columns, `${packedRows} x ${columns} packed codes`, name);
  const source =
    columns % 4 === 0 && packed.byteOffset % 4 === 0 ? codeWords(packed, packed.length) : undefined;
  const words = source && codeWords(codes, (endRow - firstRow) * columns);
  let threes = 0;
  for (let row = firstRow; row < endRow; row++) {
    const from = (row % packedRows) * columns;
    const shift = 2 * Math.floor(row / packedRows);
    const to = (row - firstRow) * columns;
    if (source && words) threes |= unpackRowWords(source, from / 4, shift, words, to / 4, columns / 4);
    else threes |= unpackRowBytes(packed, from, shift, codes, to, columns);
  }
  if (threes !== 0) throwFirstBadCode(codes, (endRow - firstRow) * columns, name);
}

/**
 * Packs a matrix of codes; the inverse of {@link unpackPackedRows}. Rows that only fill up to a multiple of four get code 0.
 *
 * @param codes  u8 [rows, columns] in 0..2
 * @returns u8 [ceil(rows / 4), columns]
 * @throws BitnetError `tensor/bad-code` when a code exceeds 2
 */
export function packRows(
  codes: Uint8Array,
  rows: number,
  columns: number,
  name: string,
): Uint8Array<ArrayBuffer> {
  assert(codes.length >= rows * columns, 'a code for every weight');
  checkCodes(codes, rows * columns, name);
  const packedRows = Math.ceil(rows / 4);
  const packed = new Uint8Array(packedRows * columns);
  for (let row = 0; row < rows; row++) {
    const to = (row % packedRows) * columns;
    const shift = 2 * Math.floor(row / packedRows);
    const from = row * columns;
    for (let k = 0; k < columns; k++) packed[to + k] = packed[to + k]! | (codes[from + k]! << shift);
  }
  return packed;
}

function unpackRowWords(
  packed: Uint32Array,
  from: number,
  shift: number,
  words: Uint32Array,
  to: number,
  count: number,
): number {
  let threes = 0;
  for (let i = 0; i < count; i++) {
    const four = (packed[from + i]! >>> shift) & 0x03030303;
    threes |= four & (four >>> 1);
    words[to + i] = four;
  }
  return threes & 0x01010101;
}

function unpackRowBytes(
  packed: Uint8Array,
  from: number,
  shift: number,
  codes: Uint8Array,
  to: number,
  count: number,
): number {
  let threes = 0;
  for (let i = 0; i < count; i++) {
    const code = (packed[from + i]! >> shift) & 3;
    threes |= code & (code >> 1);
    codes[to + i] = code;
  }
  return threes;
}
