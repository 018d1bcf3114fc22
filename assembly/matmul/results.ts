// From exact integer sums to f32 results.

/** f32(sums - Σq) * (weightScale / s) of one token, whose quantised row begins at `row`. */
// @ts-ignore: decorator
@inline export function finish(sums: v128, row: usize, weightScale: f32): v128 {
  const exact = i32x4.sub(sums, i32x4.splat(load<i32>(row, 4)));
  return f32x4.mul(f32x4.convert_i32x4_s(exact), f32x4.splat(weightScale / load<f32>(row)));
}

/** Four f32 at `from`, of which only `count` may be read. */
// @ts-ignore: decorator
@inline export function load4(from: usize, count: i32): v128 {
  if (count >= 4) return v128.load(from);
  let values = f32x4.splat(load<f32>(from));
  if (count > 1) values = f32x4.replace_lane(values, 1, load<f32>(from, 4));
  if (count > 2) values = f32x4.replace_lane(values, 2, load<f32>(from, 8));
  return values;
}

/** f32(Σ (code + 8)·q - 8 Σq) * (rowScales / s) of one token, whose quantised row begins at `row`. */
// @ts-ignore: decorator
@inline export function finishScaled(sums: v128, row: usize, rowScales: v128): v128 {
  const exact = i32x4.sub(sums, i32x4.splat(load<i32>(row, 4) << 3));
  return f32x4.mul(f32x4.convert_i32x4_s(exact), f32x4.div(rowScales, f32x4.splat(load<f32>(row))));
}

/** Stores (or adds) the results of four rows of one token, of which `rows` exist. */
// @ts-ignore: decorator
@inline export function storeRows(to: usize, values: v128, accumulate: i32, rows: i32): void {
  if (rows >= 4) {
    if (accumulate) values = f32x4.add(v128.load(to), values);
    v128.store(to, values);
    return;
  }
  for (let i: i32 = 0; i < rows; i++, to += 4) {
    const value = f32x4.extract_lane(values, 0);
    store<f32>(to, accumulate ? load<f32>(to) + value : value);
    values = v128.shuffle<f32>(values, values, 1, 2, 3, 0);
  }
}

/**
 * Stores four tokens by four rows from the sums that a pair-wise kernel left at `sums`: per pair of rows
 * {token 0: row 0, row 1, token 1: row 0, row 1} and the same of tokens 2 and 3.
 */
// @ts-ignore: decorator
@inline export function storeTile(
  to: usize, outBytes: usize, q: usize, rowBytes: usize, sums: usize, weightScale: f32, accumulate: i32, rows: i32,
): void {
  const low01 = v128.load(sums), low23 = v128.load(sums, 16), high01 = v128.load(sums, 32), high23 = v128.load(sums, 48);
  storeRows(to, finish(v128.shuffle<i32>(low01, high01, 0, 1, 4, 5), q, weightScale), accumulate, rows);
  to += outBytes, q += rowBytes;
  storeRows(to, finish(v128.shuffle<i32>(low01, high01, 2, 3, 6, 7), q, weightScale), accumulate, rows);
  to += outBytes, q += rowBytes;
  storeRows(to, finish(v128.shuffle<i32>(low23, high23, 0, 1, 4, 5), q, weightScale), accumulate, rows);
  to += outBytes, q += rowBytes;
  storeRows(to, finish(v128.shuffle<i32>(low23, high23, 2, 3, 6, 7), q, weightScale), accumulate, rows);
}
