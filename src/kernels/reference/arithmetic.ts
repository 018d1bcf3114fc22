/**
 * Single-precision arithmetic as every backend must do it (docs/numerics.md). A JavaScript number holds a double;
 * `Math.fround` after each +, -, *, / and sqrt gives exactly the f32 result, because 53 bits are more than 2·24 + 2.
 */
const f = Math.fround;

/** Sum of 16 partial sums (f32), folded in halves: 8, 4, 2, 1. Overwrites `lanes`. */
export function foldLanes(lanes: Float32Array): number {
  for (let half = 8; half >= 1; half >>= 1) {
    for (let j = 0; j < half; j++) lanes[j] = lanes[j]! + lanes[j + half]!;
  }
  return lanes[0]!;
}

/** f32 Σ a[i]·b[i] over `count` elements from the two starts, in 16 lanes; products and sums are rounded apart. */
export function dotLanes(
  a: Float32Array,
  aStart: number,
  b: Float32Array,
  bStart: number,
  count: number,
): number {
  const lanes = new Float32Array(16);
  for (let i = 0; i < count; i++) lanes[i & 15] = lanes[i & 15]! + f(a[aStart + i]! * b[bStart + i]!);
  return foldLanes(lanes);
}

/** `x` rounded to an integer, ties to even; |x| < 2^22. */
export function roundTiesToEven(x: number): number {
  return f(f(x + 12582912) - 12582912);
}

const LOG2_E = f(Math.LOG2E);
const LN2_HIGH = f(0.693359375);
const LN2_LOW = f(-2.1219444005469057e-4);
// Taylor coefficients 1/7! … 1/2!, good to 2^-24 on |r| <= ln(2)/2.
const EXP_COEFFICIENTS = [1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2, 1, 1].map(f);
const exponentBits = new Int32Array(1);
const exponentValue = new Float32Array(exponentBits.buffer);

/**
 * e^x in f32 by one polynomial, the same on every backend; relative error below 2e-7. Arguments are clamped to
 * [-87.33, 88], the range of normal results.
 */
export function expF32(x: number): number {
  const clamped = Math.min(Math.max(x, f(-87.33)), 88);
  const n = roundTiesToEven(f(clamped * LOG2_E));
  const r = f(f(clamped - f(n * LN2_HIGH)) - f(n * LN2_LOW));
  let p = EXP_COEFFICIENTS[0]!;
  for (let i = 1; i < EXP_COEFFICIENTS.length; i++) p = f(f(p * r) + EXP_COEFFICIENTS[i]!);
  exponentBits[0] = (n + 127) << 23;
  return f(p * exponentValue[0]!);
}
