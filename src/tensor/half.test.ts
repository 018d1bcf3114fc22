import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bfloat16ToFloat, floatToBfloat16, floatToHalf, halfToFloat, halfToFloatBits } from './half.ts';

/** What an f16 pattern means, from the definition. */
function halfByDefinition(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

test('every f16 pattern means what the definition says and comes back', () => {
  for (let half = 0; half < 65536; half++) {
    const value = halfToFloat(half);
    if (!Object.is(value, halfByDefinition(half))) assert.fail(`${half} became ${value}`);
    const back = floatToHalf(value);
    const same = Number.isNaN(value) ? (back & 0x7fff) > 0x7c00 : back === half;
    if (!same) assert.fail(`${half} came back as ${back}`);
  }
});

test('f16 rounding goes to the nearest, and to even from the middle', () => {
  for (let half = 0; half < 0x7c00; half++) {
    const low = halfToFloat(half);
    const high = half === 0x7bff ? 65536 : halfToFloat(half + 1);
    const middle = (low + high) / 2;
    const even = half % 2 === 0 ? half : half + 1;
    const step = middle * 2 ** -23 || 2 ** -149;
    for (const sign of [1, -1]) {
      const bit = sign < 0 ? 0x8000 : 0;
      assert.equal(floatToHalf(sign * middle), bit | even);
      assert.equal(floatToHalf(sign * (middle - step)), bit | half);
      assert.equal(floatToHalf(sign * (middle + step)), bit | (half + 1));
    }
  }
});

test('f16 keeps signed zero, and too large numbers become infinite', () => {
  assert.equal(floatToHalf(-0), 0x8000);
  assert.equal(floatToHalf(65519.99), 0x7bff);
  assert.equal(floatToHalf(65520), 0x7c00);
  assert.equal(floatToHalf(-1e30), 0xfc00);
  assert.equal(floatToHalf(Infinity), 0x7c00);
  assert.equal(floatToHalf(2 ** -26), 0);
});

test('the float32 bits of a NaN keep its payload', () => {
  assert.equal(halfToFloatBits(0x7e01) >>> 0, 0x7fc02000);
});

test('every bfloat16 pattern is the upper half of a float32 and comes back', () => {
  const view = new DataView(new ArrayBuffer(4));
  for (let half = 0; half < 65536; half++) {
    view.setUint16(0, half);
    const expected = view.getFloat32(0);
    const value = bfloat16ToFloat(half);
    if (!Object.is(value, expected)) assert.fail(`${half} became ${value}`);
    const back = floatToBfloat16(value);
    const same = Number.isNaN(value) ? (back & 0x7fff) > 0x7f80 : back === half;
    if (!same) assert.fail(`${half} came back as ${back}`);
  }
});

test('bfloat16 rounding goes to the nearest, and to even from the middle', () => {
  const view = new DataView(new ArrayBuffer(4));
  const round = (bits: number): number => {
    view.setUint32(0, bits);
    return floatToBfloat16(view.getFloat32(0));
  };
  for (let half = 0; half < 0x7f80; half++) {
    const even = half % 2 === 0 ? half : half + 1;
    assert.equal(round(half * 65536 + 0x8000), even);
    assert.equal(round(half * 65536 + 0x7fff), half);
    assert.equal(round(half * 65536 + 0x8001), half + 1);
  }
});
