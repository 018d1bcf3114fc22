/**
 * The first of the two passes of a conversion: what every projection of the source is and what a code of 1 stands for in
 * it. Codes have their scale in the file; master weights have to be read whole for their mean; dense weights are looked
 * at only to tell whether they are ternary already, each a multiple of one number.
 */

import { readBytes } from '../../base/byte-source.ts';
import { BitnetError } from '../../base/errors.ts';
import { readTensor, type TensorInfo } from '../../formats/tensor-info.ts';
import type { Inventory, MatrixSource } from '../../model/loading/inventory.ts';
import { elementBytes } from '../../model/loading/load-programs.ts';
import { absmeanScale, scaleInType, sumOfMagnitudes } from '../../tensor/absmean.ts';
import { dequantize } from '../../tensor/dequantize.ts';
import { blockWeights, I2S_TAIL_BYTES } from '../../tensor/dtype.ts';
import { i2sScale } from '../../tensor/i2s.ts';
import { ternaryScale } from '../../tensor/ternary-tensor.ts';
import { floatRows } from './matrix-rows.ts';

/** A projection and how its weights are to be taken. */
export interface SurveyedMatrix {
  readonly source: MatrixSource;
  /**
   * `codes`: the file has codes, or floats that are codes times one number; `masters`: latent weights that become codes
   * as in training; `dense`: weights of their own.
   */
  readonly meaning: 'codes' | 'masters' | 'dense';
  /** What a code of 1 stands for; not used for dense weights. */
  readonly scale: number;
  /** What float weights are divided by to become codes. */
  readonly divisor: number;
}

/** How to look at a model. */
export interface SurveyOptions {
  /** Whether dense weights may be made ternary: `no` leaves them, `if-exact` when nothing is lost, `always` by absmean. */
  readonly ternarise: 'no' | 'if-exact' | 'always';
  readonly onProgress?: (share: number) => void;
  readonly signal?: AbortSignal;
}

const PIECE_BYTES = 2 ** 22;

/**
 * Looks at all projections of a model.
 *
 * @throws BitnetError `tensor/…` for damaged tensors, or as the source
 */
export async function surveyProjections(
  inventory: Inventory,
  options: SurveyOptions,
): Promise<ReadonlyMap<MatrixSource, SurveyedMatrix>> {
  const sources = inventory.layers.flatMap((layer) => Object.values(layer.matrices));
  const total = sources.reduce((sum, { info }) => sum + info.byteLength, 0);
  const surveyed = new Map<MatrixSource, SurveyedMatrix>();
  let done = 0;
  let hasDense = false;
  for (const source of sources) {
    options.signal?.throwIfAborted();
    // One matrix that is not ternary makes the model a dense one; the others need no look then.
    const ternarise = hasDense && options.ternarise === 'if-exact' ? 'no' : options.ternarise;
    const found = await surveyMatrix(source, { ...options, ternarise });
    hasDense ||= found.meaning === 'dense';
    surveyed.set(source, found);
    done += source.info.byteLength;
    options.onProgress?.(done / total);
  }
  return surveyed;
}

async function surveyMatrix(source: MatrixSource, options: SurveyOptions): Promise<SurveyedMatrix> {
  const { signal } = options;
  if (source.kind === 'ternary' || source.kind === 'packed') {
    const scale =
      source.kind === 'packed' ? await packedScale(source, signal) : await scaleOfCodes(source, signal);
    return { source, meaning: 'codes', scale, divisor: 1 };
  }
  if (source.kind === 'masters') return { source, meaning: 'masters', ...(await measured(source, signal)) };
  const dense = { source, meaning: 'dense', scale: 1, divisor: 1 } as const;
  if (options.ternarise === 'no') return dense;
  const magnitude = await commonMagnitude(source, signal);
  // A matrix of zeros is ternary by any number.
  if (magnitude !== undefined) {
    return { source, meaning: 'codes', scale: magnitude, divisor: magnitude === 0 ? 1 : magnitude };
  }
  if (options.ternarise === 'if-exact') return dense;
  return { source, meaning: 'masters', ...(await measured(source, signal)) };
}

async function packedScale(
  source: MatrixSource & { kind: 'packed' },
  signal: AbortSignal | undefined,
): Promise<number> {
  const stored = await scalarOf(source.scale, signal);
  return finite(source.divide ? Math.fround(1 / stored) : stored, source.scale.name);
}

async function scaleOfCodes(
  source: MatrixSource & { kind: 'ternary' },
  signal: AbortSignal | undefined,
): Promise<number> {
  const { info, dtype, extraScale } = source;
  const scale =
    dtype === 'I2_S'
      ? i2sScale(await readBytes(info.source, tailAt(info), I2S_TAIL_BYTES, signal), info.name)
      : await blocksScale(source, dtype, signal);
  if (extraScale === undefined) return scale;
  return finite(Math.fround(scale * (await scalarOf(extraScale, signal))), extraScale.name);
}

function tailAt({ offset, byteLength }: TensorInfo): number {
  return offset + byteLength - I2S_TAIL_BYTES;
}

/** The scale that all blocks share which hold other weights than zero. */
async function blocksScale(
  source: MatrixSource,
  dtype: 'TQ1_0' | 'TQ2_0',
  signal: AbortSignal | undefined,
): Promise<number> {
  const { info, columns } = source;
  let common = 0;
  for (const [row0, row1] of rowPieces(source)) {
    const bytes = await readRows(source, row0, row1, signal);
    const scale = ternaryScale(dtype, bytes, (row1 - row0) * columns, info.name);
    if (scale === 0 || scale === common) continue;
    if (common !== 0) {
      throw new BitnetError(
        'tensor/mixed-scales',
        `${info.name}: rows ${row0} to ${row1} have the scale ${scale} where earlier ones have ${common}; only models with ` +
          'one scale per tensor (BitNet b1.58) are supported',
        { details: { tensor: info.name } },
      );
    }
    common = scale;
  }
  return common;
}

/** Mean of |w|, summed row by row as the loader does it, so that codes are the same bit for bit. */
async function measured(
  source: MatrixSource,
  signal: AbortSignal | undefined,
): Promise<{ scale: number; divisor: number }> {
  const { info, rows, columns } = source;
  const weights = new Float32Array(columns);
  const rowBytes = elementBytes(info.dtype, columns);
  let sum = 0;
  for (const [row0, row1] of rowPieces(source)) {
    const bytes = await readRows(source, row0, row1, signal);
    for (let row = 0; row < row1 - row0; row++) {
      const from = bytes.subarray(row * rowBytes, (row + 1) * rowBytes);
      sum += sumOfMagnitudes(dequantize(info.dtype, from, columns, weights, info.name));
    }
  }
  const divisor = absmeanScale(sum, rows * columns, info.name);
  return { divisor, scale: scaleInType(info.dtype, divisor) };
}

/** The number that all weights but zeros are plus or minus of; undefined when there is none. */
async function commonMagnitude(
  source: MatrixSource,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  const rows = floatRows(source, signal);
  let common = 0;
  for (const [row0, row1] of rowPieces(source)) {
    const weights = new Float32Array((row1 - row0) * source.columns);
    await rows.read(row0, row1, weights);
    for (const weight of weights) {
      const magnitude = Math.abs(weight);
      if (magnitude === 0 || magnitude === common) continue;
      if (common !== 0 || !Number.isFinite(magnitude)) return undefined;
      common = magnitude;
    }
  }
  return common;
}

function readRows(source: MatrixSource, row0: number, row1: number, signal: AbortSignal | undefined) {
  const { info, columns } = source;
  const rowBytes = elementBytes(info.dtype, columns);
  return readBytes(info.source, info.offset + row0 * rowBytes, (row1 - row0) * rowBytes, signal);
}

/** Rows that are read at once. */
function rowPieces({ rows, columns, info }: MatrixSource): [row0: number, row1: number][] {
  const rowBytes = Math.max(1, elementBytes(info.dtype, columns), 4 * columns);
  const step = Math.max(1, Math.floor(PIECE_BYTES / rowBytes));
  return Array.from({ length: Math.ceil(rows / step) }, (_, i) => [i * step, Math.min((i + 1) * step, rows)]);
}

async function scalarOf(info: TensorInfo, signal: AbortSignal | undefined): Promise<number> {
  const [value] = dequantize(info.dtype, await readTensor(info, signal), 1, undefined, info.name);
  return value!;
}

function finite(scale: number, name: string): number {
  if (Number.isFinite(scale)) return scale;
  throw new BitnetError(
    'tensor/bad-scale',
    `${name}: it makes the scale of its matrix ${scale}, with which nothing can be computed; the file is damaged`,
    { details: { tensor: name } },
  );
}

/** Why rows of a matrix do not fit the blocks of a type; undefined when they do. */
export function misfit(source: MatrixSource, dtype: Parameters<typeof blockWeights>[0]): string | undefined {
  const block = blockWeights(dtype);
  if (source.columns % block === 0) return undefined;
  return `${source.info.name} has rows of ${source.columns} weights, and ${dtype} takes multiples of ${block}`;
}
