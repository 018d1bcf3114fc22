// Building blocks of the SIMD kernels: 16-lane sums, the exponential, half precision. The arithmetic is that of
// src/kernels/reference/arithmetic.ts, operation by operation.

/** Elements between rows of K f32. */
// @ts-ignore: decorator
@inline export function rowStride(K: i32): i32 {
  return (K + 15) & ~15;
}

/** Bytes before the values of a quantised row: f32 s, i32 Σq. */
export const HEAD_BYTES: usize = 16;

/** 16 lanes, held by four vectors (lanes 0-3, 4-7, 8-11, 12-15), folded to four: the steps 8 and 4. */
// @ts-ignore: decorator
@inline export function fold4(a: v128, b: v128, c: v128, d: v128): v128 {
  return f32x4.add(f32x4.add(a, c), f32x4.add(b, d));
}

/** Sum of 16 lanes, folded 8, 4, 2, 1. */
// @ts-ignore: decorator
@inline export function fold16(a: v128, b: v128, c: v128, d: v128): f32 {
  const four = fold4(a, b, c, d);
  const two = f32x4.add(four, v128.shuffle<f32>(four, four, 2, 3, 0, 1));
  return f32x4.extract_lane(two, 0) + f32x4.extract_lane(two, 1);
}

/** The last two steps for four sums at once: {Σs0, Σs1, Σs2, Σs3}. */
// @ts-ignore: decorator
@inline export function fold4x4(s0: v128, s1: v128, s2: v128, s3: v128): v128 {
  const low = f32x4.add(v128.shuffle<f32>(s0, s1, 0, 1, 4, 5), v128.shuffle<f32>(s0, s1, 2, 3, 6, 7));
  const high = f32x4.add(v128.shuffle<f32>(s2, s3, 0, 1, 4, 5), v128.shuffle<f32>(s2, s3, 2, 3, 6, 7));
  return f32x4.add(v128.shuffle<f32>(low, high, 0, 2, 4, 6), v128.shuffle<f32>(low, high, 1, 3, 5, 7));
}

/** {Σs0, Σs1, Σs2, Σs3} of integer lanes. */
// @ts-ignore: decorator
@inline export function sum4x4(s0: v128, s1: v128, s2: v128, s3: v128): v128 {
  const low = i32x4.add(v128.shuffle<i32>(s0, s1, 0, 1, 4, 5), v128.shuffle<i32>(s0, s1, 2, 3, 6, 7));
  const high = i32x4.add(v128.shuffle<i32>(s2, s3, 0, 1, 4, 5), v128.shuffle<i32>(s2, s3, 2, 3, 6, 7));
  return i32x4.add(v128.shuffle<i32>(low, high, 0, 2, 4, 6), v128.shuffle<i32>(low, high, 1, 3, 5, 7));
}

/** e^x, four lanes. */
// @ts-ignore: decorator
@inline export function exp4(x: v128): v128 {
  const clamped = f32x4.min(f32x4.max(x, f32x4.splat(-87.33)), f32x4.splat(88));
  const n = f32x4.nearest(f32x4.mul(clamped, f32x4.splat(1.4426950408889634)));
  const r = f32x4.sub(
    f32x4.sub(clamped, f32x4.mul(n, f32x4.splat(0.693359375))),
    f32x4.mul(n, f32x4.splat(-2.1219444005469057e-4)),
  );
  let p = f32x4.splat(<f32>(1.0 / 5040.0));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(<f32>(1.0 / 720.0)));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(<f32>(1.0 / 120.0)));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(<f32>(1.0 / 24.0)));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(<f32>(1.0 / 6.0)));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(0.5));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(n), i32x4.splat(127)), 23);
  return f32x4.mul(p, power);
}

/** e^x of one number, by the same steps. */
// @ts-ignore: decorator
@inline export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}

/**
 * Four finite halves, sign-extended to 32 bits, as f32: the exponent and fraction move into place and a factor corrects
 * the bias, which makes subnormals right as well. `mask` and `scale` are halfMask and halfScale.
 */
// @ts-ignore: decorator
@inline export function halves4(extended: v128, mask: v128, scale: v128): v128 {
  return f32x4.mul(v128.and(i32x4.shl(extended, 13), mask), scale);
}

/** The same for halves that may be infinite or no number: these read as 65536 and more, and get all exponent bits. */
// @ts-ignore: decorator
@inline export function anyHalves4(extended: v128, mask: v128, scale: v128): v128 {
  const value = halves4(extended, mask, scale);
  const special = f32x4.ge(f32x4.abs(value), f32x4.splat(65536));
  return v128.or(value, v128.and(special, i32x4.splat(0x7f800000)));
}

/** One finite half as f32. */
// @ts-ignore: decorator
@inline export function half1(bits: u32): f32 {
  const magnitude = reinterpret<f32>((bits & 0x7fff) << 13) * <f32>5.192296858534828e33;
  return reinterpret<f32>(reinterpret<u32>(magnitude) | ((bits & 0x8000) << 16));
}

/** f32 to half, round to nearest even, beyond 65504 to infinity. */
export function toHalf(x: f32): u32 {
  const bits = reinterpret<u32>(x);
  const sign = (bits >> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Subnormal: adding 0.5 leaves the value, rounded to multiples of 2^-24, in the low bits.
    return sign | (reinterpret<u32>(reinterpret<f32>(magnitude) + <f32>0.5) - 0x3f000000);
  }
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13);
}

/** Four elements of a dense row (0 f32, 1 f16, 2 bf16); `format` must be a literal so that it folds away. */
// @ts-ignore: decorator
@inline export function dense4(row: usize, k: usize, format: i32, mask: v128, scale: v128): v128 {
  if (format == 0) return v128.load(row + (k << 2));
  if (format == 1) return halves4(i32x4.extend_low_i16x8_s(v128.load64_zero(row + (k << 1))), mask, scale);
  return i32x4.shl(i32x4.extend_low_i16x8_u(v128.load64_zero(row + (k << 1))), 16);
}
