// f32 products of training (after Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008): a
// block of b is packed into strips that stay in the second cache, a panel of a into one that stays in the first, and
// tiles of the result are summed in registers. The sum of an element is the sums of blocks of DEPTH in their order,
// wherever its tile lies.
import { packPanel, packStrip } from './panels';
import { multiplyTile, TILE_COLUMNS, TILE_ROWS } from './tile';

/** Entries of a panel and of a strip. */
const DEPTH: usize = 256;
/** Columns of b that are packed together. */
const COLUMNS: usize = 256;
const TILE_BYTES: usize = TILE_ROWS * TILE_COLUMNS * 4;
const PANEL_BYTES: usize = DEPTH * TILE_ROWS * 4;

/** A tile, a panel, and the strips of a block. */
export function gemmScratchBytes(): usize {
  return TILE_BYTES + PANEL_BYTES + DEPTH * COLUMNS * 4;
}

/** A tile at the edge of c: made apart, and as much of it stored or added as there is of c. */
function multiplyEdge(
  c: usize, ldc: usize, tile: usize, panel: usize, strip: usize, depth: usize, isSum: bool, rows: usize, columns: usize,
): void {
  multiplyTile(tile, TILE_COLUMNS << 2, panel, strip, depth, false);
  for (let r: usize = 0; r < rows; r++, c += ldc, tile += TILE_COLUMNS << 2) {
    for (let i: usize = 0; i < columns << 2; i += 4) {
      const value = load<f32>(tile + i);
      store<f32>(c + i, isSum ? load<f32>(c + i) + value : value);
    }
  }
}

/** `rows` rows of c, at most a tile's, by all strips of a block. */
function multiplyPanel(
  c: usize, ldc: usize, tile: usize, panel: usize, strips: usize, depth: usize, isSum: bool, rows: usize, columns: usize,
): void {
  for (let n: usize = 0; n < columns; n += TILE_COLUMNS, strips += depth * (TILE_COLUMNS << 2), c += TILE_COLUMNS << 2) {
    const left = columns - n;
    if (rows == TILE_ROWS && left >= TILE_COLUMNS) multiplyTile(c, ldc, panel, strips, depth, isSum);
    else multiplyEdge(c, ldc, tile, panel, strips, depth, isSum, rows, min(left, TILE_COLUMNS));
  }
}

function zeroRows(c: usize, ldc: usize, rows: usize, columns: usize): void {
  for (; rows > 0; rows--, c += ldc) memory.fill(c, 0, columns << 2);
}

/** `form`: 0 a [M][K] b [K][N], 1 a [M][K] b [N][K], 2 a [K][M] b [K][N]. */
export function gemm(
  c: usize, ldc: i32, a: usize, lda: i32, b: usize, ldb: i32, form: i32, N: i32, K: i32, accumulate: i32,
  scratch: usize, r0: i32, r1: i32,
): void {
  const cBytes = <usize>ldc << 2, aBytes = <usize>lda << 2, bBytes = <usize>ldb << 2;
  const aIsTurned = form == 2, bIsTurned = form == 1;
  const panel = scratch + TILE_BYTES, strips = panel + PANEL_BYTES;
  if (K == 0 && !accumulate) zeroRows(c + <usize>r0 * cBytes, cBytes, <usize>(r1 - r0), <usize>N);
  for (let k: usize = 0; k < <usize>K; k += DEPTH) {
    const depth = min(DEPTH, <usize>K - k);
    const isSum = k > 0 || accumulate != 0;
    for (let n: usize = 0; n < <usize>N; n += COLUMNS) {
      const columns = min(COLUMNS, <usize>N - n);
      for (let j: usize = 0; j < columns; j += TILE_COLUMNS) {
        const from = b + (bIsTurned ? (n + j) * bBytes + (k << 2) : k * bBytes + (n + j << 2));
        packStrip(strips + j * (depth << 2), from, bBytes, bIsTurned, min(columns - j, TILE_COLUMNS), depth);
      }
      for (let r = <usize>r0; r < <usize>r1; r += TILE_ROWS) {
        const rows = min(TILE_ROWS, <usize>r1 - r);
        const from = a + (aIsTurned ? k * aBytes + (r << 2) : r * aBytes + (k << 2));
        packPanel(panel, from, aBytes, aIsTurned, rows, depth);
        multiplyPanel(c + r * cBytes + (n << 2), cBytes, scratch, panel, strips, depth, isSum, rows, columns);
      }
    }
  }
}
