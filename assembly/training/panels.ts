// Operands of the f32 products, copied into the order in which the inner loop reads them, zero where a tile is larger
// than what is left of them. `depth` is even; `filled` of it are there.
import { TILE_COLUMNS, TILE_ROWS } from './tile';

/** Zeroes entries [filled, depth) of a panel or strip with `width` values each. */
function padDepth(to: usize, width: usize, filled: usize, depth: usize): void {
  memory.fill(to + (filled * width << 2), 0, (depth - filled) * width << 2);
}

/** Copies vectors `from` + k * `step` bytes, `count` values of each, to entries of `width` values. */
// @ts-ignore: decorator
@inline function copyEntries(to: usize, width: usize, from: usize, step: usize, count: usize, filled: usize): void {
  const end = to + (filled * width << 2);
  if (count == width) {
    for (; to < end; to += width << 2, from += step) {
      v128.store(to, v128.load(from));
      if (width == 6) store<u64>(to, load<u64>(from, 16), 16);
      if (width == 8) v128.store(to, v128.load(from, 16), 16);
    }
    return;
  }
  for (; to < end; to += width << 2, from += step) {
    for (let i: usize = 0; i < width; i++) store<f32>(to + (i << 2), i < count ? load<f32>(from + (i << 2)) : 0);
  }
}

/** Entry k takes value k of each of `count` vectors that are `step` bytes apart. */
// @ts-ignore: decorator
@inline function turnEntries(to: usize, width: usize, from: usize, step: usize, count: usize, filled: usize): void {
  const end = from + (filled << 2);
  for (let i: usize = 0; i < width; i++) {
    let entry = to + (i << 2), value = from + i * step;
    for (const last = end + i * step; value < last; value += 4, entry += width << 2) {
      store<f32>(entry, i < count ? load<f32>(value) : 0);
    }
  }
}

/** Four values of four vectors that are `step` bytes apart, as column `to` of four entries of a strip. */
// @ts-ignore: decorator
@inline function turnFour(to: usize, from: usize, step: usize): void {
  const a = v128.load(from), b = v128.load(from + step), c = v128.load(from + 2 * step), d = v128.load(from + 3 * step);
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5), cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  const AB = v128.shuffle<f32>(a, b, 2, 6, 3, 7), CD = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f64>(ab, cd, 0, 2));
  v128.store(to, v128.shuffle<f64>(ab, cd, 1, 3), 32);
  v128.store(to, v128.shuffle<f64>(AB, CD, 0, 2), 64);
  v128.store(to, v128.shuffle<f64>(AB, CD, 1, 3), 96);
}

/** A panel [depth][TILE_ROWS] of `rows` rows: of a [rows][filled], or of a [filled][rows] when it is read transposed. */
export function packPanel(
  to: usize, a: usize, lda: usize, isTransposed: bool, rows: usize, filled: usize, depth: usize,
): void {
  if (isTransposed) copyEntries(to, TILE_ROWS, a, lda, rows, filled);
  else turnEntries(to, TILE_ROWS, a, lda, rows, filled);
  padDepth(to, TILE_ROWS, filled, depth);
}

/** A strip [depth][8] of `columns` columns: of b [filled][columns], or of b [columns][filled] when read transposed. */
export function packStrip(
  to: usize, b: usize, ldb: usize, isTransposed: bool, columns: usize, filled: usize, depth: usize,
): void {
  if (!isTransposed) {
    copyEntries(to, TILE_COLUMNS, b, ldb, columns, filled);
  } else if (columns == TILE_COLUMNS) {
    const turned = filled & ~3;
    for (let k: usize = 0; k < turned; k += 4) {
      turnFour(to + (k << 5), b + (k << 2), ldb);
      turnFour(to + (k << 5) + 16, b + (k << 2) + 4 * ldb, ldb);
    }
    turnEntries(to + (turned << 5), TILE_COLUMNS, b + (turned << 2), ldb, columns, filled - turned);
  } else {
    turnEntries(to, TILE_COLUMNS, b, ldb, columns, filled);
  }
  padDepth(to, TILE_COLUMNS, filled, depth);
}
