/**
 * The weights of a parameter as the bytes of a tensor, a piece of rows at a time: rounded to a float type, or quantised
 * to the codes and the scale that the forward pass of training used (src/tensor/absmean.ts). Rows of queries and keys
 * come in the order that the rotation of the file's format asks for.
 */
import { BitnetError } from '../../base/errors.ts';
import type { TensorOutput } from '../../formats/tensor-output.ts';
import type { RopeStyle } from '../../kernels/kernels.ts';
import { rowInOtherStyle } from '../../model/writing/rotation-order.ts';
import { absmeanCodes, absmeanScale, sumOfMagnitudes } from '../../tensor/absmean.ts';
import { blockBytes, blockWeights } from '../../tensor/dtype.ts';
import { encodeFloats } from '../../tensor/encode.ts';
import { i2sTail } from '../../tensor/i2s.ts';
import { packTernaryRows } from '../../tensor/ternary-tensor.ts';
import type { Parameter } from '../model/parameters.ts';
import { dimsOf, type ModelToExport } from './model-to-export.ts';

/** Float types that weights can be written in. */
export type FloatType = 'F32' | 'F16' | 'BF16';
/** Ternary types that projections can be written in. */
export type TernaryType = 'I2_S' | 'TQ2_0';

/** How a parameter goes into a file. */
export interface TensorForm {
  /** In the file. */
  readonly name: string;
  readonly dtype: FloatType | TernaryType;
  /** Of the file's format. */
  readonly ropeStyle: RopeStyle;
  /** Whether float weights are what the codes of a ternary matrix stand for, rather than its latent weights. */
  readonly asQuantised: boolean;
}

/** Weights of a piece, about. */
const PIECE_WEIGHTS = 2 ** 18;

/**
 * A parameter as a tensor to be written. Its data may throw `tensor/not-finite`.
 */
export function tensorOf(model: ModelToExport, parameter: Parameter, form: TensorForm): TensorOutput {
  const { name, dtype } = form;
  const data = (): AsyncIterable<Uint8Array> =>
    dtype === 'I2_S' || dtype === 'TQ2_0'
      ? ternaryPieces(model, parameter, form, dtype)
      : floatPieces(model, parameter, form, dtype);
  return { name, dtype, shape: parameter.shape, data };
}

async function* floatPieces(
  model: ModelToExport,
  parameter: Parameter,
  form: TensorForm,
  dtype: FloatType,
): AsyncGenerator<Uint8Array> {
  const scale = form.asQuantised && parameter.isProjection ? await scaleOf(model, parameter) : undefined;
  const codes = new Uint8Array(scale === undefined ? 0 : pieceRows(parameter, model) * dimsOf(parameter)[1]);
  for await (const weights of rowPieces(model, parameter, form.ropeStyle)) {
    if (scale !== undefined) {
      absmeanCodes(weights, scale, codes);
      for (let i = 0; i < weights.length; i++) weights[i] = (codes[i]! - 1) * scale;
    }
    yield encodeFloats(dtype, weights, form.name);
  }
}

async function* ternaryPieces(
  model: ModelToExport,
  parameter: Parameter,
  form: TensorForm,
  dtype: TernaryType,
): AsyncGenerator<Uint8Array> {
  const scale = await scaleOf(model, parameter);
  const codes = new Uint8Array(pieceRows(parameter, model) * dimsOf(parameter)[1]);
  for await (const weights of rowPieces(model, parameter, form.ropeStyle)) {
    const count = weights.length;
    absmeanCodes(weights, scale, codes);
    const packed = new Uint8Array((count / blockWeights(dtype)) * blockBytes(dtype));
    packTernaryRows(dtype, codes, count, scale, packed, form.name);
    yield packed;
  }
  if (dtype === 'I2_S') yield i2sTail(scale);
}

/** The scale that training used, or else absmean of the matrix. */
async function scaleOf(model: ModelToExport, parameter: Parameter): Promise<number> {
  const given = model.scales?.get(parameter.name);
  if (given !== undefined) return given;
  let sum = 0;
  for await (const weights of rowPieces(model, parameter, model.described.config.ropeStyle)) {
    sum += sumOfMagnitudes(weights);
  }
  const [rows, columns] = dimsOf(parameter);
  return absmeanScale(sum, rows * columns, parameter.name);
}

/** The rows of a parameter in the order of a format; the array is used again for the next piece. */
async function* rowPieces(
  model: ModelToExport,
  parameter: Parameter,
  ropeStyle: RopeStyle,
): AsyncGenerator<Float32Array> {
  const { headLength, ropeStyle: ownStyle } = model.described.config;
  const isRotated = parameter.role === 'q' || parameter.role === 'k';
  const [rows, columns] = dimsOf(parameter);
  const step = pieceRows(parameter, model);
  const piece = new Float32Array(step * columns);
  for (let row0 = 0; row0 < rows; row0 += step) {
    const row1 = Math.min(row0 + step, rows);
    const weights = piece.subarray(0, (row1 - row0) * columns);
    await model.readRows(parameter, row0, row1, weights);
    if (!weights.every(Number.isFinite)) throw notFinite(parameter.name);
    if (isRotated && ropeStyle !== ownStyle) permuteHeads(weights, headLength, columns, ropeStyle);
    yield weights;
  }
}

/** Rows of a piece: whole heads, so that their rows can change places. */
function pieceRows(parameter: Parameter, model: ModelToExport): number {
  const [rows, columns] = dimsOf(parameter);
  const { headLength } = model.described.config;
  const heads = Math.max(1, Math.floor(PIECE_WEIGHTS / (columns * headLength)));
  return Math.min(rows, heads * headLength);
}

/** Puts the rows of every head, f32 [heads * headLength][columns], from the order of the other style of rotation into this one. */
function permuteHeads(weights: Float32Array, headLength: number, columns: number, to: RopeStyle): void {
  const rows = weights.slice();
  for (let row = 0; row * columns < rows.length; row++) {
    const source = rowInOtherStyle(row, headLength, to);
    weights.set(rows.subarray(source * columns, (source + 1) * columns), row * columns);
  }
}

function notFinite(name: string): BitnetError {
  return new BitnetError(
    'tensor/not-finite',
    `${name}: a weight is infinite or not a number, so the model is not written; export an earlier checkpoint`,
    { details: { tensor: name } },
  );
}
