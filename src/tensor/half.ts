/**
 * Conversions between float32 and the two 16-bit floats, on bits: IEEE 754 binary16 (f16) and bfloat16, the upper half
 * of a float32. Narrowing rounds to nearest, ties to even; subnormals, infinities and signed zeros come out exact; every
 * NaN stays a NaN (its payload is not kept).
 */

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The number that an f16 bit pattern stands for. */
export function halfToFloat(half: number): number {
  bits[0] = halfToFloatBits(half);
  return float[0]!;
}

/** The float32 bit pattern (as a signed 32-bit integer) of an f16 bit pattern in 0..65535. */
export function halfToFloatBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const magnitude = half & 0x7fff;
  // 0x38000000 moves the exponent bias from 15 to 127; infinities and NaNs need the all-ones exponent of float32.
  if (magnitude >= 0x7c00) return sign | 0x7f800000 | ((magnitude & 0x3ff) << 13);
  if (magnitude >= 0x0400) return sign | ((magnitude << 13) + 0x38000000);
  if (magnitude === 0) return sign;
  // Subnormal: magnitude * 2^-24, whose leading one becomes the implicit bit of a float32.
  const leading = 31 - Math.clz32(magnitude);
  return sign | ((leading + 103) << 23) | ((magnitude << (23 - leading)) & 0x7fffff);
}

/** The f16 bit pattern nearest to a number, which is taken as a float32 first; 65520 and above become infinity. */
export function floatToHalf(value: number): number {
  float[0] = value;
  const word = bits[0]!;
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x47800000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) {
    return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
  }
  // Below 2^-14 the step is 2^-24, which is the step of float32 in [0.5, 1): the addition rounds for us.
  float[0] = Math.abs(float[0]!) + 0.5;
  return sign | (bits[0]! - 0x3f000000);
}

/** The number that a bfloat16 bit pattern stands for. */
export function bfloat16ToFloat(half: number): number {
  bits[0] = half << 16;
  return float[0]!;
}

/** The bfloat16 bit pattern nearest to a number, which is taken as a float32 first. */
export function floatToBfloat16(value: number): number {
  float[0] = value;
  const word = bits[0]!;
  if ((word & 0x7fffffff) > 0x7f800000) return ((word >>> 16) & 0x8000) | 0x7fc0;
  return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
}
