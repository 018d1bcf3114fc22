// The inner loop of the f32 products: one tile of the result, TILE_ROWS x 8, from a panel of a and a strip of b.
import { madd } from './madd';

/**
 * Rows of a tile: as many as leave its sums, a row of b and one value of a in 15 registers. A product that is rounded
 * apart from its sum takes one register more.
 */
// @ts-ignore: decorator
@inline export const TILE_ROWS: usize = ASC_FEATURE_RELAXED_SIMD ? 6 : 4;
/** Columns of a tile. */
// @ts-ignore: decorator
@inline export const TILE_COLUMNS: usize = 8;

/** Stores two vectors of a row of c, or adds them to what is there. */
// @ts-ignore: decorator
@inline function put(c: usize, low: v128, high: v128, isSum: bool): void {
  v128.store(c, isSum ? f32x4.add(v128.load(c), low) : low);
  v128.store(c, isSum ? f32x4.add(v128.load(c, 16), high) : high, 16);
}

/**
 * c [TILE_ROWS][8] at a stride of `ldc` bytes = or += panel [depth][TILE_ROWS] · strip [depth][8], depth even. A function
 * of its own with more than one caller, so that it is not inlined: a runtime takes up better code where it is called.
 */
export function multiplyTile(c: usize, ldc: usize, panel: usize, strip: usize, depth: usize, isSum: bool): void {
  let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
  let c40 = c00, c41 = c00, c50 = c00, c51 = c00;
  const end = panel + depth * (TILE_ROWS << 2);
  for (; panel < end; panel += TILE_ROWS << 3, strip += 64) {
    let b0 = v128.load(strip), b1 = v128.load(strip, 16);
    let a = v128.load_splat<f32>(panel);
    c00 = madd(a, b0, c00); c01 = madd(a, b1, c01);
    a = v128.load_splat<f32>(panel, 4);
    c10 = madd(a, b0, c10); c11 = madd(a, b1, c11);
    a = v128.load_splat<f32>(panel, 8);
    c20 = madd(a, b0, c20); c21 = madd(a, b1, c21);
    a = v128.load_splat<f32>(panel, 12);
    c30 = madd(a, b0, c30); c31 = madd(a, b1, c31);
    if (TILE_ROWS == 6) {
      a = v128.load_splat<f32>(panel, 16);
      c40 = madd(a, b0, c40); c41 = madd(a, b1, c41);
      a = v128.load_splat<f32>(panel, 20);
      c50 = madd(a, b0, c50); c51 = madd(a, b1, c51);
    }
    b0 = v128.load(strip, 32); b1 = v128.load(strip, 48);
    const next = panel + (TILE_ROWS << 2);
    a = v128.load_splat<f32>(next);
    c00 = madd(a, b0, c00); c01 = madd(a, b1, c01);
    a = v128.load_splat<f32>(next, 4);
    c10 = madd(a, b0, c10); c11 = madd(a, b1, c11);
    a = v128.load_splat<f32>(next, 8);
    c20 = madd(a, b0, c20); c21 = madd(a, b1, c21);
    a = v128.load_splat<f32>(next, 12);
    c30 = madd(a, b0, c30); c31 = madd(a, b1, c31);
    if (TILE_ROWS == 6) {
      a = v128.load_splat<f32>(next, 16);
      c40 = madd(a, b0, c40); c41 = madd(a, b1, c41);
      a = v128.load_splat<f32>(next, 20);
      c50 = madd(a, b0, c50); c51 = madd(a, b1, c51);
    }
  }
  put(c, c00, c01, isSum);
  put(c + ldc, c10, c11, isSum);
  put(c + 2 * ldc, c20, c21, isSum);
  put(c + 3 * ldc, c30, c31, isSum);
  if (TILE_ROWS == 6) {
    put(c + 4 * ldc, c40, c41, isSum);
    put(c + 5 * ldc, c50, c51, isSum);
  }
}
