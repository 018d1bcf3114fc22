// Weights in training: absmean ternary weights (arXiv:2402.17764), the size of gradients, and the step of AdamW
// (arXiv:1711.05101).
import { fold16, rowStride } from '../lanes';
import { dot, loadSome, storeSome } from './lanes';

/** Elements of a block of sumSquares: SQUARES_BLOCK. */
const SQUARES_BLOCK: i32 = 4096;

export function absSums(sums: usize, w: usize, K: i32, r0: i32, r1: i32): void {
  const bytes = <usize>rowStride(K) << 2;
  for (let r = <usize>r0; r < <usize>r1; r++) {
    let a = f32x4.splat(0), b = a, c = a, d = a;
    const from = w + r * bytes;
    for (let p = from; p < from + bytes; p += 64) {
      a = f32x4.add(a, f32x4.abs(v128.load(p)));
      b = f32x4.add(b, f32x4.abs(v128.load(p, 16)));
      c = f32x4.add(c, f32x4.abs(v128.load(p, 32)));
      d = f32x4.add(d, f32x4.abs(v128.load(p, 48)));
    }
    store<f32>(sums + (r << 2), fold16(a, b, c, d));
  }
}

/** Four weights as -1, 0 or 1 in i32; their values to `to`. */
// @ts-ignore: decorator
@inline function ternary4(to: usize, from: usize, scale: v128, inverse: v128): v128 {
  const nearest = f32x4.nearest(f32x4.mul(v128.load(from), inverse));
  const q = i32x4.trunc_sat_f32x4_s(f32x4.max(f32x4.min(nearest, f32x4.splat(1)), f32x4.splat(-1)));
  v128.store(to, f32x4.mul(f32x4.convert_i32x4_s(q), scale));
  return q;
}

export function quantizeWeights(
  codes: usize, values: usize, counts: usize, w: usize, scaleNumber: f32, K: i32, r0: i32, r1: i32,
): void {
  const bytes = <usize>rowStride(K) << 2;
  const scale = f32x4.splat(scaleNumber), inverse = f32x4.splat(1 / scaleNumber), one = i8x16.splat(1);
  for (let r = <usize>r0; r < <usize>r1; r++) {
    const from = w + r * bytes, to = values + r * bytes;
    let code = codes + r * <usize>K;
    let changed = 0, zeros = 0;
    for (let i: usize = 0, left = K; left > 0; i += 64, left -= 16, code += 16) {
      const a = ternary4(to + i, from + i, scale, inverse);
      const b = ternary4(to + i + 16, from + i + 16, scale, inverse);
      const c = ternary4(to + i + 32, from + i + 32, scale, inverse);
      const d = ternary4(to + i + 48, from + i + 48, scale, inverse);
      const found = i8x16.add(i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)), one);
      if (left >= 16) {
        changed += popcnt(i8x16.bitmask(i8x16.ne(v128.load(code), found)));
        zeros += popcnt(i8x16.bitmask(i8x16.eq(found, one)));
        v128.store(code, found);
        continue;
      }
      for (let j = 0; j < left; j++) {
        const half = j < 8 ? i64x2.extract_lane(found, 0) : i64x2.extract_lane(found, 1);
        const byte = <u8>(half >> ((j & 7) << 3));
        changed += i32(load<u8>(code + j) != byte);
        zeros += i32(byte == 1);
        store<u8>(code + j, byte);
      }
    }
    store<i32>(counts + (r << 3), changed);
    store<i32>(counts + (r << 3), zeros, 4);
  }
}

export function sumSquares(sums: usize, x: usize, count: i32, b0: i32, b1: i32): void {
  for (let block = b0; block < b1; block++) {
    const from = x + (<usize>block * <usize>SQUARES_BLOCK << 2);
    store<f32>(sums + (<usize>block << 2), dot(from, from, min(SQUARES_BLOCK, count - block * SQUARES_BLOCK)));
  }
}

export function adamw(
  w: usize, m: usize, v: usize, g: usize, learningRate: f64, beta1: f64, beta2: f64, epsilon: f64, weightDecay: f64,
  gradientScale: f64, correction1: f64, correction2: f64, e0: i32, e1: i32,
): void {
  // What is left of 1 is taken in double precision: of a beta near 1 little would be left in f32.
  const keep1 = f32x4.splat(<f32>beta1), take1 = f32x4.splat(<f32>(1 - beta1));
  const keep2 = f32x4.splat(<f32>beta2), take2 = f32x4.splat(<f32>(1 - beta2));
  const scale = f32x4.splat(<f32>gradientScale), rate = f32x4.splat(<f32>learningRate);
  const mean = f32x4.splat(<f32>(1 / correction1)), square = f32x4.splat(<f32>(1 / correction2));
  const floor = f32x4.splat(<f32>epsilon), decay = f32x4.splat(<f32>weightDecay);
  const end = <usize>e1 << 2;
  for (let i = <usize>e0 << 2; i < end; i += 16) {
    const left = end - i >> 2;
    const gradient = f32x4.mul(scale, loadSome(g + i, left));
    const weight = loadSome(w + i, left);
    const m4 = f32x4.add(f32x4.mul(keep1, loadSome(m + i, left)), f32x4.mul(take1, gradient));
    const v4 = f32x4.add(f32x4.mul(keep2, loadSome(v + i, left)), f32x4.mul(f32x4.mul(take2, gradient), gradient));
    const root = f32x4.add(f32x4.sqrt(f32x4.mul(v4, square)), floor);
    const step = f32x4.add(f32x4.div(f32x4.mul(m4, mean), root), f32x4.mul(decay, weight));
    storeSome(m + i, m4, left);
    storeSome(v + i, v4, left);
    storeSome(w + i, f32x4.sub(weight, f32x4.mul(rate, step)), left);
  }
}
