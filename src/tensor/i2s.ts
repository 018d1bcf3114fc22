/**
 * I2_S, the ternary packing of bitnet.cpp: 2 bits a weight and one float32 scale for the whole tensor.
 *
 *     the [M, K] matrix flattened row-major, K % 128 = 0; 128 consecutive weights make 32 bytes:
 *       byte g (0..31):  bits 7-6  code[g]   5-4  code[g+32]   3-2  code[g+64]   1-0  code[g+96]
 *     behind the codes (at byte M*K/4): float32 scale, then 28 unused bytes;   weight = (code - 1) * scale
 *
 * This is the order of every published file on every platform. Files that an ARM build of the 2024-25 quantiser wrote
 * interleave 64 weights in 16 bytes; they look the same from outside and are not supported.
 */
import { assert } from '../base/assert.ts';
import { BitnetError } from '../base/errors.ts';
import { I2S_TAIL_BYTES } from './dtype.ts';
import {
  checkCodes,
  checkPackedLength,
  codeWords,
  gather128,
  spread128,
  throwFirstBadCode,
} from './ternary-code.ts';

/**
 * Unpacks whole groups of 128 weights, one code per byte.
 *
 * @param packed  the code bytes, count / 4 of them: a whole tensor without its tail, or any run of its rows
 * @param count   weights, a multiple of 128
 * @param codes   u8 [count], overwritten; starts at a multiple of 4 bytes
 * @throws BitnetError `tensor/bad-code` when a field holds 3, `tensor/byte-length`
 */
export function unpackI2s(packed: Uint8Array, count: number, codes: Uint8Array, name: string): void {
  assert(count % 128 === 0, 'I2_S groups 128 weights');
  checkPackedLength(packed, count / 4, `${count} I2_S codes`, name);
  const words = codeWords(codes, count);
  let threes = 0;
  for (let at = 0; at < packed.length; at += 32) threes |= spread128(packed, at, words, at, true);
  if (threes !== 0) throwFirstBadCode(codes, count, name);
}

/**
 * Packs codes; the inverse of {@link unpackI2s}, without the tail.
 *
 * @param codes   u8 [count] in 0..2; starts at a multiple of 4 bytes
 * @param packed  u8 [count / 4], overwritten
 * @throws BitnetError `tensor/bad-code` when a code exceeds 2
 */
export function packI2s(codes: Uint8Array, count: number, packed: Uint8Array, name: string): void {
  assert(count % 128 === 0 && packed.length >= count / 4, 'I2_S groups 128 weights in 32 bytes');
  checkCodes(codes, count, name);
  const words = codeWords(codes, count);
  for (let at = 0; at < count / 4; at += 32) gather128(words, at, packed, at, true);
}

/** The tail that follows the codes of an I2_S tensor. */
export function i2sTail(scale: number): Uint8Array<ArrayBuffer> {
  const tail = new Uint8Array(I2S_TAIL_BYTES);
  new DataView(tail.buffer).setFloat32(0, scale, true);
  return tail;
}

/**
 * The scale of an I2_S tensor.
 *
 * @param tail  the bytes behind the codes, at least 4 of them
 * @throws BitnetError `tensor/bad-scale` when it is not a finite number
 */
export function i2sScale(tail: Uint8Array, name: string): number {
  assert(tail.length >= 4, 'an I2_S tail holds at least the scale');
  const scale = new DataView(tail.buffer, tail.byteOffset, 4).getFloat32(0, true);
  if (!Number.isFinite(scale)) {
    throw new BitnetError(
      'tensor/bad-scale',
      `${name}: the I2_S scale behind the codes is ${scale}, not a finite number; the file is damaged`,
      { details: { tensor: name } },
    );
  }
  return scale;
}
