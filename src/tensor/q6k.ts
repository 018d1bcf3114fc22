/**
 * Float32 to Q6_K of ggml: 256 weights in 210 bytes, 6 bits each, with an int8 scale for every 16 and an f16 scale for
 * all (the layout is told in dequantize.ts). Each 16 get the scale of least squares among a few near the one that maps
 * their largest weight to the end of the range; large weights count more, by their square.
 */
import { assert } from '../base/assert.ts';
import { floatToHalf, halfToFloat } from './half.ts';

const BLOCK = 256;
const BLOCK_BYTES = 210;
const GROUP = 16;
const SCALES_AT = 192;
const SCALE_AT = 208;
/** Codes go from -32 to 31. */
const LEAST = -32;
const MOST = 31;
/** Where the largest weight of a group may go, instead of to -32. */
const ENDS = [32, 32.5, 33, 33.5, 31.5, 31, 30.5, 30, 29.5] as const;
/** Groups of weights below this are zeros. */
const TINY = 1e-15;

/**
 * Encodes whole blocks.
 *
 * @param weights  f32 [n], finite, n a multiple of 256
 * @param bytes    u8 [n / 256 * 210], overwritten
 * @returns whether every scale is finite in f16
 */
export function encodeQ6K(weights: Float32Array, bytes: Uint8Array): boolean {
  assert(weights.length % BLOCK === 0, 'Q6_K groups 256 weights');
  assert(bytes.length >= (weights.length / BLOCK) * BLOCK_BYTES, 'room for every Q6_K block');
  const scales = new Float32Array(BLOCK / GROUP);
  const codes = new Uint8Array(BLOCK);
  let fits = true;
  for (let from = 0, to = 0; from < weights.length; from += BLOCK, to += BLOCK_BYTES) {
    const half = blockScale(weights, from, scales);
    if ((half & 0x7c00) === 0x7c00) fits = false;
    const d = halfToFloat(half);
    for (let group = 0; group < scales.length; group++) {
      const scale = d === 0 ? 0 : Math.max(-128, Math.min(127, Math.round(scales[group]! / d)));
      bytes[to + SCALES_AT + group] = scale;
      writeCodes(weights, from + group * GROUP, d * scale, codes, group * GROUP);
    }
    packCodes(codes, bytes, to);
    bytes[to + SCALE_AT] = half;
    bytes[to + SCALE_AT + 1] = half >>> 8;
  }
  return fits;
}

/** Fills the scales of the groups and answers the f16 bits of d, by which the largest of them becomes -128. */
function blockScale(weights: Float32Array, from: number, scales: Float32Array): number {
  let largest = 0;
  for (let group = 0; group < scales.length; group++) {
    const scale = groupScale(weights, from + group * GROUP);
    scales[group] = scale;
    if (Math.abs(scale) > Math.abs(largest)) largest = scale;
  }
  return largest === 0 ? 0 : floatToHalf(-largest / 128);
}

/** The scale of 16 weights: weight ≈ scale * code with codes of -32 to 31. */
function groupScale(weights: Float32Array, from: number): number {
  let extreme = 0;
  for (let i = from; i < from + GROUP; i++) {
    if (Math.abs(weights[i]!) > Math.abs(extreme)) extreme = weights[i]!;
  }
  if (Math.abs(extreme) < TINY) return 0;
  let best = 0;
  let bestGain = -1;
  for (const end of ENDS) {
    const inverse = -end / extreme;
    let xq = 0;
    let qq = 0;
    for (let i = from; i < from + GROUP; i++) {
      const x = weights[i]!;
      const q = Math.max(LEAST, Math.min(MOST, Math.round(x * inverse)));
      const w = x * x;
      xq += w * x * q;
      qq += w * q * q;
    }
    // Of all multiples of these codes, xq / qq comes nearest, and leaves Σ w x² - xq² / qq.
    if (qq > 0 && xq * xq > bestGain * qq) {
      bestGain = (xq * xq) / qq;
      best = xq / qq;
    }
  }
  return best;
}

function writeCodes(weights: Float32Array, from: number, scale: number, codes: Uint8Array, to: number): void {
  const inverse = scale === 0 ? 0 : 1 / scale;
  for (let i = 0; i < GROUP; i++) {
    const q = Math.max(LEAST, Math.min(MOST, Math.round(weights[from + i]! * inverse)));
    codes[to + i] = q - LEAST;
  }
}

/** Low four bits to ql, high two to qh; see readQ6K in dequantize.ts. */
function packCodes(codes: Uint8Array, bytes: Uint8Array, to: number): void {
  for (let half = 0; half < 2; half++) {
    const from = 128 * half;
    const ql = to + 64 * half;
    const qh = to + 128 + 32 * half;
    for (let l = 0; l < 32; l++) {
      const a = codes[from + l]!;
      const b = codes[from + l + 32]!;
      const c = codes[from + l + 64]!;
      const d = codes[from + l + 96]!;
      bytes[ql + l] = (a & 15) | ((c & 15) << 4);
      bytes[ql + l + 32] = (b & 15) | ((d & 15) << 4);
      bytes[qh + l] = (a >> 4) | ((b >> 4) << 2) | ((c >> 4) << 4) | ((d >> 4) << 6);
    }
  }
}
