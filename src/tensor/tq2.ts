/**
 * TQ2_0 of ggml: 256 ternary weights in 66 bytes, 2.0625 bits a weight.
 *
 *     qs[0..63]  half h (0, 1) is 32 bytes; byte m, bits 2l+1..2l: code of weight 128 h + 32 l + m
 *     d          f16 scale of the block;   weight = (code - 1) * d
 */
import { assert } from '../base/assert.ts';
import {
  checkCodes,
  checkPackedLength,
  codeWords,
  gather128,
  spread128,
  throwFirstBadCode,
} from './ternary-code.ts';

/** Weights of a block. */
export const TQ2_WEIGHTS = 256;
/** Bytes of a block. */
export const TQ2_BYTES = 66;
/** Where in a block its f16 scale lies. */
export const TQ2_SCALE_AT = 64;

/** Four fields that each hold code 1. */
const FOUR_ZERO_WEIGHTS = 0b01010101;

/**
 * Unpacks whole blocks of 256 weights, one code per byte; block scales are left out.
 *
 * @param packed  count / 256 blocks
 * @param codes   u8 [count], overwritten; starts at a multiple of 4 bytes
 * @throws BitnetError `tensor/bad-code` when a field holds 3, `tensor/byte-length`
 */
export function unpackTq2(packed: Uint8Array, count: number, codes: Uint8Array, name: string): void {
  assert(count % TQ2_WEIGHTS === 0, 'TQ2_0 groups 256 weights');
  checkPackedLength(packed, (count / TQ2_WEIGHTS) * TQ2_BYTES, `${count} TQ2_0 weights`, name);
  const words = codeWords(codes, count);
  let threes = 0;
  for (let from = 0, to = 0; from < packed.length; from += TQ2_BYTES, to += TQ2_WEIGHTS / 4) {
    threes |= spread128(packed, from, words, to, false);
    threes |= spread128(packed, from + 32, words, to + 32, false);
  }
  if (threes !== 0) throwFirstBadCode(codes, count, name);
}

/**
 * Packs codes into the blocks of {@link unpackTq2}, each with the same scale.
 *
 * @param codes      u8 [count] in 0..2, count a multiple of 256; starts at a multiple of 4 bytes
 * @param scaleBits  the scale as f16 bits
 * @param packed     u8 [count / 256 * 66], overwritten
 * @throws BitnetError `tensor/bad-code` when a code exceeds 2
 */
export function packTq2(
  codes: Uint8Array,
  count: number,
  scaleBits: number,
  packed: Uint8Array,
  name: string,
): void {
  assert(count % TQ2_WEIGHTS === 0, 'TQ2_0 groups 256 weights');
  assert(packed.length >= (count / TQ2_WEIGHTS) * TQ2_BYTES, 'room for every TQ2_0 block');
  checkCodes(codes, count, name);
  const words = codeWords(codes, count);
  for (let from = 0, to = 0; from < count / 4; from += TQ2_WEIGHTS / 4, to += TQ2_BYTES) {
    gather128(words, from, packed, to, false);
    gather128(words, from + 32, packed, to + 32, false);
    packed[to + TQ2_SCALE_AT] = scaleBits;
    packed[to + TQ2_SCALE_AT + 1] = scaleBits >> 8;
  }
}

/** True when all 256 weights of the block at byte `from` are zero. */
export function isTq2BlockZero(packed: Uint8Array, from: number): boolean {
  for (let m = 0; m < TQ2_SCALE_AT; m++) {
    if (packed[from + m] !== FOUR_ZERO_WEIGHTS) return false;
  }
  return true;
}
