import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BitnetError } from '../base/errors.ts';
import { dequantize } from './dequantize.ts';
import { encodeFloats, FLOAT_ENCODINGS, type FloatEncoding } from './encode.ts';

function again(dtype: FloatEncoding, weights: Float32Array): Float32Array {
  return dequantize(dtype, encodeFloats(dtype, weights, 'w'), weights.length);
}

const magnitudes = fc.float({ min: Math.fround(-1e4), max: Math.fround(1e4), noNaN: true });
const blocks = fc
  .array(magnitudes, { minLength: 256, maxLength: 256 })
  .map((list) => Float32Array.from(list));

test('float32 stays what it is', () => {
  fc.assert(fc.property(blocks, (weights) => assert.deepEqual(again('F32', weights), weights)));
});

test('what a type has given comes out of it again', () => {
  fc.assert(
    fc.property(
      blocks,
      fc.constantFrom('F16' as const, 'BF16' as const, 'Q8_0' as const),
      (weights, dtype) => {
        const once = again(dtype, weights);
        assert.deepEqual(again(dtype, once), once);
      },
    ),
    { numRuns: 60 },
  );
});

test('Q8_0 is off by half a step of its block at most', () => {
  fc.assert(
    fc.property(blocks, (weights) => {
      const read = again('Q8_0', weights);
      for (let block = 0; block < 256; block += 32) {
        const most = weights.subarray(block, block + 32).reduce((a, w) => Math.max(a, Math.abs(w)), 0);
        // The f16 scale itself is off by 2^-11 of itself, or by half of 2^-24 where it is tiny.
        const step = most / 127;
        const limit = step / 2 + 127 * (step * 2 ** -11 + 2 ** -25) + 1e-30;
        for (let i = block; i < block + 32; i++) assert.ok(Math.abs(read[i]! - weights[i]!) <= limit);
      }
    }),
    { numRuns: 60 },
  );
});

test("Q8_0's bytes are those of the formula: d = max / 127, halves away from zero", () => {
  const weights = new Float32Array(32);
  weights.set([127, -127, 0.5, -0.5, 1.5, -1.5, 0.49]);
  const bytes = encodeFloats('Q8_0', weights, 'w');
  assert.deepEqual([...bytes.subarray(0, 9)], [0x00, 0x3c, 127, 129, 1, 255, 2, 254, 0]);
});

test('Q6_K holds multiples of one step exactly, and others to a few hundredths of their spread', () => {
  const multiples = Float32Array.from({ length: 256 }, (_, i) => (i % 2 === 0 ? -32 : (i % 63) - 31) / 64);
  assert.deepEqual(again('Q6_K', multiples), multiples);
  fc.assert(
    fc.property(blocks, (weights) => {
      const read = again('Q6_K', weights);
      for (let group = 0; group < 256; group += 16) {
        const part = weights.subarray(group, group + 16);
        const squares = part.reduce((sum, w) => sum + w * w, 0);
        const errors = part.reduce((sum, w, i) => sum + (w - read[group + i]!) ** 2, 0);
        const most = weights.reduce((a, w) => Math.max(a, Math.abs(w)), 0);
        // A group far below the others of its block has only the coarse steps that they leave to its scale.
        assert.ok(Math.sqrt(errors) <= 0.05 * Math.sqrt(squares) + 0.02 * most + 1e-6);
      }
    }),
    { numRuns: 60 },
  );
});

test('zeros stay zeros in every type', () => {
  const zeros = new Float32Array(512);
  for (const dtype of FLOAT_ENCODINGS) assert.deepEqual(again(dtype, zeros), zeros, dtype);
});

test('what is not finite, or becomes so, is refused by name', () => {
  const cases: [FloatEncoding, number][] = [
    ['F32', Number.NaN],
    ['F16', 65520],
    ['BF16', 3.4e38],
    ['Q8_0', Number.POSITIVE_INFINITY],
    ['Q8_0', 1e7],
    ['Q6_K', 1e10],
  ];
  for (const [dtype, value] of cases) {
    const weights = new Float32Array(256);
    weights[3] = value;
    assert.throws(
      () => encodeFloats(dtype, weights, 'blk.0.w'),
      (error) =>
        error instanceof BitnetError &&
        error.code === 'tensor/not-finite' &&
        error.message.includes('blk.0.w'),
      `${dtype} ${value}`,
    );
  }
});
