// Rows of f32 activations: embedding, norm, gate, addition.
import { halfMask, halfScale } from './constants';
import { dense4, exp4, fold16, half1, rowStride } from './lanes';

/** One dense row as f32 [rowStride(K)], times `scale`. */
export function expandRow(out: usize, row: usize, format: i32, scale: f32, K: i32): void {
  const factor = f32x4.splat(scale);
  if (format == 3) {
    for (let block: i32 = 0; block < K >> 5; block++, row += 34) {
      const d = f32x4.splat(half1(load<u16>(row)));
      for (let j: usize = 0; j < 32; j += 4, out += 16) {
        const q = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(row + 2 + j)));
        v128.store(out, f32x4.mul(f32x4.mul(f32x4.convert_i32x4_s(q), d), factor));
      }
    }
    return;
  }
  if (format == 0) expandAs(out, row, 0, factor, K);
  else if (format == 1) expandAs(out, row, 1, factor, K);
  else expandAs(out, row, 2, factor, K);
}

/** The same for one format, a literal, so that the loop does not ask for it. */
// @ts-ignore: decorator
@inline function expandAs(out: usize, row: usize, format: i32, factor: v128, K: i32): void {
  const mask = i32x4.splat(halfMask), bias = f32x4.splat(halfScale);
  const stride = <usize>rowStride(K);
  for (let k: usize = 0; k < stride; k += 4, out += 16) {
    v128.store(out, f32x4.mul(dense4(row, k, format, mask, bias), factor));
  }
}

/** Bytes of a dense row. */
export function denseRowBytes(format: i32, K: i32): usize {
  if (format == 3) return <usize>(K >> 5) * 34;
  return <usize>rowStride(K) << (format == 0 ? 2 : 1);
}

export function embed(out: usize, ids: usize, table: usize, format: i32, scale: f32, K: i32, t0: i32, t1: i32): void {
  const bytes = denseRowBytes(format, K);
  const outBytes = <usize>rowStride(K) << 2;
  for (let t = <usize>t0; t < <usize>t1; t++) {
    expandRow(out + t * outBytes, table + <usize>load<u32>(ids + (t << 2)) * bytes, format, scale, K);
  }
}

export function embedInt8(
  out: usize, ids: usize, table: usize, scales: usize, scale: f32, K: i32, t0: i32, t1: i32,
): void {
  const stride = <usize>rowStride(K);
  for (let t = <usize>t0; t < <usize>t1; t++) {
    const id = <usize>load<u32>(ids + (t << 2));
    const factor = f32x4.splat(load<f32>(scales + (id << 2)) * scale);
    const from = table + id * stride;
    const to = out + t * (stride << 2);
    for (let k: usize = 0; k < stride; k += 4) {
      const q = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(from + k)));
      v128.store(to + (k << 2), f32x4.mul(f32x4.convert_i32x4_s(q), factor));
    }
  }
}

export function rmsNorm(out: usize, x: usize, w: usize, eps: f64, n: i32, t0: i32, t1: i32): void {
  const bytes = <usize>rowStride(n) << 2;
  for (let t = <usize>t0; t < <usize>t1; t++) {
    const from = x + t * bytes;
    const to = out + t * bytes;
    let a = f32x4.splat(0), b = a, c = a, d = a;
    for (let p = from; p < from + bytes; p += 64) {
      const x0 = v128.load(p), x1 = v128.load(p, 16), x2 = v128.load(p, 32), x3 = v128.load(p, 48);
      a = f32x4.add(a, f32x4.mul(x0, x0));
      b = f32x4.add(b, f32x4.mul(x1, x1));
      c = f32x4.add(c, f32x4.mul(x2, x2));
      d = f32x4.add(d, f32x4.mul(x3, x3));
    }
    const scale = f32x4.splat(<f32>(1 / sqrt<f64>(<f64>fold16(a, b, c, d) / <f64>n + eps)));
    for (let i: usize = 0; i < bytes; i += 16) {
      v128.store(to + i, f32x4.mul(v128.load(from + i), f32x4.mul(v128.load(w + i), scale)));
    }
  }
}

// @ts-ignore: decorator
@inline function activate(activation: i32, x: v128): v128 {
  const one = f32x4.splat(1);
  if (activation == 0) return f32x4.div(x, f32x4.add(one, exp4(f32x4.neg(x))));
  if (activation == 1) {
    const positive = f32x4.max(x, f32x4.splat(0));
    return f32x4.mul(positive, positive);
  }
  const cubic = f32x4.mul(f32x4.mul(f32x4.mul(x, x), x), f32x4.splat(0.044715));
  const twice = f32x4.mul(f32x4.add(x, cubic), f32x4.splat(1.5957691216057308));
  return f32x4.mul(x, f32x4.sub(one, f32x4.div(one, f32x4.add(exp4(twice), one))));
}

export function gate(
  out: usize, gateRows: usize, up: usize, activation: i32, stride: i32, T: i32, c0: i32, c1: i32,
): void {
  for (let t: i32 = 0; t < T; t++) {
    let i = (<usize>t * <usize>stride + <usize>c0) << 2;
    const end = (<usize>t * <usize>stride + <usize>c1) << 2;
    for (; i + 16 <= end; i += 16) {
      const x = v128.load(gateRows + i);
      let y: v128;
      if (activation == 0) y = activate(0, x);
      else if (activation == 1) y = activate(1, x);
      else y = activate(2, x);
      v128.store(out + i, f32x4.mul(y, v128.load(up + i)));
    }
    for (; i < end; i += 4) {
      const x = v128.load32_zero(gateRows + i);
      let y: v128;
      if (activation == 0) y = activate(0, x);
      else if (activation == 1) y = activate(1, x);
      else y = activate(2, x);
      store<f32>(out + i, f32x4.extract_lane(y, 0) * load<f32>(up + i));
    }
  }
}

export function add(x: usize, xStride: i32, y: usize, yStride: i32, T: i32, c0: i32, c1: i32): void {
  for (let t: i32 = 0; t < T; t++) {
    let to = x + (<usize>t * <usize>xStride + <usize>c0 << 2);
    let from = y + (<usize>t * <usize>yStride + <usize>c0 << 2);
    const end = to + (<usize>(c1 - c0) << 2);
    for (; to + 16 <= end; to += 16, from += 16) v128.store(to, f32x4.add(v128.load(to), v128.load(from)));
    for (; to < end; to += 4, from += 4) store<f32>(to, load<f32>(to) + load<f32>(from));
  }
}
