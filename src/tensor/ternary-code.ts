/**
 * What the ternary packings share. A code is w + 1, so 0, 1, 2 for the weights -1, 0, +1, one byte each when unpacked.
 * I2_S and TQ2_0 both spread 128 codes over 32 bytes as four 2-bit fields; only the order of the fields differs. Four
 * codes are handled at once in a 32-bit word, which is why code arrays have to start at a multiple of 4 bytes.
 */
import { assert } from '../base/assert.ts';
import { BitnetError } from '../base/errors.ts';

/**
 * The first `count` codes as words of four.
 *
 * @throws Error when the array does not start at a multiple of 4 bytes or is too short: a bug of the caller
 */
export function codeWords(codes: Uint8Array, count: number): Uint32Array {
  assert(codes.byteOffset % 4 === 0, 'code arrays start at a multiple of 4 bytes');
  assert(count % 4 === 0 && codes.length >= count, `${count} codes need room, ${codes.length} is too little`);
  return new Uint32Array(codes.buffer, codes.byteOffset, count / 4);
}

/**
 * Spreads 32 bytes into 128 codes: code j comes from byte j % 32, field `shift{j / 32}`.
 *
 * @returns a word that has bit 0 of a byte set where a field held 3
 */
export function spread128(
  packed: Uint8Array,
  from: number,
  words: Uint32Array,
  to: number,
  reversed: boolean,
): number {
  const shift0 = reversed ? 6 : 0;
  const shift1 = reversed ? 4 : 2;
  const shift2 = reversed ? 2 : 4;
  const shift3 = reversed ? 0 : 6;
  let threes = 0;
  for (let i = 0; i < 8; i++) {
    const at = from + 4 * i;
    const word = packed[at]! | (packed[at + 1]! << 8) | (packed[at + 2]! << 16) | (packed[at + 3]! << 24);
    threes |= word & (word >>> 1) & 0x55555555;
    words[to + i] = (word >>> shift0) & 0x03030303;
    words[to + i + 8] = (word >>> shift1) & 0x03030303;
    words[to + i + 16] = (word >>> shift2) & 0x03030303;
    words[to + i + 24] = (word >>> shift3) & 0x03030303;
  }
  return threes;
}

/** The inverse of {@link spread128} on codes that are at most 3. */
export function gather128(
  words: Uint32Array,
  from: number,
  packed: Uint8Array,
  to: number,
  reversed: boolean,
): void {
  const shift0 = reversed ? 6 : 0;
  const shift1 = reversed ? 4 : 2;
  const shift2 = reversed ? 2 : 4;
  const shift3 = reversed ? 0 : 6;
  for (let i = 0; i < 8; i++) {
    const word =
      (words[from + i]! << shift0) |
      (words[from + i + 8]! << shift1) |
      (words[from + i + 16]! << shift2) |
      (words[from + i + 24]! << shift3);
    const at = to + 4 * i;
    packed[at] = word;
    packed[at + 1] = word >>> 8;
    packed[at + 2] = word >>> 16;
    packed[at + 3] = word >>> 24;
  }
}

/**
 * Throws unless every code is 0, 1 or 2: called before packing, so that no packer can spill into a neighbour's field.
 *
 * @throws BitnetError `tensor/bad-code`
 */
export function checkCodes(codes: Uint8Array, count: number, name: string): void {
  for (let i = 0; i < count; i++) {
    if (codes[i]! > 2) throw badCode(name, i, codes[i]!);
  }
}

/**
 * Throws the error for the first 3 among unpacked codes; called once an unpacker has seen one.
 *
 * @throws BitnetError `tensor/bad-code`
 */
export function throwFirstBadCode(codes: Uint8Array, count: number, name: string): never {
  const index = codes.subarray(0, count).indexOf(3);
  throw badCode(name, index, 3);
}

/**
 * Throws unless `bytes` is exactly as long as the packing says.
 *
 * @throws BitnetError `tensor/byte-length`
 */
export function checkPackedLength(bytes: Uint8Array, expected: number, what: string, name: string): void {
  if (bytes.length === expected) return;
  throw new BitnetError(
    'tensor/byte-length',
    `${name}: ${what} take ${expected} bytes, but ${bytes.length} were given`,
    { details: { tensor: name, expected, given: bytes.length } },
  );
}

function badCode(name: string, index: number, code: number): BitnetError {
  return new BitnetError(
    'tensor/bad-code',
    `${name}: weight ${index} has the code ${code}, but ternary codes are 0, 1 and 2; the file is damaged or holds another type`,
    { details: { tensor: name, index, code } },
  );
}
