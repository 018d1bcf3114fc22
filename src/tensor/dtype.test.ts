import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BitnetError } from '../base/errors.ts';
import { blockBytes, blockWeights, byteLengthOf, DTYPES, elementCount, isTernary } from './dtype.ts';

const hasCode =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof BitnetError && error.code === code;

test('block sizes are those of ggml and bitnet.cpp', () => {
  const pinned = Object.fromEntries(DTYPES.map((dtype) => [dtype, [blockWeights(dtype), blockBytes(dtype)]]));
  assert.deepEqual(pinned, {
    F64: [1, 8],
    F32: [1, 4],
    F16: [1, 2],
    BF16: [1, 2],
    I64: [1, 8],
    U64: [1, 8],
    I32: [1, 4],
    U32: [1, 4],
    I16: [1, 2],
    U16: [1, 2],
    I8: [1, 1],
    U8: [1, 1],
    BOOL: [1, 1],
    Q4_0: [32, 18],
    Q8_0: [32, 34],
    Q6_K: [256, 210],
    TQ1_0: [256, 54],
    TQ2_0: [256, 66],
    I2_S: [128, 32],
  });
});

test('the published sizes of BitNet b1.58 2B4T come out', () => {
  assert.equal(byteLengthOf('F16', [128256, 2560]), 656_670_720);
  const perLayer = [
    [2560, 2560],
    [640, 2560],
    [640, 2560],
    [2560, 2560],
    [6912, 2560],
    [6912, 2560],
    [2560, 6912],
  ];
  const layer = perLayer.reduce((sum, shape) => sum + byteLengthOf('I2_S', shape), 0);
  assert.equal(30 * layer, 521_017_920);
});

test('I2_S has a tail of 32 bytes', () => {
  assert.equal(byteLengthOf('I2_S', [2, 128]), 2 * 32 + 32);
});

test('scalars and empty tensors have a length', () => {
  assert.equal(byteLengthOf('F32', []), 4);
  assert.equal(byteLengthOf('F32', [0, 7]), 0);
  assert.equal(elementCount([]), 1);
});

test('impossible shapes are refused with the tensor named', () => {
  const shapes: [Parameters<typeof byteLengthOf>[0], number[]][] = [
    ['I2_S', [128, 64]],
    ['I2_S', [256, 130]],
    ['TQ1_0', [256, 128]],
    ['TQ2_0', [384]],
    ['Q8_0', [33]],
    ['Q6_K', []],
    ['F32', [-1]],
    ['F32', [1.5]],
    ['F32', [Number.NaN]],
    ['F32', [2 ** 40, 2 ** 40]],
    ['F64', [2 ** 52]],
  ];
  for (const [dtype, shape] of shapes) {
    assert.throws(
      () => byteLengthOf(dtype, shape, 'blk.0'),
      hasCode('tensor/bad-shape'),
      `${dtype} [${shape}]`,
    );
  }
  assert.throws(() => byteLengthOf('I2_S', [2, 64], 'blk.0'), /blk\.0: shape \[2, 64\].*multiple of 128/);
});

test('only the packed types are ternary', () => {
  assert.deepEqual(DTYPES.filter(isTernary), ['TQ1_0', 'TQ2_0', 'I2_S']);
});
