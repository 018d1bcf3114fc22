// Rotary positions and the writing of keys and values into the cache.
import { rowStride, toHalf } from './lanes';

export function rope(
  out: usize, x: usize, inStride: i32, positions: usize, table: usize, style: i32,
  heads: i32, headLength: i32, t0: i32, t1: i32,
): void {
  const half = <usize>(headLength >> 1);
  const padded = <usize>rowStride(headLength) << 2;
  for (let t = <usize>t0; t < <usize>t1; t++) {
    const cosines = table + <usize>load<u32>(positions + (t << 2)) * ((<usize>headLength) << 2);
    const sines = cosines + (half << 2);
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
  for (; i + 16 <= shift; i += 16) {
    const a = v128.load(from + i), b = v128.load(from + shift + i);
    const cos = v128.load(cosines + i), sin = v128.load(sines + i);
    v128.store(to + i, f32x4.sub(f32x4.mul(a, cos), f32x4.mul(b, sin)));
    v128.store(to + shift + i, f32x4.add(f32x4.mul(a, sin), f32x4.mul(b, cos)));
  }
  for (; i < shift; i += 4) {
    const a = load<f32>(from + i), b = load<f32>(from + shift + i);
    const cos = load<f32>(cosines + i), sin = load<f32>(sines + i);
    store<f32>(to + i, a * cos - b * sin);
    store<f32>(to + shift + i, a * sin + b * cos);
  }
}

function rotatePairs(to: usize, from: usize, cosines: usize, sines: usize, half: usize): void {
  for (let i: usize = 0; i < half; i++) {
    const a = load<f32>(from + (i << 3)), b = load<f32>(from + (i << 3), 4);
    const cos = load<f32>(cosines + (i << 2)), sin = load<f32>(sines + (i << 2));
    store<f32>(to + (i << 3), a * cos - b * sin);
    store<f32>(to + (i << 3), a * sin + b * cos, 4);
  }
}

export function storeKv(
  cache: usize, format: i32, x: usize, tokenStride: i32, headStride: i32,
  kvHeads: i32, headLength: i32, capacity: i32, position: i32, t0: i32, t1: i32,
): void {
  const padded = <usize>rowStride(headLength);
  for (let t = <usize>t0; t < <usize>t1; t++) {
    for (let h: usize = 0; h < <usize>kvHeads; h++) {
      const row = (h * <usize>capacity + <usize>position + t) * padded;
      const from = x + (t * <usize>tokenStride + h * <usize>headStride << 2);
      for (let i: usize = 0; i < <usize>headLength; i++) {
        const value = load<f32>(from + (i << 2));
        if (format == 1) store<u16>(cache + (row + i << 1), <u16>toHalf(value));
        else store<f32>(cache + (row + i << 2), value);
      }
    }
  }
}
