// Operands of the f32 products, copied into the order in which the inner loop reads them, zero where a tile is larger
// than what is left of them.
import { TILE_COLUMNS, TILE_ROWS } from './tile';

/** Copies vectors `from` + k * `step` bytes, `count` values of each, to entries of `width` values. */
// @ts-ignore: decorator
@inline function copyEntries(to: usize, width: usize, from: usize, step: usize, count: usize, depth: usize): void {
  const end = to + (depth * width << 2);
  if (count == width) {
    for (; to < end; to += width << 2, from += step) {
      v128.store(to, v128.load(from));
      if (width == 8) v128.store(to, v128.load(from, 16), 16);
    }
    return;
  }
  for (; to < end; to += width << 2, from += step) {
    for (let i: usize = 0; i < width; i++) store<f32>(to + (i << 2), i < count ? load<f32>(from + (i << 2)) : 0);
  }
}

/** Four values of four vectors that are `step` bytes apart, as four entries that are `bytes` apart. */
// @ts-ignore: decorator
@inline function turnFour(to: usize, bytes: usize, from: usize, step: usize): void {
  const a = v128.load(from), b = v128.load(from + step), c = v128.load(from + 2 * step), d = v128.load(from + 3 * step);
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  v128.store(to, v128.shuffle<f64>(ab, cd, 0, 2));
  v128.store(to + bytes, v128.shuffle<f64>(ab, cd, 1, 3));
  const AB = v128.shuffle<f32>(a, b, 2, 6, 3, 7), CD = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to + 2 * bytes, v128.shuffle<f64>(AB, CD, 0, 2));
  v128.store(to + 3 * bytes, v128.shuffle<f64>(AB, CD, 1, 3));
}

/** Entry k takes value k of each of `count` vectors that are `step` bytes apart. */
// @ts-ignore: decorator
@inline function turnEntries(to: usize, width: usize, from: usize, step: usize, count: usize, depth: usize): void {
  const bytes = width << 2;
  let k: usize = 0;
  if (count == width) {
    for (; k + 4 <= depth; k += 4) {
      turnFour(to + k * bytes, bytes, from + (k << 2), step);
      if (width == 8) turnFour(to + k * bytes + 16, bytes, from + (k << 2) + 4 * step, step);
    }
  }
  for (; k < depth; k++) {
    for (let i: usize = 0; i < width; i++) {
      store<f32>(to + k * bytes + (i << 2), i < count ? load<f32>(from + i * step + (k << 2)) : 0);
    }
  }
}

/** A panel [depth][4] of `rows` rows: of a [rows][depth], or of a [depth][rows] when it is read transposed. */
export function packPanel(to: usize, a: usize, lda: usize, isTransposed: bool, rows: usize, depth: usize): void {
  if (isTransposed) copyEntries(to, TILE_ROWS, a, lda, rows, depth);
  else turnEntries(to, TILE_ROWS, a, lda, rows, depth);
}

/** A strip [depth][8] of `columns` columns: of b [depth][columns], or of b [columns][depth] when it is read transposed. */
export function packStrip(to: usize, b: usize, ldb: usize, isTransposed: bool, columns: usize, depth: usize): void {
  if (isTransposed) turnEntries(to, TILE_COLUMNS, b, ldb, columns, depth);
  else copyEntries(to, TILE_COLUMNS, b, ldb, columns, depth);
}
