/**
 * Keys and values in the blocks of a KV cache: how the reference backend writes and reads them. A block holds 64
 * positions of all layers; a sequence's blocks are found by a table of their addresses (docs/architecture.md).
 */
import { floatToHalf, halfToFloat } from '../../tensor/half.ts';
import { ATTENTION_BLOCK, KvFormat, kvHeadBytes, rowStride } from '../kernels.ts';
import { roundTiesToEven } from './arithmetic.ts';
import type { Views } from './views.ts';

const f = Math.fround;

/** See Kernels.storeKv. */
export function storeKv(
  views: Views,
  blocks: number,
  offset: number,
  format: KvFormat,
  x: number,
  tokenStride: number,
  headStride: number,
  kvHeads: number,
  headLength: number,
  position: number,
  t0: number,
  t1: number,
): void {
  const { f32, u16 } = views;
  for (let t = t0; t < t1; t++) {
    for (let h = 0; h < kvHeads; h++) {
      const from = x / 4 + t * tokenStride + h * headStride;
      const head = kvHeadAddress(views, blocks, offset, format, headLength, position + t, h);
      const row = (position + t) % ATTENTION_BLOCK;
      const start = row * rowStride(headLength);
      if (format === KvFormat.Q8) {
        storeQ8(views, head, row, from, headLength);
        continue;
      }
      for (let i = 0; i < headLength; i++) {
        if (format === KvFormat.F16) u16[head / 2 + start + i] = floatToHalf(f32[from + i]!);
        else f32[head / 4 + start + i] = f32[from + i]!;
      }
    }
  }
}

/** One row of int8 with its scale; `from` is an index of f32. */
function storeQ8({ f32, i8 }: Views, head: number, row: number, from: number, headLength: number): void {
  const padded = rowStride(headLength);
  let largest = 0;
  for (let i = 0; i < headLength; i++) largest = Math.max(largest, Math.abs(f32[from + i]!));
  const inverse = largest === 0 ? 0 : f(127 / largest);
  f32[(head + ATTENTION_BLOCK * padded) / 4 + row] = f(largest / 127);
  for (let i = 0; i < headLength; i++) {
    const rounded = roundTiesToEven(f(f32[from + i]! * inverse));
    i8[head + row * padded + i] = Math.max(-127, Math.min(127, rounded));
  }
}

/** Reads the D elements of a row of a kv head's keys or values at `head` into `to`. */
export function readKvRow(
  { f32, u16, i8 }: Views,
  head: number,
  format: KvFormat,
  headLength: number,
  row: number,
  to: Float32Array,
): void {
  const padded = rowStride(headLength);
  const start = row * padded;
  const scale = format === KvFormat.Q8 ? f32[(head + ATTENTION_BLOCK * padded) / 4 + row]! : 1;
  for (let i = 0; i < headLength; i++) {
    if (format === KvFormat.Q8) to[i] = i8[head + start + i]! * scale;
    else if (format === KvFormat.F16) to[i] = halfToFloat(u16[head / 2 + start + i]!);
    else to[i] = f32[head / 4 + start + i]!;
  }
}

/** Where a kv head's 64 keys (or values) lie that the one of `position` is among. */
export function kvHeadAddress(
  { f64 }: Views,
  blocks: number,
  offset: number,
  format: KvFormat,
  headLength: number,
  position: number,
  kvHead: number,
): number {
  const block = f64[blocks / 8 + Math.floor(position / ATTENTION_BLOCK)]!;
  return block + offset + kvHead * kvHeadBytes(format, headLength);
}
