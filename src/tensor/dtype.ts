/**
 * The element types a tensor can have on disk, their block sizes and their lengths in bytes. Block layouts are those of
 * ggml (TQ1_0, TQ2_0, Q4_0, Q6_K, Q8_0) and of bitnet.cpp (I2_S, one float32 scale in a 32-byte tail behind the codes).
 * What the bytes mean is told in dequantize.ts and in the file of each ternary packing.
 */
import { BitnetError } from '../base/errors.ts';

/** Weights per block and bytes per block of every element type; I2_S has a tail of {@link I2S_TAIL_BYTES} more. */
const BLOCKS = {
  F64: { weights: 1, bytes: 8 },
  F32: { weights: 1, bytes: 4 },
  F16: { weights: 1, bytes: 2 },
  BF16: { weights: 1, bytes: 2 },
  I64: { weights: 1, bytes: 8 },
  U64: { weights: 1, bytes: 8 },
  I32: { weights: 1, bytes: 4 },
  U32: { weights: 1, bytes: 4 },
  I16: { weights: 1, bytes: 2 },
  U16: { weights: 1, bytes: 2 },
  I8: { weights: 1, bytes: 1 },
  U8: { weights: 1, bytes: 1 },
  BOOL: { weights: 1, bytes: 1 },
  Q4_0: { weights: 32, bytes: 18 },
  Q8_0: { weights: 32, bytes: 34 },
  Q6_K: { weights: 256, bytes: 210 },
  TQ1_0: { weights: 256, bytes: 54 },
  TQ2_0: { weights: 256, bytes: 66 },
  I2_S: { weights: 128, bytes: 32 },
} as const;

/** An element type by its usual name. */
export type DType = keyof typeof BLOCKS;

/** The types that hold ternary codes and their scale in one tensor. */
export type TernaryDType = 'I2_S' | 'TQ1_0' | 'TQ2_0';

/** Bytes that an I2_S tensor has behind its codes: one float32 scale and 28 unused bytes. */
export const I2S_TAIL_BYTES = 32;

/** All element types. */
export const DTYPES: readonly DType[] = Object.keys(BLOCKS) as DType[];

/** True for the types whose tensors are ternary codes with a scale. */
export function isTernary(dtype: DType): dtype is TernaryDType {
  return dtype === 'I2_S' || dtype === 'TQ1_0' || dtype === 'TQ2_0';
}

/** Weights per block: the innermost dimension of a tensor is a multiple of it. */
export function blockWeights(dtype: DType): number {
  return BLOCKS[dtype].weights;
}

/** Bytes per block. */
export function blockBytes(dtype: DType): number {
  return BLOCKS[dtype].bytes;
}

/**
 * How many elements a shape holds; 1 for the empty shape of a scalar.
 *
 * @throws BitnetError `tensor/bad-shape` when a dimension is no whole number or the product exceeds 2^53
 */
export function elementCount(shape: readonly number[], name = 'tensor'): number {
  let count = 1;
  for (const dim of shape) {
    if (!Number.isSafeInteger(dim) || dim < 0) throw badShape(name, shape, 'a dimension is no whole number');
    count *= dim;
    if (!Number.isSafeInteger(count)) throw badShape(name, shape, 'it has more than 2^53 elements');
  }
  return count;
}

/**
 * Bytes that a tensor of this type takes in a file.
 *
 * @param shape  row-major, outermost first: [M, K] for a matrix; the last one has to be a multiple of the block
 * @param name   the tensor's name, for messages
 * @throws BitnetError `tensor/bad-shape`
 */
export function byteLengthOf(dtype: DType, shape: readonly number[], name = 'tensor'): number {
  const count = elementCount(shape, name);
  const { weights, bytes } = BLOCKS[dtype];
  const innermost = shape.at(-1) ?? 1;
  if (innermost % weights !== 0) {
    throw badShape(name, shape, `${dtype} needs an innermost dimension that is a multiple of ${weights}`);
  }
  const length = (count / weights) * bytes + (dtype === 'I2_S' ? I2S_TAIL_BYTES : 0);
  if (!Number.isSafeInteger(length)) throw badShape(name, shape, 'it takes more than 2^53 bytes');
  return length;
}

function badShape(name: string, shape: readonly number[], why: string): BitnetError {
  return new BitnetError('tensor/bad-shape', `${name}: shape [${shape.join(', ')}] is impossible: ${why}`, {
    details: { tensor: name, shape },
  });
}
