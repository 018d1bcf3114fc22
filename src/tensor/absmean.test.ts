import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BitnetError } from '../base/errors.ts';
import { absmeanCodes, absmeanScale, scaleInType, sumOfMagnitudes } from './absmean.ts';

function codesOf(weights: number[], scale: number): number[] {
  const codes = new Uint8Array(weights.length);
  absmeanCodes(Float32Array.from(weights), scale, codes);
  return [...codes];
}

test('weights round to the nearest of -1, 0, 1 in units of the scale', () => {
  assert.deepEqual(codesOf([-9, -2.1, -1, -0.1, 0, 0.1, 1, 2.1, 9], 2), [0, 0, 1, 1, 1, 1, 1, 2, 2]);
});

test('exactly half goes to zero, as rounding to even does', () => {
  assert.deepEqual(codesOf([-0.5, 0.5, -0.5000001, 0.5000001], 1), [1, 1, 0, 2]);
});

test('the product with the float32 reciprocal decides, not the quotient', () => {
  const scale = Math.fround(0.1);
  const inverse = Math.fround(1 / scale);
  for (let i = 0; i < 100; i++) {
    const weight = Math.fround(0.05 + (i - 50) * 2 ** -28);
    assert.deepEqual(codesOf([weight], scale), [Math.fround(weight * inverse) > 0.5 ? 2 : 1]);
  }
});

test('the scale is the float32 mean of magnitudes, with a floor', () => {
  assert.equal(absmeanScale(sumOfMagnitudes(Float32Array.of(-1, 2, -3)), 3, 'w'), 2);
  assert.equal(absmeanScale(1, 3, 'w'), Math.fround(1 / 3));
  assert.equal(absmeanScale(0, 4, 'w'), Math.fround(1e-5));
  assert.equal(absmeanScale(0, 0, 'w'), Math.fround(1e-5));
});

test('weights that are not finite are refused', () => {
  for (const bad of [Number.NaN, Infinity, -Infinity]) {
    const sum = sumOfMagnitudes(Float32Array.of(1, bad));
    assert.throws(
      () => absmeanScale(sum, 2, 'w'),
      (error) =>
        error instanceof BitnetError && error.code === 'tensor/not-finite' && error.message.startsWith('w:'),
    );
  }
});

test('the scale in use has the type of the masters', () => {
  const mean = Math.fround(0.0512345);
  assert.equal(scaleInType('F32', mean), mean);
  assert.equal(scaleInType('BF16', mean), 0.05126953125);
  assert.equal(scaleInType('F16', mean), 0.051239013671875);
});
