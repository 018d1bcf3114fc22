// Per-token quantisation of activations: s = limit / max(max|x|, floor), q = nearest(x * s).
import { HEAD_BYTES, rowStride, sum4x4 } from './lanes';

/** limit / max(max|x|, floor) over one row. */
export function rowScale(x: usize, K: i32, limit: f32, floor: f32): f32 {
  let a = f32x4.splat(floor), b = a;
  const end = x + (<usize>rowStride(K) << 2);
  for (; x < end; x += 32) {
    a = f32x4.max(a, f32x4.abs(v128.load(x)));
    b = f32x4.max(b, f32x4.abs(v128.load(x, 16)));
  }
  a = f32x4.max(a, b);
  a = f32x4.max(a, v128.shuffle<f32>(a, a, 2, 3, 0, 1));
  return limit / max<f32>(f32x4.extract_lane(a, 0), f32x4.extract_lane(a, 1));
}

/** Four values at `x` times s, rounded to integers, ties to even. */
// @ts-ignore: decorator
@inline export function scaled4(x: usize, s: v128): v128 {
  return i32x4.trunc_sat_f32x4_s(f32x4.nearest(f32x4.mul(v128.load(x), s)));
}

/** Eight values as int16, saturated. */
// @ts-ignore: decorator
@inline export function scaled8(x: usize, s: v128): v128 {
  return i16x8.narrow_i32x4_s(scaled4(x, s), scaled4(x + 16, s));
}

/** Eight int16 divided by s, as f32. */
// @ts-ignore: decorator
@inline export function divide8(to: usize, q: v128, s: v128): void {
  v128.store(to, f32x4.div(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(q)), s));
  v128.store(to, f32x4.div(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(q)), s), 16);
}

/** One row: i16 [rowStride(K)] behind the head of s and Σq, |q| <= limit. */
export function quantize16Row(to: usize, from: usize, K: i32, limit: i32): void {
  const stride = <usize>rowStride(K);
  const scale = rowScale(from, K, <f32>limit, 1e-30);
  const s = f32x4.splat(scale);
  const most = i16x8.splat(<i16>limit), least = i16x8.neg(most);
  let sum = i32x4.splat(0);
  for (let k: usize = 0; k < stride; k += 8) {
    const q = i16x8.max_s(i16x8.min_s(scaled8(from + (k << 2), s), most), least);
    v128.store(to + HEAD_BYTES + (k << 1), q);
    sum = i32x4.add(sum, i32x4.extadd_pairwise_i16x8_s(q));
  }
  store<f32>(to, scale);
  store<i32>(to, i32x4.extract_lane(sum4x4(sum, sum, sum, sum), 0), 4);
}
