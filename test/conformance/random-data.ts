/** Seeded inputs for kernels: values that meet the edges of their formats far more often than chance would. */
import type { Random } from '#src/base/random.js';
import { DenseFormat, denseRowBytes, rowStride } from '#src/kernels/kernels.js';
import { floatToHalf } from '#src/tensor/half.js';

/** f32 [rows][rowStride(K)], zero behind K; about normal, with zeros, tiny values and outliers. */
export function randomRows(random: Random, rows: number, K: number, scale = 1): Float32Array {
  const stride = rowStride(K);
  const values = new Float32Array(rows * stride);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < K; k++) values[row * stride + k] = scale * randomValue(random);
  }
  return values;
}

/** One value as {@link randomRows} has them. */
export function randomValue(random: Random): number {
  const kind = random.below(16);
  if (kind === 0) return random.below(2) === 0 ? 0 : -0;
  const value = random.next() + random.next() + random.next() + random.next() - 2;
  if (kind === 1) return value * 1e-6;
  return kind === 2 ? value * 30 : value;
}

/** u8 [count] in 0..2. */
export function randomCodes(random: Random, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => random.below(3));
}

/** A dense matrix [M, K] as it lies on the heap, pads zero; 16-bit formats have subnormals, zeros of both signs. */
export function randomDense(random: Random, format: DenseFormat, M: number, K: number): Uint8Array {
  const rowBytes = denseRowBytes(format, K);
  const bytes = new Uint8Array(M * rowBytes);
  const view = new DataView(bytes.buffer);
  for (let row = 0; row < M; row++) {
    const start = row * rowBytes;
    if (format === DenseFormat.Q8_0) {
      for (let block = start; block < start + rowBytes; block += 34) fillQ8Block(random, view, block);
      continue;
    }
    for (let k = 0; k < K; k++) {
      if (format === DenseFormat.F32) view.setFloat32(start + 4 * k, randomF32(random), true);
      else view.setUint16(start + 2 * k, randomSixteen(random, format), true);
    }
  }
  return bytes;
}

function fillQ8Block(random: Random, view: DataView, block: number): void {
  // A block's scale may be a subnormal half.
  view.setUint16(block, floatToHalf(random.below(8) === 0 ? 3e-7 : random.next() / 16), true);
  for (let i = 0; i < 32; i++) view.setInt8(block + 2 + i, random.below(256) - 128);
}

function randomF32(random: Random): number {
  return random.below(16) === 0 ? (random.next() - 0.5) * 2e-39 : randomValue(random);
}

function randomSixteen(random: Random, format: DenseFormat): number {
  const sign = random.below(2) << 15;
  const kind = random.below(8);
  if (kind === 0) return sign;
  if (format === DenseFormat.F16) {
    // Exponent 0 is subnormal, 31 not finite; the largest finite halves are among the rest.
    if (kind === 1) return sign | random.below(1 << 10);
    if (kind === 2) return sign | (30 << 10) | random.below(1 << 10);
    return sign | ((8 + random.below(10)) << 10) | random.below(1 << 10);
  }
  if (kind === 1) return sign | random.below(1 << 7);
  return sign | ((110 + random.below(24)) << 7) | random.below(1 << 7);
}
