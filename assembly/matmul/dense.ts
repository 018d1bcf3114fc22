// f32 products with dense rows (f32, f16, bf16, Q8_0): 16-bit models, and the full-precision output head.
import { halfMask, halfScale } from '../constants';
import { dense4, fold16, half1, rowStride } from '../lanes';
import { denseRowBytes, expandRow } from '../rows';

/** 16-lane dot product of a dense row with f32 values. */
// @ts-ignore: decorator
@inline function dotRow(row: usize, x: usize, stride: usize, format: i32): f32 {
  const mask = i32x4.splat(halfMask), scale = f32x4.splat(halfScale);
  let a = f32x4.splat(0), b = a, c = a, d = a;
  for (let k: usize = 0; k < stride; k += 16) {
    const from = x + (k << 2);
    a = f32x4.add(a, f32x4.mul(dense4(row, k, format, mask, scale), v128.load(from)));
    b = f32x4.add(b, f32x4.mul(dense4(row, k + 4, format, mask, scale), v128.load(from, 16)));
    c = f32x4.add(c, f32x4.mul(dense4(row, k + 8, format, mask, scale), v128.load(from, 32)));
    d = f32x4.add(d, f32x4.mul(dense4(row, k + 12, format, mask, scale), v128.load(from, 48)));
  }
  return fold16(a, b, c, d);
}

// @ts-ignore: decorator
@inline function bytes4(at: usize, d: v128): v128 {
  const q = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(at)));
  return f32x4.mul(f32x4.convert_i32x4_s(q), d);
}

function dotQ8(row: usize, x: usize, K: i32): f32 {
  let a = f32x4.splat(0), b = a, c = a, d = a;
  for (let block: i32 = 0; block < K >> 5; block++, row += 34) {
    const s = f32x4.splat(half1(load<u16>(row)));
    for (let from = row + 2, end = row + 34; from < end; from += 16, x += 64) {
      a = f32x4.add(a, f32x4.mul(bytes4(from, s), v128.load(x)));
      b = f32x4.add(b, f32x4.mul(bytes4(from + 4, s), v128.load(x, 16)));
      c = f32x4.add(c, f32x4.mul(bytes4(from + 8, s), v128.load(x, 32)));
      d = f32x4.add(d, f32x4.mul(bytes4(from + 12, s), v128.load(x, 48)));
    }
  }
  return fold16(a, b, c, d);
}

/** Stores or adds one result. */
// @ts-ignore: decorator
@inline function put(to: usize, value: f32, accumulate: i32): void {
  store<f32>(to, accumulate ? load<f32>(to) + value : value);
}

/** An expanded row times two tokens, whose values are `xBytes` apart. */
// @ts-ignore: decorator
@inline function dotTwo(out: usize, outBytes: usize, row: usize, x: usize, xBytes: usize, accumulate: i32): void {
  let a = f32x4.splat(0), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
  for (let k: usize = 0; k < xBytes; k += 64) {
    const from = x + k, next = from + xBytes;
    let w = v128.load(row + k);
    a = f32x4.add(a, f32x4.mul(w, v128.load(from))); e = f32x4.add(e, f32x4.mul(w, v128.load(next)));
    w = v128.load(row + k, 16);
    b = f32x4.add(b, f32x4.mul(w, v128.load(from, 16))); f = f32x4.add(f, f32x4.mul(w, v128.load(next, 16)));
    w = v128.load(row + k, 32);
    c = f32x4.add(c, f32x4.mul(w, v128.load(from, 32))); g = f32x4.add(g, f32x4.mul(w, v128.load(next, 32)));
    w = v128.load(row + k, 48);
    d = f32x4.add(d, f32x4.mul(w, v128.load(from, 48))); h = f32x4.add(h, f32x4.mul(w, v128.load(next, 48)));
  }
  put(out, fold16(a, b, c, d), accumulate);
  put(out + outBytes, fold16(e, f, g, h), accumulate);
}

/** A stored row times one token. */
// @ts-ignore: decorator
@inline function dotStored(row: usize, x: usize, format: i32, K: i32): f32 {
  const stride = <usize>rowStride(K);
  if (format == 0) return dotRow(row, x, stride, 0);
  if (format == 1) return dotRow(row, x, stride, 1);
  return format == 2 ? dotRow(row, x, stride, 2) : dotQ8(row, x, K);
}

/** Chosen rows times one token. */
export function denseRows(out: usize, x: usize, w: usize, format: i32, K: i32, ids: usize, n0: i32, n1: i32): void {
  const bytes = denseRowBytes(format, K);
  for (let n = <usize>n0; n < <usize>n1; n++) {
    const row = w + <usize>load<u32>(ids + (n << 2)) * bytes;
    store<f32>(out + (n << 2), dotStored(row, x, format, K));
  }
}

/** One token, straight from the stored row: its bytes are what limits the speed. */
function oneToken(out: usize, x: usize, w: usize, format: i32, K: i32, accumulate: i32, r0: i32, r1: i32): void {
  const bytes = denseRowBytes(format, K);
  for (let r = <usize>r0; r < <usize>r1; r++) {
    put(out + (r << 2), dotStored(w + r * bytes, x, format, K), accumulate);
  }
}

/** Several tokens: each row becomes f32 once, at `scratch` f32 [rowStride(K)]. */
export function denseMatmul(
  out: usize, outStride: i32, x: usize, w: usize, format: i32, K: i32, T: i32, accumulate: i32, r0: i32, r1: i32,
  scratch: usize,
): void {
  if (T == 1) {
    oneToken(out, x, w, format, K, accumulate, r0, r1);
    return;
  }
  const stride = <usize>rowStride(K);
  const xBytes = stride << 2, outBytes = <usize>outStride << 2;
  const bytes = denseRowBytes(format, K);
  for (let r = <usize>r0; r < <usize>r1; r++) {
    expandRow(scratch, w + r * bytes, format, 1, K);
    let t: usize = 0;
    const to = out + (r << 2);
    for (; t + 2 <= <usize>T; t += 2) dotTwo(to + t * outBytes, outBytes, scratch, x + t * xBytes, xBytes, accumulate);
    if (t < <usize>T) put(to + t * outBytes, dotRow(scratch, x + t * xBytes, stride, 0), accumulate);
  }
}
