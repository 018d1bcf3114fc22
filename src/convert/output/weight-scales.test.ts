import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { bfloat16ToFloat, floatToBfloat16 } from '../../tensor/half.ts';
import { inverseOf } from './weight-scales.ts';

test('the way back from a stored inverse is the same bits, and published ones are found again', () => {
  fc.assert(
    fc.property(fc.float({ min: Math.fround(1e-4), max: 64, noNaN: true }), (value) => {
      const stored = bfloat16ToFloat(floatToBfloat16(value));
      assert.equal(inverseOf(Math.fround(1 / stored)), stored);
      const inverse = inverseOf(value);
      assert.ok(inverse === undefined || Math.fround(1 / inverse) === value);
    }),
  );
});

test('not every number is an inverse, and zero has none', () => {
  const numbers = Array.from({ length: 4096 }, (_, i) => Math.fround(1.9 + i * 2 ** -23));
  assert.ok(numbers.some((value) => inverseOf(value) === undefined));
  assert.equal(inverseOf(0), undefined);
});
