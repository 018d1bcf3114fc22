/**
 * The tensors of the result, each made in pieces from rows of the source when it is written, so that memory does not
 * grow with the model. What a type cannot hold exactly is counted on the way (losses.ts).
 */
import { readBytes } from '../../base/byte-source.ts';
import type { TensorInfo } from '../../formats/tensor-info.ts';
import type { TensorOutput } from '../../formats/tensor-output.ts';
import { dequantize } from '../../tensor/dequantize.ts';
import { blockBytes, blockWeights, elementCount, type TernaryDType } from '../../tensor/dtype.ts';
import { encodeFloats, type FloatEncoding } from '../../tensor/encode.ts';
import { i2sTail } from '../../tensor/i2s.ts';
import { packTernaryRows } from '../../tensor/ternary-tensor.ts';
import type { Losses } from '../losses.ts';
import type { CodeRows, FloatRows } from '../source/matrix-rows.ts';

/** Weights of a piece, about. */
const PIECE_WEIGHTS = 2 ** 20;
/** Bytes that are copied at once. */
const COPY_BYTES = 2 ** 22;

/** Codes in a ternary type of GGUF. */
export function ternaryTensor(
  name: string,
  dtype: TernaryDType,
  codes: CodeRows,
  scale: number,
): TensorOutput {
  const { rows, columns } = codes;
  const data = async function* (): AsyncGenerator<Uint8Array> {
    const step = pieceRows(rows, columns);
    const scratch = new Uint8Array(step * columns);
    const packed = new Uint8Array(((step * columns) / blockWeights(dtype)) * blockBytes(dtype));
    for (let row = 0; row < rows; row += step) {
      const end = Math.min(row + step, rows);
      const count = (end - row) * columns;
      await codes.read(row, end, scratch);
      packTernaryRows(dtype, scratch, count, scale, packed, name);
      yield packed.subarray(0, (count / blockWeights(dtype)) * blockBytes(dtype));
    }
    if (dtype === 'I2_S') yield i2sTail(scale);
  };
  return { name, dtype, shape: [rows, columns], data };
}

/** Codes as Hugging Face packs them: U8 [ceil(rows / 4), columns], rows that lie a quarter apart in one byte. */
export function packedTensor(name: string, codes: CodeRows): TensorOutput {
  const { rows, columns } = codes;
  const packedRows = Math.ceil(rows / 4);
  const data = async function* (): AsyncGenerator<Uint8Array> {
    const step = pieceRows(packedRows, columns);
    const scratch = new Uint8Array(step * columns);
    for (let row = 0; row < packedRows; row += step) {
      const count = Math.min(step, packedRows - row);
      const packed = new Uint8Array(count * columns);
      for (let field = 0; field < 4; field++) {
        const first = field * packedRows + row;
        // The last rows may only fill up to a multiple of four, and are zeros then.
        const end = Math.min(first + count, rows);
        if (first >= end) continue;
        await codes.read(first, end, scratch);
        const length = (end - first) * columns;
        for (let i = 0; i < length; i++) packed[i] = packed[i]! | (scratch[i]! << (2 * field));
      }
      yield packed;
    }
  };
  return { name, dtype: 'U8', shape: [packedRows, columns], data };
}

/** Float weights in a float or block type. `kind` says what is lost where they have to be rounded. */
export function floatTensor(
  name: string,
  dtype: FloatEncoding,
  weights: FloatRows,
  losses: Losses,
  kind: 'tables' | 'weights',
): TensorOutput {
  const { rows, columns } = weights;
  const data = async function* (): AsyncGenerator<Uint8Array> {
    const step = pieceRows(rows, columns);
    const scratch = new Float32Array(step * columns);
    for (let row = 0; row < rows; row += step) {
      const end = Math.min(row + step, rows);
      const piece = scratch.subarray(0, (end - row) * columns);
      await weights.read(row, end, piece);
      const bytes = encodeFloats(dtype, piece, name);
      countRounded(name, dtype, piece, bytes, losses, kind);
      yield bytes;
    }
  };
  return { name, dtype, shape: [rows, columns], data };
}

function countRounded(
  name: string,
  dtype: FloatEncoding,
  weights: Float32Array,
  bytes: Uint8Array,
  losses: Losses,
  kind: 'tables' | 'weights',
): void {
  if (dtype === 'F32') return;
  const isBlock = dtype === 'Q8_0' || dtype === 'Q6_K';
  const changed = isBlock ? weights.length : changedCount(dtype, weights, bytes);
  const why = isBlock
    ? `are rounded to ${dtype} blocks`
    : `are not among the numbers that ${dtype} has, and rounded`;
  losses.add(isBlock ? 'quantised' : kind, `values of ${name}`, why, changed, weights.length);
}

function changedCount(dtype: FloatEncoding, weights: Float32Array, bytes: Uint8Array): number {
  const read = dequantize(dtype, bytes, weights.length);
  let changed = 0;
  for (let i = 0; i < read.length; i++) if (read[i] !== weights[i]) changed++;
  return changed;
}

/** The bytes of a tensor as they are. */
export function copiedTensor(name: string, info: TensorInfo, signal?: AbortSignal): TensorOutput {
  const data = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < info.byteLength; at += COPY_BYTES) {
      const length = Math.min(COPY_BYTES, info.byteLength - at);
      yield await readBytes(info.source, info.offset + at, length, signal);
    }
  };
  return { name, dtype: info.dtype, shape: info.shape, data };
}

/** A tensor that is at hand, such as a norm or a scale. */
export function smallTensor(
  name: string,
  dtype: 'F32' | 'F16' | 'BF16',
  values: Float32Array,
  shape: readonly number[] = [values.length],
): TensorOutput {
  return { name, dtype, shape, data: () => [encodeFloats(dtype, values, name)] };
}

/** The values of a norm as float32. */
export async function vectorValues(info: TensorInfo, signal?: AbortSignal): Promise<Float32Array> {
  const count = elementCount(info.shape, info.name);
  const bytes = await readBytes(info.source, info.offset, info.byteLength, signal);
  return dequantize(info.dtype, bytes, count, undefined, info.name);
}

/** The first of some types that holds all values exactly. */
export function exactType<T extends 'F32' | 'F16' | 'BF16'>(
  values: Float32Array,
  types: readonly T[],
): T | undefined {
  return types.find((dtype) => {
    if (dtype === 'F32') return true;
    try {
      return changedCount(dtype, values, encodeFloats(dtype, values, '')) === 0;
    } catch {
      // Infinite in this type.
      return false;
    }
  });
}

/** Rows of a piece of about {@link PIECE_WEIGHTS}. */
export function pieceRows(rows: number, columns: number): number {
  return Math.max(1, Math.min(rows, Math.floor(PIECE_WEIGHTS / columns)));
}
