/**
 * The output head's screen on the reference backend: a 4-bit plane of its rows, coarse scores from it, exact scores of
 * chosen rows, and the choice of rows. The plane is one int8 per code here.
 */
import { type DenseFormat, denseRowBytes, int4ErrorFactors, rowStride } from '../kernels.ts';
import { dotLanes, roundTiesToEven } from './arithmetic.ts';
import { readDenseRow } from './pack.ts';
import type { Views } from './views.ts';

const f = Math.fround;

/** See Kernels.int4Bytes. */
export function int4Bytes(M: number, K: number): number {
  return M * rowStride(K);
}

/** See Kernels.packInt4Rows; `w` is i8 [M][rowStride(K)]. */
export function packInt4Rows(
  views: Views,
  w: number,
  scales: number,
  errors: number,
  source: number,
  format: DenseFormat,
  K: number,
  row0: number,
  row1: number,
): void {
  const stride = rowStride(K);
  const row = new Float32Array(stride);
  const residual = new Float32Array(stride);
  for (let r = row0; r < row1; r++) {
    readDenseRow(views, source + (r - row0) * denseRowBytes(format, K), format, K, row);
    let largest = 0;
    for (const value of row) largest = Math.max(largest, Math.abs(value));
    const step = f(largest / 7.5);
    const inverse = largest < f(1e-30) ? 0 : f(7.5 / largest);
    for (let k = 0; k < stride; k++) {
      const code = Math.max(-8, Math.min(7, roundTiesToEven(f(row[k]! * inverse))));
      views.i8[w + r * stride + k] = code;
      residual[k] = row[k]! - f(code * step);
    }
    views.f32[scales / 4 + r] = step;
    views.f32[errors / 4 + r] = rowError(row, residual, step, K);
  }
}

function rowError(row: Float32Array, residual: Float32Array, step: number, K: number): number {
  const { rounding, activation, alignment } = int4ErrorFactors(K);
  const sum = (a: Float32Array, b: Float32Array) => dotLanes(a, 0, b, 0, row.length);
  const length = f(Math.sqrt(sum(row, row)));
  const noise = Math.max(f(Math.sqrt(sum(residual, residual))), f(step * rounding));
  const aligned = length === 0 ? 0 : f(Math.abs(sum(residual, row)) / length);
  return f(f(noise + f(length * activation)) + f(aligned * alignment));
}

/** See Kernels.denseRows. */
export function denseRows(
  views: Views,
  out: number,
  x: number,
  w: number,
  format: DenseFormat,
  K: number,
  ids: number,
  n0: number,
  n1: number,
): void {
  const { f32, i32 } = views;
  const row = new Float32Array(rowStride(K));
  const input = f32.slice(x / 4, x / 4 + row.length);
  for (let n = n0; n < n1; n++) {
    readDenseRow(views, w + i32[ids / 4 + n]! * denseRowBytes(format, K), format, K, row);
    f32[out / 4 + n] = dotLanes(row, 0, input, 0, row.length);
  }
}

/** See Kernels.selectTop. */
export function selectTop(
  { f32, i32 }: Views,
  ids: number,
  scores: number,
  count: number,
  r0: number,
  r1: number,
): number {
  const rows = Array.from({ length: r1 - r0 }, (_, i) => r0 + i);
  const scoreOf = (id: number) => f32[scores / 4 + id]!;
  // Equal infinities have no difference.
  rows.sort((a, b) => (scoreOf(a) === scoreOf(b) ? a - b : scoreOf(b) - scoreOf(a)));
  const chosen = rows.slice(0, count);
  i32.set(chosen, ids / 4);
  return chosen.length;
}

/** See Kernels.selectAbove. */
export function selectAbove(
  { f32, i32 }: Views,
  ids: number,
  scores: number,
  errors: number,
  factor: number,
  threshold: number,
  capacity: number,
  r0: number,
  r1: number,
): number {
  let count = 0;
  for (let r = r0; r < r1; r++) {
    const bound = f(f32[scores / 4 + r]! + f(f32[errors / 4 + r]! * f(factor)));
    if (bound < f(threshold)) continue;
    if (count < capacity) i32[ids / 4 + count] = r;
    count++;
  }
  return count;
}
