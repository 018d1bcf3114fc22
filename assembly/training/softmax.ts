// Softmaxes of training: of the scores of attention, forward and backward, and of logits in the loss.
import { exp4 } from '../lanes';
import { dot, fold4to1, loadSome, most4, storeSome } from './lanes';

/** The largest of x[i] * scale over `count` elements. */
function largest(x: usize, scale: f32, count: i32): f32 {
  const factor = f32x4.splat(scale);
  let most = f32x4.splat(-Infinity);
  let left = <usize>count;
  for (; left >= 4; left -= 4, x += 16) most = f32x4.max(most, f32x4.mul(v128.load(x), factor));
  let result = most4(most);
  for (; left > 0; left--, x += 4) result = max<f32>(result, load<f32>(x) * scale);
  return result;
}

/** Σ e^(x[i] * scale - most) over `count` elements; the terms stay at x when `isStored`, a literal. */
// @ts-ignore: decorator
@inline function exponentials(x: usize, scale: f32, most: f32, count: i32, isStored: bool): f32 {
  const factor = f32x4.splat(scale), shift = f32x4.splat(most);
  let a = f32x4.splat(0), b = a;
  let left = <usize>count;
  for (; left >= 8; left -= 8, x += 32) {
    const low = exp4(f32x4.sub(f32x4.mul(v128.load(x), factor), shift));
    const high = exp4(f32x4.sub(f32x4.mul(v128.load(x, 16), factor), shift));
    if (isStored) {
      v128.store(x, low);
      v128.store(x, high, 16);
    }
    a = f32x4.add(a, low);
    b = f32x4.add(b, high);
  }
  let sum = fold4to1(f32x4.add(a, b));
  for (; left > 0; left--, x += 4) {
    const one = f32x4.extract_lane(exp4(f32x4.splat(load<f32>(x) * scale - most)), 0);
    if (isStored) store<f32>(x, one);
    sum += one;
  }
  return sum;
}

function storeExponentials(x: usize, scale: f32, most: f32, count: i32): f32 {
  return exponentials(x, scale, most, count, true);
}

function sumExponentials(x: usize, most: f32, count: i32): f32 {
  return exponentials(x, 1, most, count, false);
}

/** x[i] *= factor. */
function multiply(x: usize, factor: f32, count: i32): void {
  const f = f32x4.splat(factor);
  let left = <usize>count;
  for (; left >= 4; left -= 4, x += 16) v128.store(x, f32x4.mul(v128.load(x), f));
  storeSome(x, f32x4.mul(loadSome(x, left), f), left);
}

export function causalSoftmax(p: usize, ld: i32, scale: f32, position: i32, columns: i32, r0: i32, r1: i32): void {
  for (let r = r0; r < r1; r++) {
    const row = p + (<usize>r * <usize>ld << 2);
    const seen = min(position + r + 1, columns);
    const sum = storeExponentials(row, scale, largest(row, scale, seen), seen);
    multiply(row, 1 / sum, seen);
    memory.fill(row + (<usize>seen << 2), 0, <usize>(columns - seen) << 2);
  }
}

export function causalSoftmaxBackward(dp: usize, p: usize, ld: i32, scale: f32, columns: i32, r0: i32, r1: i32): void {
  const factor = f32x4.splat(scale);
  for (let r = r0; r < r1; r++) {
    let to = dp + (<usize>r * <usize>ld << 2), from = p + (<usize>r * <usize>ld << 2);
    const sum = f32x4.splat(dot(to, from, columns));
    for (let left = <usize>columns; left > 0; left -= min<usize>(left, 4), to += 16, from += 16) {
      const gradient = f32x4.sub(loadSome(to, left), sum);
      storeSome(to, f32x4.mul(f32x4.mul(factor, loadSome(from, left)), gradient), left);
    }
  }
}

/** ln(x) of an x >= 1, to some 1e-11: x = 2^n * m with m in [√½, √2), ln(m) = 2 artanh((m - 1) / (m + 1)). */
function naturalLogarithm(x: f64): f64 {
  if (!(x < Infinity)) return x;
  const bits = reinterpret<u64>(x);
  let n = <i32>(bits >> 52) - 1023;
  let m = reinterpret<f64>((bits & 0x000fffffffffffff) | 0x3ff0000000000000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    n++;
  }
  const t = (m - 1) / (m + 1), square = t * t;
  let series: f64 = 0;
  for (let k = 15; k > 0; k -= 2) series = series * square + 1 / <f64>k;
  return <f64>n * 0.6931471805599453 + 2 * t * series;
}

export function crossEntropy(
  losses: usize, logits: usize, targets: usize, scale: f32, V: i32, stride: i32, t0: i32, t1: i32,
): void {
  for (let t = <usize>t0; t < <usize>t1; t++) {
    const row = logits + (t * <usize>stride << 2);
    const target = load<i32>(targets + (t << 2));
    if (target < 0) {
      store<f32>(losses + (t << 2), 0);
      if (scale != 0) memory.fill(row, 0, <usize>stride << 2);
      continue;
    }
    const at = row + (<usize>target << 2);
    const most = largest(row, 1, V);
    const score = load<f32>(at) - most;
    const sum = scale == 0 ? sumExponentials(row, most, V) : storeExponentials(row, 1, most, V);
    store<f32>(losses + (t << 2), <f32>(naturalLogarithm(<f64>sum) - <f64>score));
    if (scale == 0) continue;
    const gradient = <f32>((<f64>load<f32>(at) / <f64>sum - 1) * <f64>scale);
    multiply(row, scale / sum, V);
    store<f32>(at, gradient);
    memory.fill(row + (<usize>V << 2), 0, <usize>(stride - V) << 2);
  }
}
