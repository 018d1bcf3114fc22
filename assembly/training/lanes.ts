// Loops over f32 elements of which the last may be fewer than four: those are moved through the first lanes.
import { fold16 } from '../lanes';

/** The next `count` elements, at most four, zeros in the other lanes. */
// @ts-ignore: decorator
@inline export function loadSome(from: usize, count: usize): v128 {
  if (count >= 4) return v128.load(from);
  let x = f32x4.splat(0);
  if (count > 0) x = v128.load32_zero(from);
  if (count > 1) x = v128.load32_lane(from, x, 1, 4);
  if (count > 2) x = v128.load32_lane(from, x, 2, 8);
  return x;
}

/** Stores the first `count` lanes, at most four. */
// @ts-ignore: decorator
@inline export function storeSome(to: usize, x: v128, count: usize): void {
  if (count >= 4) {
    v128.store(to, x);
    return;
  }
  if (count > 0) v128.store32_lane(to, x, 0);
  if (count > 1) v128.store32_lane(to, x, 1, 4);
  if (count > 2) v128.store32_lane(to, x, 2, 8);
}

/** The sum of the four lanes, folded 2, 1. */
// @ts-ignore: decorator
@inline export function fold4to1(four: v128): f32 {
  const two = f32x4.add(four, v128.shuffle<f32>(four, four, 2, 3, 0, 1));
  return f32x4.extract_lane(two, 0) + f32x4.extract_lane(two, 1);
}

/** The largest of the four lanes; not a number if one is not. */
// @ts-ignore: decorator
@inline export function most4(four: v128): f32 {
  const two = f32x4.max(four, v128.shuffle<f32>(four, four, 2, 3, 0, 1));
  return max<f32>(f32x4.extract_lane(two, 0), f32x4.extract_lane(two, 1));
}

/** Σ a * b over `count` elements, in 16 lanes. */
export function dot(a: usize, b: usize, count: i32): f32 {
  let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0;
  let left = <usize>count;
  for (; left >= 16; left -= 16, a += 64, b += 64) {
    s0 = f32x4.add(s0, f32x4.mul(v128.load(a), v128.load(b)));
    s1 = f32x4.add(s1, f32x4.mul(v128.load(a, 16), v128.load(b, 16)));
    s2 = f32x4.add(s2, f32x4.mul(v128.load(a, 32), v128.load(b, 32)));
    s3 = f32x4.add(s3, f32x4.mul(v128.load(a, 48), v128.load(b, 48)));
  }
  for (; left >= 4; left -= 4, a += 16, b += 16) s0 = f32x4.add(s0, f32x4.mul(v128.load(a), v128.load(b)));
  s0 = f32x4.add(s0, f32x4.mul(loadSome(a, left), loadSome(b, left)));
  return fold16(s0, s1, s2, s3);
}
