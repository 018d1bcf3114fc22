/**
 * exp, ln, sin and cos in double precision from + - * / alone. ECMAScript leaves the last bits of Math.exp and its
 * kin to the engine; positions and sampled tokens must not depend on which engine runs.
 */

const LN2_HIGH = 0.6931471803691238; // upper 32 bits, so that n * LN2_HIGH is exact
const LN2_LOW = 1.9082149292705877e-10;
const bits = new DataView(new ArrayBuffer(8));

/** e^x, relative error below 4e-16; 0 below -745, Infinity above 709.78. */
export function exp(x: number): number {
  if (Number.isNaN(x)) return Number.NaN;
  if (x > 709.78) return Number.POSITIVE_INFINITY;
  if (x < -745) return 0;
  const n = Math.round(x / Math.LN2);
  const r = x - n * LN2_HIGH - n * LN2_LOW;
  let sum = 1;
  for (let i = 14; i >= 1; i--) sum = 1 + (sum * r) / i;
  // Two factors, since 2^n itself may be subnormal.
  const half = n >> 1;
  return sum * powerOfTwo(half) * powerOfTwo(n - half);
}

/** Natural logarithm of a positive number, relative error below 4e-16 away from 1; -Infinity at 0, NaN below. */
export function ln(x: number): number {
  if (!(x > 0)) return x === 0 ? Number.NEGATIVE_INFINITY : Number.NaN;
  if (x === Number.POSITIVE_INFINITY) return x;
  if (x < 2.2250738585072014e-308) return ln(x * 2 ** 54) - 54 * Math.LN2;
  bits.setFloat64(0, x);
  const high = bits.getUint32(0);
  let exponent = (high >>> 20) - 1023;
  bits.setUint32(0, (high & 0xfffff) | 0x3ff00000);
  let m = bits.getFloat64(0);
  if (m > Math.SQRT2) {
    m /= 2;
    exponent += 1;
  }
  const s = (m - 1) / (m + 1);
  const square = s * s;
  let sum = 0;
  for (let i = 25; i >= 3; i -= 2) sum = square * (1 / i + sum);
  return exponent * LN2_HIGH + (exponent * LN2_LOW + 2 * s * (1 + sum));
}

// π/2 in three parts of 33 bits and a rest: k times a part is exact for |k| < 2^20.
const HALF_PI_1 = 1.5707963267341256;
const HALF_PI_2 = 6.077100506303966e-11;
const HALF_PI_3 = 2.0222662487111665e-21;
const HALF_PI_4 = 8.4784276603689e-32;

/** Sine and cosine of x radians, |x| < 1.6e6; absolute error below 2e-16. */
export function sinCos(x: number): { sin: number; cos: number } {
  const k = Math.round(x / (Math.PI / 2));
  const r = x - k * HALF_PI_1 - k * HALF_PI_2 - k * HALF_PI_3 - k * HALF_PI_4;
  const square = r * r;
  let s = 1;
  for (let i = 20; i >= 2; i -= 2) s = 1 - (s * square) / (i * (i + 1));
  s *= r;
  let c = 1;
  for (let i = 19; i >= 1; i -= 2) c = 1 - (c * square) / (i * (i + 1));
  switch (k & 3) {
    case 0:
      return { sin: s, cos: c };
    case 1:
      return { sin: c, cos: -s };
    case 2:
      return { sin: -s, cos: -c };
    default:
      return { sin: -c, cos: s };
  }
}

function powerOfTwo(n: number): number {
  bits.setUint32(0, (n + 1023) << 20);
  bits.setUint32(4, 0);
  return bits.getFloat64(0);
}
