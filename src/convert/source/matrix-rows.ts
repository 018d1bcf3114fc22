/**
 * Rows of a matrix of the source, read where they are asked for: ternary codes out of every packing, or float32 weights.
 * Only the pieces that are read are in memory, so a matrix may be of any size.
 */
import { readBytes } from '../../base/byte-source.ts';
import type { RopeStyle } from '../../kernels/kernels.ts';
import type { MatrixSource } from '../../model/loading/inventory.ts';
import { elementBytes } from '../../model/loading/load-programs.ts';
import { rowInOtherStyle } from '../../model/writing/rotation-order.ts';
import { absmeanCodes } from '../../tensor/absmean.ts';
import { dequantize } from '../../tensor/dequantize.ts';
import { unpackI2s } from '../../tensor/i2s.ts';
import { unpackPackedRows } from '../../tensor/packed-rows.ts';
import { unpackTernary } from '../../tensor/ternary-tensor.ts';

/** Reads rows [row0, row1) into `out`, which has room for them and starts at a multiple of 4 bytes. */
export interface Rows<T extends Uint8Array | Float32Array> {
  readonly rows: number;
  readonly columns: number;
  read(row0: number, row1: number, out: T): Promise<void>;
}

/** Codes of 0 to 2, one a byte. */
export type CodeRows = Rows<Uint8Array>;
/** Float32 weights. */
export type FloatRows = Rows<Float32Array>;

/**
 * The codes of a projection.
 *
 * @param divisor  what float weights are divided by before they are rounded (src/tensor/absmean.ts); codes ignore it
 */
export function codeRows(source: MatrixSource, divisor: number, signal?: AbortSignal): CodeRows {
  const { info, rows, columns } = source;
  const { name } = info;
  if (source.kind === 'packed') return packedCodes(source, signal);
  if (source.kind === 'ternary') {
    const rowBytes = elementBytes(source.dtype, columns);
    const read = async (row0: number, row1: number, out: Uint8Array) => {
      const count = (row1 - row0) * columns;
      const bytes = await readBytes(
        info.source,
        info.offset + row0 * rowBytes,
        (row1 - row0) * rowBytes,
        signal,
      );
      if (source.dtype === 'I2_S') unpackI2s(bytes, count, out, name);
      else unpackTernary(source.dtype, bytes, count, out, name);
    };
    return { rows, columns, read };
  }
  const floats = floatRows(source, signal);
  let weights = new Float32Array(0);
  const read = async (row0: number, row1: number, out: Uint8Array) => {
    const count = (row1 - row0) * columns;
    if (weights.length < count) weights = new Float32Array(count);
    const piece = weights.subarray(0, count);
    await floats.read(row0, row1, piece);
    absmeanCodes(piece, divisor, out);
  };
  return { rows, columns, read };
}

/** Four rows that lie a quarter of the matrix apart share a byte, so the bytes of any rows are at most two runs. */
function packedCodes({ info, rows, columns }: MatrixSource, signal: AbortSignal | undefined): CodeRows {
  const packedRows = info.shape[0]!;
  const read = async (row0: number, row1: number, out: Uint8Array) => {
    for (let row = row0; row < row1; ) {
      const from = row % packedRows;
      const field = Math.floor(row / packedRows);
      const count = Math.min(row1 - row, packedRows - from);
      const bytes = await readBytes(info.source, info.offset + from * columns, count * columns, signal);
      const codes = out.subarray((row - row0) * columns, (row - row0 + count) * columns);
      // As if the run were the whole matrix: row r of it is then in field 0, and `field` counts from there.
      unpackPackedRows(bytes, count, columns, field * count, (field + 1) * count, codes, info.name);
      row += count;
    }
  };
  return { rows, columns, read };
}

/** The weights of a table, of dense weights or of master weights. */
export function floatRows({ info, rows, columns }: MatrixSource, signal?: AbortSignal): FloatRows {
  const rowBytes = elementBytes(info.dtype, columns);
  const read = async (row0: number, row1: number, out: Float32Array) => {
    const bytes = await readBytes(
      info.source,
      info.offset + row0 * rowBytes,
      (row1 - row0) * rowBytes,
      signal,
    );
    dequantize(info.dtype, bytes, (row1 - row0) * columns, out, info.name);
  };
  return { rows, columns, read };
}

/** The weights that codes stand for. */
export function scaledRows(codes: CodeRows, scale: number): FloatRows {
  let scratch = new Uint8Array(0);
  const read = async (row0: number, row1: number, out: Float32Array) => {
    const count = (row1 - row0) * codes.columns;
    if (scratch.length < count) scratch = new Uint8Array(count);
    await codes.read(row0, row1, scratch);
    for (let i = 0; i < count; i++) out[i] = (scratch[i]! - 1) * scale;
  };
  return { rows: codes.rows, columns: codes.columns, read };
}

/** The rows of queries or keys in the order of a style of rotation, from the order of the other one. */
export function reorderedRows<T extends Uint8Array | Float32Array>(
  source: Rows<T>,
  headLength: number,
  style: RopeStyle,
  allocate: (length: number) => T,
): Rows<T> {
  const { rows, columns } = source;
  let heads = allocate(0);
  const read = async (row0: number, row1: number, out: T) => {
    // Rows change places within their head.
    const first = row0 - (row0 % headLength);
    const end = Math.ceil(row1 / headLength) * headLength;
    if (heads.length < (end - first) * columns) heads = allocate((end - first) * columns);
    await source.read(first, end, heads);
    for (let row = row0; row < row1; row++) {
      const from = (rowInOtherStyle(row, headLength, style) - first) * columns;
      out.set(heads.subarray(from, from + columns), (row - row0) * columns);
    }
  };
  return { rows, columns, read };
}
