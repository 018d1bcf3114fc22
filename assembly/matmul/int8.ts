// int8 rows by int16 activations: the output head. Exact in int32; memory bound, so rows are read one stream at a time.
import { HEAD_BYTES, rowStride, sum4x4 } from '../lanes';
import { load4, storeRows } from './results';

// @ts-ignore: decorator
@inline function rowSum(w: usize, a: usize, stride: usize): v128 {
  let s = i32x4.splat(0), u = s;
  for (const end = w + stride; w < end; w += 16, a += 32) {
    const x = v128.load(w);
    s = i32x4.add(s, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_s(x), v128.load(a)));
    u = i32x4.add(u, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_s(x), v128.load(a, 16)));
  }
  return i32x4.add(s, u);
}

export function int8Matmul(
  out: usize, outStride: i32, q: usize, bytes: usize, w: usize, scales: usize, K: i32, T: i32, r0: i32, r1: i32,
): void {
  const stride = <usize>rowStride(K);
  for (let r = r0; r < r1; r += 4) {
    const rows = min<i32>(4, r1 - r);
    const p = w + <usize>r * stride;
    const p1 = rows > 1 ? p + stride : p, p2 = rows > 2 ? p1 + stride : p1, p3 = rows > 3 ? p2 + stride : p2;
    const rowScales = load4(scales + (<usize>r << 2), rows);
    for (let t: usize = 0; t < <usize>T; t++) {
      const row = q + t * bytes, a = row + HEAD_BYTES;
      const sums = sum4x4(rowSum(p, a, stride), rowSum(p1, a, stride), rowSum(p2, a, stride), rowSum(p3, a, stride));
      const scale = f32x4.div(rowScales, f32x4.splat(load<f32>(row)));
      const to = out + (t * <usize>outStride + <usize>r << 2);
      storeRows(to, f32x4.mul(f32x4.convert_i32x4_s(sums), scale), 0, rows);
    }
  }
}
