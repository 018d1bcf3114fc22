/** Interpolation between measured rates. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rateAt } from './step-costs.ts';

const curve = [
  { bytes: 1e6, bytesPerSecond: 40e9 },
  { bytes: 1e8, bytesPerSecond: 10e9 },
];

test('a rate is what was measured at its size, and the nearest beyond the sizes', () => {
  assert.equal(rateAt(curve, 1e6), 40e9);
  assert.equal(rateAt(curve, 1e8), 10e9);
  assert.equal(rateAt(curve, 1), 40e9);
  assert.equal(rateAt(curve, 1e12), 10e9);
});

test('between two sizes the seconds of a byte grow evenly with the logarithm', () => {
  // Half way from 25 to 100 picoseconds.
  assert.ok(Math.abs(rateAt(curve, 1e7) - 16e9) < 1);
});
