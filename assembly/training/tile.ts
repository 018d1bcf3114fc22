// The inner loop of the f32 products: one tile of the result, 4 x 8, from a panel of a and a strip of b. A compiler moves
// all loads of a step to its beginning; 8 sums and what a step loads are what 15 registers hold, and no more.
import { madd } from './madd';

/** Rows of a tile. */
// @ts-ignore: decorator
@inline export const TILE_ROWS: usize = 4;
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
 * c [4][8] at a stride of `ldc` bytes = or += panel [depth][4] · strip [depth][8]. A function of its own with more than
 * one caller, so that it is not inlined: a runtime takes up better code of a function only where it is called.
 */
export function multiplyTile(c: usize, ldc: usize, panel: usize, strip: usize, depth: usize, isSum: bool): void {
  let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
  for (const end = panel + (depth << 4); panel < end; panel += 16, strip += 32) {
    const b0 = v128.load(strip), b1 = v128.load(strip, 16);
    const a0 = v128.load_splat<f32>(panel), a1 = v128.load_splat<f32>(panel, 4);
    const a2 = v128.load_splat<f32>(panel, 8), a3 = v128.load_splat<f32>(panel, 12);
    c00 = madd(a0, b0, c00); c01 = madd(a0, b1, c01);
    c10 = madd(a1, b0, c10); c11 = madd(a1, b1, c11);
    c20 = madd(a2, b0, c20); c21 = madd(a2, b1, c21);
    c30 = madd(a3, b0, c30); c31 = madd(a3, b1, c31);
  }
  put(c, c00, c01, isSum);
  put(c + ldc, c10, c11, isSum);
  put(c + 2 * ldc, c20, c21, isSum);
  put(c + 3 * ldc, c30, c31, isSum);
}
