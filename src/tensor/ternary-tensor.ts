/**
 * The three GGUF ternary types behind one door: codes and the single scale of a whole tensor. BitNet has one scale per
 * tensor, and kernels rely on it; the block types could hold one per 256 weights, which is refused here rather than
 * averaged. Hugging Face's packed bytes (packed-rows.ts) and master weights (absmean.ts) are read elsewhere.
 */
import { BitnetError } from '../base/errors.ts';
import { byteLengthOf, I2S_TAIL_BYTES, type TernaryDType } from './dtype.ts';
import { floatToHalf, halfToFloat } from './half.ts';
import { i2sScale, i2sTail, packI2s, unpackI2s } from './i2s.ts';
import { checkPackedLength } from './ternary-code.ts';
import { isTq1BlockZero, packTq1, TQ1_BYTES, TQ1_SCALE_AT, unpackTq1 } from './tq1.ts';
import { isTq2BlockZero, packTq2, TQ2_BYTES, TQ2_SCALE_AT, unpackTq2 } from './tq2.ts';

/**
 * Unpacks a whole ternary tensor, one code (w + 1) per byte.
 *
 * @param bytes  the tensor as it lies in the file, I2_S with its tail
 * @param count  weights of the tensor
 * @param codes  u8 [count], overwritten; starts at a multiple of 4 bytes
 * @throws BitnetError `tensor/bad-code`, `tensor/byte-length`, `tensor/bad-shape`
 */
export function unpackTernary(
  dtype: TernaryDType,
  bytes: Uint8Array,
  count: number,
  codes: Uint8Array,
  name: string,
): void {
  checkPackedLength(bytes, byteLengthOf(dtype, [count], name), `${count} ${dtype} weights`, name);
  if (dtype === 'I2_S') unpackI2s(bytes.subarray(0, count / 4), count, codes, name);
  else if (dtype === 'TQ1_0') unpackTq1(bytes, count, codes, name);
  else unpackTq2(bytes, count, codes, name);
}

/**
 * Packs codes into a whole tensor; the inverse of {@link unpackTernary} and {@link ternaryScale}.
 *
 * @param scale  rounded to f16 by the block types, kept as float32 by I2_S
 * @throws BitnetError `tensor/bad-code`, `tensor/bad-shape`
 */
export function packTernary(
  dtype: TernaryDType,
  codes: Uint8Array,
  scale: number,
  name: string,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(byteLengthOf(dtype, [codes.length], name));
  packTernaryRows(dtype, codes, codes.length, scale, bytes, name);
  if (dtype === 'I2_S') bytes.set(i2sTail(scale), codes.length / 4);
  return bytes;
}

/**
 * Packs some rows of a tensor, for one that is written in pieces; I2_S without its tail, which i2sTail makes.
 *
 * @param codes   u8 [count], count a multiple of the block; starts at a multiple of 4 bytes
 * @param packed  overwritten from its start
 * @throws BitnetError `tensor/bad-code`
 */
export function packTernaryRows(
  dtype: TernaryDType,
  codes: Uint8Array,
  count: number,
  scale: number,
  packed: Uint8Array,
  name: string,
): void {
  if (dtype === 'I2_S') packI2s(codes, count, packed, name);
  else if (dtype === 'TQ1_0') packTq1(codes, count, floatToHalf(scale), packed, name);
  else packTq2(codes, count, floatToHalf(scale), packed, name);
}

/**
 * The one scale of a ternary tensor: weight = (code - 1) * scale. Blocks of nothing but zeros may carry any scale; a
 * tensor of nothing but zeros has the scale 0 in the block types.
 *
 * @param bytes  the tensor as it lies in the file, I2_S with its tail
 * @throws BitnetError `tensor/mixed-scales` when blocks with non-zero weights disagree, `tensor/bad-scale` when the scale
 *   is not finite, `tensor/byte-length`, `tensor/bad-shape`
 */
export function ternaryScale(dtype: TernaryDType, bytes: Uint8Array, count: number, name: string): number {
  checkPackedLength(bytes, byteLengthOf(dtype, [count], name), `${count} ${dtype} weights`, name);
  if (dtype === 'I2_S') return i2sScale(bytes.subarray(bytes.length - I2S_TAIL_BYTES), name);
  return blockScale(dtype, bytes, name);
}

function blockScale(dtype: 'TQ1_0' | 'TQ2_0', bytes: Uint8Array, name: string): number {
  const step = dtype === 'TQ1_0' ? TQ1_BYTES : TQ2_BYTES;
  const scaleAt = dtype === 'TQ1_0' ? TQ1_SCALE_AT : TQ2_SCALE_AT;
  const scratch = new Uint32Array(5);
  let common = -1;
  for (let from = 0; from < bytes.length; from += step) {
    const half = bytes[from + scaleAt]! | (bytes[from + scaleAt + 1]! << 8);
    if (half === common) continue;
    const isZero = dtype === 'TQ1_0' ? isTq1BlockZero(bytes, from, scratch) : isTq2BlockZero(bytes, from);
    if (isZero) continue;
    if (common !== -1) throw mixedScales(name, from / step, halfToFloat(common), halfToFloat(half));
    common = half;
  }
  const scale = common === -1 ? 0 : halfToFloat(common);
  if (!Number.isFinite(scale)) {
    throw new BitnetError('tensor/bad-scale', `${name}: its scale is ${scale}, not a finite number`, {
      details: { tensor: name },
    });
  }
  return scale;
}

function mixedScales(name: string, block: number, first: number, other: number): BitnetError {
  return new BitnetError(
    'tensor/mixed-scales',
    `${name}: block ${block} has the scale ${other} where earlier blocks have ${first}; models with a scale per group of ` +
      'weights are not supported, only those with one scale per tensor (BitNet b1.58)',
    { details: { tensor: name, block, first, other } },
  );
}
