/** Weights into the reference layout: one int8 per ternary weight, row after row; and the reading of dense rows. */
import { bfloat16ToFloat, halfToFloat } from '../../tensor/half.ts';
import { DenseFormat, denseRowBytes, rowStride } from '../kernels.ts';
import { roundTiesToEven } from './arithmetic.ts';
import type { Views } from './views.ts';

const f = Math.fround;

/** See Kernels.packTernary; `w` is i8 [M][K]. */
export function packTernary(
  { u8, i8 }: Views,
  w: number,
  codes: number,
  K: number,
  row0: number,
  row1: number,
): void {
  const count = (row1 - row0) * K;
  for (let i = 0; i < count; i++) i8[w + row0 * K + i] = u8[codes + i]! - 1;
}

/** See Kernels.packInt8Rows. */
export function packInt8Rows(
  views: Views,
  w: number,
  scales: number,
  source: number,
  format: DenseFormat,
  K: number,
  row0: number,
  row1: number,
): void {
  const row = new Float32Array(rowStride(K));
  for (let r = row0; r < row1; r++) {
    readDenseRow(views, source + (r - row0) * denseRowBytes(format, K), format, K, row);
    let largest = 0;
    for (const value of row) largest = Math.max(largest, Math.abs(value));
    const inverse = largest === 0 ? 0 : f(127 / largest);
    views.f32[scales / 4 + r] = f(largest / 127);
    for (let k = 0; k < row.length; k++) {
      views.i8[w + r * row.length + k] = Math.max(-127, Math.min(127, roundTiesToEven(f(row[k]! * inverse))));
    }
  }
}

/** Reads one dense row of K elements into `row` f32 [rowStride(K)], the pad zeroed. */
export function readDenseRow(
  views: Views,
  address: number,
  format: DenseFormat,
  K: number,
  row: Float32Array,
): void {
  row.fill(0);
  for (let k = 0; k < K; k++) row[k] = readDenseElement(views, address, format, k);
}

function readDenseElement(
  { f32, u16, u8, i8 }: Views,
  address: number,
  format: DenseFormat,
  k: number,
): number {
  switch (format) {
    case DenseFormat.F32:
      return f32[address / 4 + k]!;
    case DenseFormat.F16:
      return halfToFloat(u16[address / 2 + k]!);
    case DenseFormat.BF16:
      return bfloat16ToFloat(u16[address / 2 + k]!);
    case DenseFormat.Q8_0: {
      const block = address + Math.floor(k / 32) * 34;
      return f(halfToFloat(u8[block]! | (u8[block + 1]! << 8)) * i8[block + 2 + (k % 32)]!);
    }
  }
}
