// Backward halves of the row operations: norm, gate, embedding.
import { exp4, fold16, rowStride } from '../lanes';
import { loadSome, storeSome } from './lanes';

export function rmsNormBackward(
  dx: usize, inverses: usize, dy: usize, x: usize, w: usize, eps: f64, n: i32, accumulate: i32, t0: i32, t1: i32,
): void {
  const bytes = <usize>rowStride(n) << 2;
  for (let t = <usize>t0; t < <usize>t1; t++) {
    const to = dx + t * bytes, gradients = dy + t * bytes, from = x + t * bytes;
    let a = f32x4.splat(0), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
    for (let i: usize = 0; i < bytes; i += 64) {
      const p = from + i, q = gradients + i, u = w + i;
      const x0 = v128.load(p), x1 = v128.load(p, 16), x2 = v128.load(p, 32), x3 = v128.load(p, 48);
      a = f32x4.add(a, f32x4.mul(x0, x0));
      b = f32x4.add(b, f32x4.mul(x1, x1));
      c = f32x4.add(c, f32x4.mul(x2, x2));
      d = f32x4.add(d, f32x4.mul(x3, x3));
      e = f32x4.add(e, f32x4.mul(x0, f32x4.mul(v128.load(u), v128.load(q))));
      f = f32x4.add(f, f32x4.mul(x1, f32x4.mul(v128.load(u, 16), v128.load(q, 16))));
      g = f32x4.add(g, f32x4.mul(x2, f32x4.mul(v128.load(u, 32), v128.load(q, 32))));
      h = f32x4.add(h, f32x4.mul(x3, f32x4.mul(v128.load(u, 48), v128.load(q, 48))));
    }
    const r = <f32>(1 / sqrt<f64>(<f64>fold16(a, b, c, d) / <f64>n + eps));
    store<f32>(inverses + (t << 2), r);
    const cube = <f64>r * <f64>r * <f64>r;
    const factor = f32x4.splat(<f32>(cube / <f64>n * <f64>fold16(e, f, g, h)));
    const scale = f32x4.splat(r);
    for (let i: usize = 0; i < bytes; i += 16) {
      const part = f32x4.mul(scale, f32x4.mul(v128.load(w + i), v128.load(gradients + i)));
      const gradient = f32x4.sub(part, f32x4.mul(v128.load(from + i), factor));
      v128.store(to + i, accumulate ? f32x4.add(v128.load(to + i), gradient) : gradient);
    }
  }
}

/** Four columns, or the `count` that are left, from their first row. */
// @ts-ignore: decorator
@inline function fourColumns(dw: usize, dy: usize, x: usize, inverses: usize, bytes: usize, T: i32, count: usize): void {
  let sum = f32x4.splat(0);
  for (const end = inverses + (<usize>T << 2); inverses < end; inverses += 4, dy += bytes, x += bytes) {
    const product = f32x4.mul(loadSome(dy, count), loadSome(x, count));
    sum = f32x4.add(sum, f32x4.mul(product, v128.load_splat<f32>(inverses)));
  }
  storeSome(dw, f32x4.add(loadSome(dw, count), sum), count);
}

/** Sixteen columns: a line of memory of each row. */
function sixteenColumns(dw: usize, dy: usize, x: usize, inverses: usize, bytes: usize, T: i32): void {
  let a = f32x4.splat(0), b = a, c = a, d = a;
  for (const end = inverses + (<usize>T << 2); inverses < end; inverses += 4, dy += bytes, x += bytes) {
    const r = v128.load_splat<f32>(inverses);
    a = f32x4.add(a, f32x4.mul(f32x4.mul(v128.load(dy), v128.load(x)), r));
    b = f32x4.add(b, f32x4.mul(f32x4.mul(v128.load(dy, 16), v128.load(x, 16)), r));
    c = f32x4.add(c, f32x4.mul(f32x4.mul(v128.load(dy, 32), v128.load(x, 32)), r));
    d = f32x4.add(d, f32x4.mul(f32x4.mul(v128.load(dy, 48), v128.load(x, 48)), r));
  }
  v128.store(dw, f32x4.add(v128.load(dw), a));
  v128.store(dw, f32x4.add(v128.load(dw, 16), b), 16);
  v128.store(dw, f32x4.add(v128.load(dw, 32), c), 32);
  v128.store(dw, f32x4.add(v128.load(dw, 48), d), 48);
}

export function rmsNormWeightGradient(
  dw: usize, dy: usize, x: usize, inverses: usize, n: i32, T: i32, c0: i32, c1: i32,
): void {
  const bytes = <usize>rowStride(n) << 2;
  const end = <usize>c1 << 2;
  let i = <usize>c0 << 2;
  for (; i + 64 <= end; i += 64) sixteenColumns(dw + i, dy + i, x + i, inverses, bytes, T);
  for (; i < end; i += 16) fourColumns(dw + i, dy + i, x + i, inverses, bytes, T, end - i >> 2);
}

/** σ(x), as the forward half has it. */
// @ts-ignore: decorator
@inline function sigmoid(x: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp4(f32x4.neg(x))));
}

/** dGate = gradient * up * activation'(x), dUp = gradient * activation(x) of four elements or the `left` there are. */
// @ts-ignore: decorator
@inline function gateFour(dGate: usize, dUp: usize, gradient: v128, x: v128, up: v128, activation: i32, left: usize): void {
  const one = f32x4.splat(1);
  let value: v128, slope: v128;
  if (activation == 0) {
    const s = sigmoid(x);
    value = f32x4.mul(x, s);
    slope = f32x4.mul(s, f32x4.add(one, f32x4.mul(x, f32x4.sub(one, s))));
  } else if (activation == 1) {
    const positive = f32x4.max(x, f32x4.splat(0));
    value = f32x4.mul(positive, positive);
    slope = f32x4.add(positive, positive);
  } else {
    // x·σ(2u) with u' as in the forward half. σ' is nothing far from 0, where a square could exceed f32.
    const close = f32x4.max(f32x4.min(x, f32x4.splat(32)), f32x4.splat(-32));
    const square = f32x4.mul(close, close);
    const cubic = f32x4.mul(f32x4.mul(square, close), f32x4.splat(0.044715));
    const twice = f32x4.mul(f32x4.add(close, cubic), f32x4.splat(1.5957691216057308));
    const twiceSlope = f32x4.add(f32x4.splat(1.5957691216057308), f32x4.mul(square, f32x4.splat(0.21406650079601287)));
    const s = sigmoid(twice), rest = sigmoid(f32x4.neg(twice));
    value = f32x4.mul(x, s);
    slope = f32x4.add(s, f32x4.mul(f32x4.mul(f32x4.mul(close, s), rest), twiceSlope));
  }
  storeSome(dGate, f32x4.mul(f32x4.mul(gradient, up), slope), left);
  storeSome(dUp, f32x4.mul(gradient, value), left);
}

/** The same for one activation, a literal, so that the loop does not ask for it. */
// @ts-ignore: decorator
@inline function gateAs(
  dGate: usize, dUp: usize, dOut: usize, gate: usize, up: usize, activation: i32, e0: i32, e1: i32,
): void {
  const end = <usize>e1 << 2;
  for (let i = <usize>e0 << 2; i < end; i += 16) {
    const left = end - i >> 2;
    const gradient = loadSome(dOut + i, left), x = loadSome(gate + i, left), factor = loadSome(up + i, left);
    gateFour(dGate + i, dUp + i, gradient, x, factor, activation, left);
  }
}

export function gateBackward(
  dGate: usize, dUp: usize, dOut: usize, gate: usize, up: usize, activation: i32, e0: i32, e1: i32,
): void {
  if (activation == 0) gateAs(dGate, dUp, dOut, gate, up, 0, e0, e1);
  else if (activation == 1) gateAs(dGate, dUp, dOut, gate, up, 1, e0, e1);
  else gateAs(dGate, dUp, dOut, gate, up, 2, e0, e1);
}

export function embedBackward(dTable: usize, ids: usize, dx: usize, K: i32, T: i32, c0: i32, c1: i32): void {
  const bytes = <usize>rowStride(K) << 2;
  const end = <usize>c1 << 2;
  for (let t: usize = 0; t < <usize>T; t++) {
    const to = dTable + <usize>load<u32>(ids + (t << 2)) * bytes, from = dx + t * bytes;
    for (let i = <usize>c0 << 2; i < end; i += 16) {
      const left = end - i >> 2;
      storeSome(to + i, f32x4.add(loadSome(to + i, left), loadSome(from + i, left)), left);
    }
  }
}
