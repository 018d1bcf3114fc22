/**
 * Tensor bytes to float32, for every numeric type this package reads: plain floats, the ggml blocks that embeddings and
 * heads come in (Q8_0, Q6_K, Q4_0), and the ternary types as (code - 1) * scale. All results are exact: no type holds
 * more significant bits than a float32. Bytes are little-endian and so, as every JavaScript engine in use, is the host.
 */
import { assert } from '../base/assert.ts';
import { BitnetError } from '../base/errors.ts';
import { byteLengthOf, type DType, I2S_TAIL_BYTES, isTernary } from './dtype.ts';
import { halfToFloat, halfToFloatBits } from './half.ts';
import { i2sScale, unpackI2s } from './i2s.ts';
import { checkPackedLength } from './ternary-code.ts';
import { TQ1_BYTES, TQ1_SCALE_AT, unpackTq1 } from './tq1.ts';
import { TQ2_BYTES, TQ2_SCALE_AT, unpackTq2 } from './tq2.ts';

/**
 * The elements of a tensor, or of a run of its blocks, as float32.
 *
 * @param bytes  exactly the bytes of `count` elements; I2_S only whole, with its tail
 * @param out    f32 [count], overwritten; a fresh one without it
 * @throws BitnetError `tensor/not-numeric` for types without a reading as float32, `tensor/byte-length`,
 *   `tensor/bad-shape` when `count` is no multiple of the block, `tensor/bad-code`, `tensor/bad-scale`
 */
export function dequantize(
  dtype: DType,
  bytes: Uint8Array,
  count: number,
  out: Float32Array = new Float32Array(count),
  name = 'tensor',
): Float32Array {
  checkPackedLength(bytes, byteLengthOf(dtype, [count], name), `${count} ${dtype} elements`, name);
  assert(out.length >= count, `${count} elements need room, ${out.length} is too little`);
  if (isTernary(dtype)) {
    if (dtype === 'I2_S') readI2s(bytes, count, out, name);
    else readTernaryBlocks(dtype, bytes, count, out, name);
    return out;
  }
  switch (dtype) {
    case 'F32':
      new Uint8Array(out.buffer, out.byteOffset, count * 4).set(bytes);
      break;
    case 'F16':
      readF16(bytes, count, out);
      break;
    case 'BF16':
      readBf16(bytes, count, out);
      break;
    case 'Q8_0':
      readQ8(bytes, count, out);
      break;
    case 'Q4_0':
      readQ4(bytes, count, out);
      break;
    case 'Q6_K':
      readQ6K(bytes, count, out);
      break;
    default:
      throw new BitnetError('tensor/not-numeric', `${name}: ${dtype} elements cannot be read as weights`, {
        details: { tensor: name, dtype },
      });
  }
  return out;
}

function readF16(bytes: Uint8Array, count: number, out: Float32Array): void {
  const bits = new Uint32Array(out.buffer, out.byteOffset, count);
  for (let i = 0; i < count; i++) bits[i] = halfToFloatBits(bytes[2 * i]! | (bytes[2 * i + 1]! << 8));
}

function readBf16(bytes: Uint8Array, count: number, out: Float32Array): void {
  const bits = new Uint32Array(out.buffer, out.byteOffset, count);
  for (let i = 0; i < count; i++) bits[i] = (bytes[2 * i]! << 16) | (bytes[2 * i + 1]! << 24);
}

/** Blocks of 32: f16 d, int8 q[32]; x = d * q. */
function readQ8(bytes: Uint8Array, count: number, out: Float32Array): void {
  for (let from = 0, to = 0; to < count; from += 34, to += 32) {
    const d = halfAt(bytes, from);
    for (let i = 0; i < 32; i++) out[to + i] = d * signed(bytes[from + 2 + i]!);
  }
}

/** Blocks of 32: f16 d, q[16] with elements i in the low and i + 16 in the high nibble of byte i; x = d * (q - 8). */
function readQ4(bytes: Uint8Array, count: number, out: Float32Array): void {
  for (let from = 0, to = 0; to < count; from += 18, to += 32) {
    const d = halfAt(bytes, from);
    for (let i = 0; i < 16; i++) {
      const pair = bytes[from + 2 + i]!;
      out[to + i] = d * ((pair & 15) - 8);
      out[to + i + 16] = d * ((pair >> 4) - 8);
    }
  }
}

/**
 * Blocks of 256: ql[128], qh[64], int8 scales[16], f16 d. Each half of 128 elements has 64 bytes of ql (low nibbles:
 * elements 0..63, high nibbles: 64..127), 32 bytes of qh (four 2-bit fields for elements l, l+32, l+64, l+96) and 8
 * scales, one for 16 elements; x = d * scale * (q - 32).
 */
function readQ6K(bytes: Uint8Array, count: number, out: Float32Array): void {
  for (let from = 0, to = 0; to < count; from += 210, to += 256) {
    const d = halfAt(bytes, from + 208);
    for (let half = 0; half < 2; half++) {
      const ql = from + 64 * half;
      const qh = from + 128 + 32 * half;
      const scales = from + 192 + 8 * half;
      const at = to + 128 * half;
      for (let l = 0; l < 32; l++) {
        const high = bytes[qh + l]!;
        const low0 = bytes[ql + l]!;
        const low1 = bytes[ql + l + 32]!;
        const group = scales + (l >> 4);
        out[at + l] = d * signed(bytes[group]!) * (((low0 & 15) | ((high & 3) << 4)) - 32);
        out[at + l + 32] = d * signed(bytes[group + 2]!) * (((low1 & 15) | (((high >> 2) & 3) << 4)) - 32);
        out[at + l + 64] = d * signed(bytes[group + 4]!) * (((low0 >> 4) | (((high >> 4) & 3) << 4)) - 32);
        out[at + l + 96] = d * signed(bytes[group + 6]!) * (((low1 >> 4) | ((high >> 6) << 4)) - 32);
      }
    }
  }
}

function readI2s(bytes: Uint8Array, count: number, out: Float32Array, name: string): void {
  const codes = new Uint8Array(count);
  unpackI2s(bytes.subarray(0, count / 4), count, codes, name);
  const scale = i2sScale(bytes.subarray(bytes.length - I2S_TAIL_BYTES), name);
  for (let i = 0; i < count; i++) out[i] = (codes[i]! - 1) * scale;
}

function readTernaryBlocks(
  dtype: 'TQ1_0' | 'TQ2_0',
  bytes: Uint8Array,
  count: number,
  out: Float32Array,
  name: string,
): void {
  const codes = new Uint8Array(count);
  if (dtype === 'TQ1_0') unpackTq1(bytes, count, codes, name);
  else unpackTq2(bytes, count, codes, name);
  const step = dtype === 'TQ1_0' ? TQ1_BYTES : TQ2_BYTES;
  const scaleAt = dtype === 'TQ1_0' ? TQ1_SCALE_AT : TQ2_SCALE_AT;
  for (let from = scaleAt, to = 0; to < count; from += step) {
    const d = halfAt(bytes, from);
    for (const end = to + 256; to < end; to++) out[to] = (codes[to]! - 1) * d;
  }
}

function halfAt(bytes: Uint8Array, at: number): number {
  return halfToFloat(bytes[at]! | (bytes[at + 1]! << 8));
}

function signed(byte: number): number {
  return (byte << 24) >> 24;
}
