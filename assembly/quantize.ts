// Per-token quantisation of activations: s = limit / max(max|x|, floor), q = nearest(x * s).
import { HEAD_BYTES, rowStride } from './lanes';

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

/** i16 [rowStride(K)] behind the head, |q| <= limit. */
export function quantize16(q: usize, x: usize, K: i32, limit: i32, bytes: usize, t0: i32, t1: i32): void {
  const stride = <usize>rowStride(K);
  for (let t = <usize>t0; t < <usize>t1; t++) {
    const from = x + t * (stride << 2);
    const to = q + t * bytes;
    const scale = rowScale(from, K, <f32>limit, 1e-30);
    const s = f32x4.splat(scale);
    const most = i16x8.splat(<i16>limit), least = i16x8.neg(most);
    for (let k: usize = 0; k < stride; k += 8) {
      v128.store(to + HEAD_BYTES + (k << 1), i16x8.max_s(i16x8.min_s(scaled8(from + (k << 2), s), most), least));
    }
    store<f32>(to, scale);
  }
}
