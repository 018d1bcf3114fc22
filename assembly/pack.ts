// Weights into the layouts of this backend.
//
// Ternary tile: 4 rows by 64 columns in 64 bytes. Row r of the tile has the 16 bytes at 16 * r; field f (bits 2f, 2f+1)
// of its byte j is the code (weight + 1) of column 16 * f + j. Tiles follow each other along K, then along the rows, so
// a matrix is read as one sequential stream.
import { denseRowBytes, expandRow } from './rows';
import { rowStride } from './lanes';

// @ts-ignore: decorator
@inline function tileStride(K: i32): usize {
  // bytes of four rows
  return <usize>((K + 63) & ~63);
}

export function ternaryBytes(M: i32, K: i32): usize {
  return <usize>((M + 3) >> 2) * tileStride(K);
}

/** Sixteen bytes of a tile from the 64 codes of a row. */
// @ts-ignore: decorator
@inline function strip(codes: usize): v128 {
  const low = v128.or(v128.load(codes), i16x8.shl(v128.load(codes, 16), 2));
  const high = v128.or(i16x8.shl(v128.load(codes, 32), 4), i16x8.shl(v128.load(codes, 48), 6));
  return v128.or(low, high);
}

/** The strip of the last columns, fewer than 64, of a row; codes behind the row count as 0. */
function lastStrip(to: usize, codes: usize, columns: usize): void {
  for (let j: usize = 0; j < 16; j++) {
    let byte: u32 = 0;
    for (let f: usize = 0; f < 4; f++) {
      const column: usize = 16 * f + j;
      if (column < columns) byte |= <u32>load<u8>(codes + column) << (<u32>f << 1);
    }
    store<u8>(to + j, <u8>byte);
  }
}

/** Whole tiles are written a cache line at a time; rows of a part of a tile leave its other rows alone. */
export function packTernary(w: usize, codes: usize, K: i32, row0: i32, row1: i32): void {
  const columns = <usize>K, whole = columns & ~63;
  let r = <usize>row0;
  for (; (r & 3) == 0 && r + 4 <= <usize>row1; r += 4, codes += 4 * columns) {
    let to = w + (r >> 2) * tileStride(K);
    for (let from = codes, end = codes + whole; from < end; from += 64, to += 64) {
      v128.store(to, strip(from));
      v128.store(to, strip(from + columns), 16);
      v128.store(to, strip(from + 2 * columns), 32);
      v128.store(to, strip(from + 3 * columns), 48);
    }
    if (whole < columns) {
      for (let i: usize = 0; i < 4; i++) lastStrip(to + 16 * i, codes + i * columns + whole, columns - whole);
    }
  }
  for (; r < <usize>row1; r++, codes += columns) {
    let to = w + (r >> 2) * tileStride(K) + ((r & 3) << 4);
    for (let from = codes, end = codes + whole; from < end; from += 64, to += 64) v128.store(to, strip(from));
    if (whole < columns) lastStrip(to, codes + whole, columns - whole);
  }
}

/** `scratch` holds one expanded row, f32 [rowStride(K)]. */
export function packInt8Rows(
  w: usize, scales: usize, source: usize, format: i32, K: i32, row0: i32, row1: i32, scratch: usize,
): void {
  const bytes = denseRowBytes(format, K);
  const stride = <usize>rowStride(K);
  for (let r = <usize>row0; r < <usize>row1; r++, source += bytes) {
    expandRow(scratch, source, format, 1, K);
    let largest = f32x4.splat(0);
    for (let k: usize = 0; k < stride; k += 4) largest = f32x4.max(largest, f32x4.abs(v128.load(scratch + (k << 2))));
    largest = f32x4.max(largest, v128.shuffle<f32>(largest, largest, 2, 3, 0, 1));
    const most = max<f32>(f32x4.extract_lane(largest, 0), f32x4.extract_lane(largest, 1));
    const inverse = f32x4.splat(most == 0 ? 0 : <f32>127 / most);
    store<f32>(scales + (r << 2), most / <f32>127);
    const to = w + r * stride;
    for (let k: usize = 0; k < stride; k += 16) {
      const from = scratch + (k << 2);
      const a = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(from), inverse)));
      const b = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(from, 16), inverse)));
      const c = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(from, 32), inverse)));
      const d = i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(from, 48), inverse)));
      const q = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d));
      v128.store(to + k, i8x16.max_s(q, i8x16.splat(-127)));
    }
  }
}
