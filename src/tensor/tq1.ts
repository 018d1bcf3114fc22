/**
 * TQ1_0 of ggml: 256 ternary weights in 54 bytes, 1.6875 bits a weight.
 *
 *     qs[0..31]   byte m: 5 trits, weights m + 32 t        (t = 0..4, weights   0..159)
 *     qs[32..47]  byte m: 5 trits, weights 160 + m + 16 t  (t = 0..4, weights 160..239)
 *     qh[0..3]    byte j: 4 trits, weights 240 + j +  4 t  (t = 0..3)
 *     d           f16 scale of the block;   weight = (trit - 1) * d
 *
 * A byte holds its trits, first one most significant, as a fraction of 243 scaled up to 256: multiplying by 3 moves the
 * next trit above bit 7. Every byte value decodes to valid trits, so a damaged file is not noticed here.
 */
import { assert } from '../base/assert.ts';
import { checkCodes, checkPackedLength, codeWords } from './ternary-code.ts';

/** Weights of a block. */
export const TQ1_WEIGHTS = 256;
/** Bytes of a block. */
export const TQ1_BYTES = 54;
/** Where in a block its f16 scale lies. */
export const TQ1_SCALE_AT = 52;

const ALL_ZERO_WEIGHTS = 0x01010101;

/**
 * Unpacks whole blocks of 256 weights, one code per byte; block scales are left out.
 *
 * @param packed  count / 256 blocks
 * @param codes   u8 [count], overwritten; starts at a multiple of 4 bytes
 * @throws BitnetError `tensor/byte-length`
 */
export function unpackTq1(packed: Uint8Array, count: number, codes: Uint8Array, name: string): void {
  assert(count % TQ1_WEIGHTS === 0, 'TQ1_0 groups 256 weights');
  checkPackedLength(packed, (count / TQ1_WEIGHTS) * TQ1_BYTES, `${count} TQ1_0 weights`, name);
  const words = codeWords(codes, count);
  for (let from = 0, to = 0; from < packed.length; from += TQ1_BYTES, to += TQ1_WEIGHTS / 4) {
    for (let i = 0; i < 8; i++) unpackTrits(packed, from + 4 * i, words, to + i, 8, 5);
    for (let i = 0; i < 4; i++) unpackTrits(packed, from + 32 + 4 * i, words, to + 40 + i, 4, 5);
    unpackTrits(packed, from + 48, words, to + 60, 1, 4);
  }
}

/**
 * Packs codes into the blocks of {@link unpackTq1}, each with the same scale.
 *
 * @param codes      u8 [count] in 0..2, count a multiple of 256
 * @param scaleBits  the scale as f16 bits
 * @param packed     u8 [count / 256 * 54], overwritten
 * @throws BitnetError `tensor/bad-code` when a code exceeds 2
 */
export function packTq1(
  codes: Uint8Array,
  count: number,
  scaleBits: number,
  packed: Uint8Array,
  name: string,
): void {
  assert(count % TQ1_WEIGHTS === 0, 'TQ1_0 groups 256 weights');
  assert(packed.length >= (count / TQ1_WEIGHTS) * TQ1_BYTES, 'room for every TQ1_0 block');
  checkCodes(codes, count, name);
  for (let from = 0, to = 0; from < count; from += TQ1_WEIGHTS, to += TQ1_BYTES) {
    for (let m = 0; m < 32; m++) packed[to + m] = packTrits(codes, from + m, 32, 5);
    for (let m = 0; m < 16; m++) packed[to + 32 + m] = packTrits(codes, from + 160 + m, 16, 5);
    for (let j = 0; j < 4; j++) packed[to + 48 + j] = packTrits(codes, from + 240 + j, 4, 4);
    packed[to + TQ1_SCALE_AT] = scaleBits;
    packed[to + TQ1_SCALE_AT + 1] = scaleBits >> 8;
  }
}

/** True when all 256 weights of the block at byte `from` are zero. */
export function isTq1BlockZero(packed: Uint8Array, from: number, scratch: Uint32Array): boolean {
  for (let i = 0; i < 13; i++) {
    const trits = i < 12 ? 5 : 4;
    unpackTrits(packed, from + 4 * i, scratch, 0, 1, trits);
    for (let t = 0; t < trits; t++) {
      if (scratch[t] !== ALL_ZERO_WEIGHTS) return false;
    }
  }
  return true;
}

/** Four bytes side by side: word t of `words`, `stride` apart, gets trit t of each. */
function unpackTrits(
  packed: Uint8Array,
  at: number,
  words: Uint32Array,
  to: number,
  stride: number,
  trits: number,
): void {
  // Two 16-bit lanes each, so that the product of a byte with 3 stays inside its lane.
  let even = packed[at]! | (packed[at + 2]! << 16);
  let odd = packed[at + 1]! | (packed[at + 3]! << 16);
  for (let t = 0; t < trits; t++) {
    even = (even & 0x00ff00ff) * 3;
    odd = (odd & 0x00ff00ff) * 3;
    words[to + t * stride] = ((even >>> 8) & 0x00030003) | (odd & 0x03000300);
  }
}

function packTrits(codes: Uint8Array, from: number, stride: number, trits: number): number {
  let value = 0;
  for (let t = 0; t < trits; t++) value = value * 3 + codes[from + t * stride]!;
  if (trits === 4) value *= 3;
  return Math.floor((value * 256 + 242) / 243);
}
