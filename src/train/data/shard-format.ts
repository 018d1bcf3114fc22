/**
 * The file format of packed tokens (`train.tokens`), little-endian:
 *
 *     0   8  "BITNTOKS"
 *     8   u32  version, 1
 *     12  u32  tokens of a row
 *     16  u32  vocabulary size
 *     20  u32  bytes of an id, 2 or 4
 *     24  32 bytes: SHA-256 of tokenizer.json
 *     56  8 bytes: zero
 *     64  rows, ids row-major; the largest number stands for no token, only behind all tokens of a row
 *     end u64 rows, u64 targets, 8 bytes "BITNTEND": last, since they are known last; a file cut short lacks them
 */
import { BitnetError } from '../../base/errors.ts';

/** What a file says of its rows. */
export interface ShardHeader {
  readonly rowLength: number;
  readonly vocabularySize: number;
  /** SHA-256 of tokenizer.json, 64 hexadecimal digits. */
  readonly tokenizerHash: string;
}

/** Bytes before the rows. */
export const HEADER_BYTES = 64;
/** Bytes behind the rows. */
export const TRAILER_BYTES = 24;
const MAGIC = new TextEncoder().encode('BITNTOKS');
const END_MAGIC = new TextEncoder().encode('BITNTEND');
const VERSION = 1;
/** Longest row that a reader believes; contexts are shorter by far. */
const MAX_ROW_LENGTH = 1 << 24;
const MAX_VOCABULARY = 1 << 24;

/** Bytes of an id: 2 as long as all ids and the number for no token fit. */
export function idBytesFor(vocabularySize: number): 2 | 4 {
  return vocabularySize <= 0xffff ? 2 : 4;
}

/** What stands for no token in a file. */
export function noTokenOf(idBytes: 2 | 4): number {
  return idBytes === 2 ? 0xffff : 0xffffffff;
}

/** The first {@link HEADER_BYTES} of a file. */
export function encodeHeader(header: ShardHeader): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, header.rowLength, true);
  view.setUint32(16, header.vocabularySize, true);
  view.setUint32(20, idBytesFor(header.vocabularySize), true);
  for (let i = 0; i < 32; i++)
    bytes[24 + i] = Number.parseInt(header.tokenizerHash.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** The last {@link TRAILER_BYTES} of a file. */
export function encodeTrailer(rows: number, targets: number): Uint8Array {
  const bytes = new Uint8Array(TRAILER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(rows), true);
  view.setBigUint64(8, BigInt(targets), true);
  bytes.set(END_MAGIC, 16);
  return bytes;
}

/**
 * Reads what {@link encodeHeader} wrote.
 *
 * @param bytes the first HEADER_BYTES of the file
 * @param name of the file, for messages
 * @throws BitnetError `train/bad-shard`
 */
export function decodeHeader(bytes: Uint8Array, name: string): ShardHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (!startsWith(bytes, MAGIC)) throw badShard(name, 'it does not begin as a file of tokens does');
  const version = view.getUint32(8, true);
  if (version !== VERSION) throw badShard(name, `it has version ${version} where ${VERSION} is known`);
  const rowLength = view.getUint32(12, true);
  const vocabularySize = view.getUint32(16, true);
  if (rowLength < 2 || rowLength > MAX_ROW_LENGTH) throw badShard(name, `its rows have ${rowLength} tokens`);
  if (vocabularySize < 1 || vocabularySize > MAX_VOCABULARY) {
    throw badShard(name, `its vocabulary has ${vocabularySize} tokens`);
  }
  const idBytes = view.getUint32(20, true);
  if (idBytes !== idBytesFor(vocabularySize)) throw badShard(name, `its ids have ${idBytes} bytes`);
  const hash = Array.from(bytes.subarray(24, 56), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return { rowLength, vocabularySize, tokenizerHash: hash };
}

/**
 * Reads what {@link encodeTrailer} wrote and checks it against the length of the file.
 *
 * @param bytes the last TRAILER_BYTES of the file
 * @throws BitnetError `train/bad-shard`
 */
export function decodeTrailer(
  bytes: Uint8Array,
  header: ShardHeader,
  fileBytes: number,
  name: string,
): { rows: number; targets: number } {
  if (!startsWith(bytes.subarray(16), END_MAGIC)) throw badShard(name, 'its end is missing');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rows = Number(view.getBigUint64(0, true));
  const targets = Number(view.getBigUint64(8, true));
  const rowBytes = header.rowLength * idBytesFor(header.vocabularySize);
  const expected = HEADER_BYTES + rows * rowBytes + TRAILER_BYTES;
  if (expected !== fileBytes) {
    throw badShard(name, `${rows} rows of ${rowBytes} bytes make ${expected} bytes, but it has ${fileBytes}`);
  }
  if (targets > rows * (header.rowLength - 1))
    throw badShard(name, `${rows} rows cannot hold ${targets} targets`);
  return { rows, targets };
}

function startsWith(bytes: Uint8Array, magic: Uint8Array): boolean {
  return magic.every((byte, index) => bytes[index] === byte);
}

/** The error for a damaged file of tokens. */
export function badShard(name: string, what: string): BitnetError {
  return new BitnetError(
    'train/bad-shard',
    `${name} is damaged: ${what}; remove it, and it is made again from the text`,
  );
}
