import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BitnetError } from '../base/errors.ts';
import { byteLengthOf, type TernaryDType } from './dtype.ts';
import { floatToHalf, halfToFloat } from './half.ts';
import { packTernary, ternaryScale, unpackTernary } from './ternary-tensor.ts';

const TYPES: readonly TernaryDType[] = ['I2_S', 'TQ1_0', 'TQ2_0'];

const hasCode =
  (code: string) =>
  (error: unknown): boolean =>
    error instanceof BitnetError && error.code === code && error.message.startsWith('blk.0');

function randomCodes(count: number, seed: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 16) % 3;
  });
}

for (const dtype of TYPES) {
  test(`${dtype}: unpacking what was packed gives the same codes and scale`, () => {
    const length = fc.integer({ min: 1, max: 5 }).map((blocks) => blocks * (dtype === 'I2_S' ? 128 : 256));
    fc.assert(
      fc.property(
        length,
        fc.nat(),
        fc.float({ noNaN: true, min: Math.fround(1e-4), max: 1000 }),
        (count, seed, scale) => {
          const codes = randomCodes(count, seed);
          const bytes = packTernary(dtype, codes, scale, 'blk.0');
          assert.equal(bytes.length, byteLengthOf(dtype, [count]));
          const back = new Uint8Array(count);
          unpackTernary(dtype, bytes, count, back, 'blk.0');
          assert.deepEqual(back, codes);
          const kept = dtype === 'I2_S' ? scale : halfToFloat(floatToHalf(scale));
          assert.equal(ternaryScale(dtype, bytes, count, 'blk.0'), kept);
        },
      ),
      { numRuns: 50 },
    );
  });

  test(`${dtype}: bytes of another length are refused`, () => {
    const bytes = packTernary(dtype, new Uint8Array(256), 1, 'blk.0');
    const codes = new Uint8Array(512);
    assert.throws(
      () => unpackTernary(dtype, bytes.subarray(1), 256, codes, 'blk.0'),
      hasCode('tensor/byte-length'),
    );
    assert.throws(() => unpackTernary(dtype, bytes, 512, codes, 'blk.0'), hasCode('tensor/byte-length'));
    assert.throws(() => unpackTernary(dtype, bytes, 100, codes, 'blk.0'), hasCode('tensor/bad-shape'));
    assert.throws(() => ternaryScale(dtype, bytes.subarray(1), 256, 'blk.0'), hasCode('tensor/byte-length'));
  });

  test(`${dtype}: a code beyond 2 is not packed`, () => {
    const codes = new Uint8Array(256);
    codes[77] = 3;
    assert.throws(() => packTernary(dtype, codes, 1, 'blk.0'), /weight 77 has the code 3/);
  });
}

test('I2_S: weight j of a group lies in byte j mod 32, first quarter in the top bits', () => {
  for (let j = 0; j < 128; j++) {
    const codes = new Uint8Array(256);
    codes[128 + j] = 2;
    const bytes = packTernary('I2_S', codes, 1, 'blk.0');
    const expected = new Uint8Array(bytes.length);
    expected[32 + (j % 32)] = 2 << (6 - 2 * Math.floor(j / 32));
    expected.set([0, 0, 0x80, 0x3f], 64);
    assert.deepEqual(bytes, expected);
  }
});

test('TQ2_0: weight 128 h + 32 l + m lies in byte 32 h + m at bit 2 l', () => {
  for (let j = 0; j < 256; j++) {
    const codes = new Uint8Array(256);
    codes[j] = 1;
    const bytes = packTernary('TQ2_0', codes, 1, 'blk.0');
    const half = Math.floor(j / 128);
    const expected = new Uint8Array(66);
    expected[32 * half + (j % 32)] = 1 << (2 * (Math.floor(j / 32) % 4));
    expected.set([0x00, 0x3c], 64);
    assert.deepEqual(bytes, expected);
  }
});

/** The decoding rule of ggml for one weight of a TQ1_0 block. */
function trit(block: Uint8Array, j: number): number {
  let byte: number;
  let digit: number;
  if (j < 160) [byte, digit] = [j % 32, Math.floor(j / 32)];
  else if (j < 240) [byte, digit] = [32 + ((j - 160) % 16), Math.floor((j - 160) / 16)];
  else [byte, digit] = [48 + ((j - 240) % 4), Math.floor((j - 240) / 4)];
  return (((block[byte]! * 3 ** digit) & 255) * 3) >> 8;
}

test('TQ1_0: every byte value decodes as ggml decodes it', () => {
  for (let value = 0; value < 256; value++) {
    const bytes = new Uint8Array(54).map((_, i) => (i < 52 ? (value + i * 5) & 255 : 0));
    const codes = new Uint8Array(256);
    unpackTernary('TQ1_0', bytes, 256, codes, 'blk.0');
    assert.deepEqual(
      codes,
      Uint8Array.from({ length: 256 }, (_, j) => trit(bytes, j)),
    );
  }
});

test('TQ1_0: bytes are the rounded-up 243rds of 256', () => {
  const codes = new Uint8Array(256);
  [2, 1, 0, 2, 1].forEach((code, t) => {
    codes[32 * t + 3] = code;
  });
  const value = 2 * 81 + 27 + 0 + 2 * 3 + 1;
  assert.equal(packTernary('TQ1_0', codes, 1, 'blk.0')[3], Math.ceil((value * 256) / 243));
});

for (const dtype of ['I2_S', 'TQ2_0'] as const) {
  test(`${dtype}: a code 3 in the data is an error that names tensor and weight`, () => {
    const bytes = packTernary(dtype, new Uint8Array(512), 1, 'blk.0');
    bytes[dtype === 'I2_S' ? 33 : 66 + 1] = 0b11;
    const codes = new Uint8Array(512);
    const weight = dtype === 'I2_S' ? 128 + 96 + 1 : 256 + 1;
    assert.throws(
      () => unpackTernary(dtype, bytes, 512, codes, 'blk.0'),
      new RegExp(`blk\\.0: weight ${weight} has the code 3`),
    );
  });
}

for (const dtype of ['TQ1_0', 'TQ2_0'] as const) {
  const scaleAt = dtype === 'TQ1_0' ? 52 : 64;
  const size = dtype === 'TQ1_0' ? 54 : 66;

  test(`${dtype}: blocks of different scales are refused`, () => {
    const bytes = packTernary(dtype, new Uint8Array(768), 1, 'blk.0');
    bytes[2 * size + scaleAt] = 1;
    assert.throws(() => ternaryScale(dtype, bytes, 768, 'blk.0'), hasCode('tensor/mixed-scales'));
  });

  test(`${dtype}: blocks of zeros may have any scale`, () => {
    const codes = new Uint8Array(1024).fill(1);
    codes.fill(2, 256, 512);
    const bytes = packTernary(dtype, codes, 0.25, 'blk.0');
    bytes.set([0, 0], scaleAt);
    bytes.set([0xff, 0x7f], 2 * size + scaleAt);
    assert.equal(ternaryScale(dtype, bytes, 1024, 'blk.0'), 0.25);
    assert.equal(ternaryScale(dtype, packTernary(dtype, codes.subarray(0, 256), 7, 'x'), 256, 'x'), 0);
  });

  test(`${dtype}: an infinite scale is refused`, () => {
    const bytes = packTernary(dtype, new Uint8Array(256), 1e9, 'blk.0');
    assert.throws(() => ternaryScale(dtype, bytes, 256, 'blk.0'), hasCode('tensor/bad-scale'));
  });
}

test('I2_S: a scale that is no finite number is refused', () => {
  const bytes = packTernary('I2_S', new Uint8Array(128), Number.NaN, 'blk.0');
  assert.throws(() => ternaryScale('I2_S', bytes, 128, 'blk.0'), hasCode('tensor/bad-scale'));
});
