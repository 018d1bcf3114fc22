// Rotary positions.
import { rowStride } from '../lanes';

export function rope(
  out: usize, x: usize, inStride: i32, positions: usize, table: usize, style: i32,
  heads: i32, headLength: i32, t0: i32, t1: i32,
): void {
  const half = <usize>(headLength >> 1);
  const padded = <usize>rowStride(headLength) << 2;
  for (let t = <usize>t0; t < <usize>t1; t++) {
    const cosines = table + <usize>load<u32>(positions + (t << 2)) * (<usize>headLength << 3);
    const sines = cosines + (half << 3);
    for (let h: usize = 0; h < <usize>heads; h++) {
      const from = x + (t * <usize>inStride + h * <usize>headLength << 2);
      const to = out + (t * <usize>heads + h) * padded;
      if (style == 0) rotateHalves(to, from, cosines, sines, half);
      else rotatePairs(to, from, cosines, sines, half);
    }
  }
}

function rotateHalves(to: usize, from: usize, cosines: usize, sines: usize, half: usize): void {
  const shift = half << 2;
  let i: usize = 0;
  for (; i + 8 <= shift; i += 8) {
    const a = f64x2.promote_low_f32x4(v128.load64_zero(from + i));
    const b = f64x2.promote_low_f32x4(v128.load64_zero(from + shift + i));
    const cos = v128.load(cosines + (i << 1)), sin = v128.load(sines + (i << 1));
    const first = f64x2.sub(f64x2.mul(a, cos), f64x2.mul(b, sin));
    const second = f64x2.add(f64x2.mul(a, sin), f64x2.mul(b, cos));
    v128.store64_lane(to + i, f32x4.demote_f64x2_zero(first), 0);
    v128.store64_lane(to + shift + i, f32x4.demote_f64x2_zero(second), 0);
  }
  if (i < shift) rotate(to + i, to + shift + i, from + i, from + shift + i, cosines + (i << 1), sines + (i << 1));
}

function rotatePairs(to: usize, from: usize, cosines: usize, sines: usize, half: usize): void {
  for (let i: usize = 0; i < half << 3; i += 8) rotate(to + i, to + i + 4, from + i, from + i + 4, cosines + i, sines + i);
}

// @ts-ignore: decorator
@inline function rotate(toFirst: usize, toSecond: usize, first: usize, second: usize, cosine: usize, sine: usize): void {
  const a = <f64>load<f32>(first), b = <f64>load<f32>(second);
  const cos = load<f64>(cosine), sin = load<f64>(sine);
  store<f32>(toFirst, <f32>(a * cos - b * sin));
  store<f32>(toSecond, <f32>(a * sin + b * cos));
}
