import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BitnetError } from '../base/errors.ts';
import { dequantize } from './dequantize.ts';
import { byteLengthOf, DTYPES } from './dtype.ts';
import { bfloat16ToFloat, floatToHalf, halfToFloat } from './half.ts';
import { packTernary } from './ternary-tensor.ts';

/** Fixed pseudo-random bytes. */
function bytesOf(length: number): Uint8Array {
  let state = 12345;
  return new Uint8Array(length).map(() => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return state >>> 24;
  });
}

function withHalf(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const half = floatToHalf(value);
  bytes.set([half & 255, half >> 8], at);
  return bytes;
}

test('F32 and the 16-bit floats are read from any byte offset', () => {
  for (const start of [0, 1, 2, 3]) {
    const bytes = bytesOf(64 + start).subarray(start);
    const view = new DataView(bytes.buffer, start, 64);
    for (let i = 0; i < 16; i++) {
      assert.ok(Object.is(dequantize('F32', bytes, 16)[i], view.getFloat32(4 * i, true)));
      assert.ok(
        Object.is(dequantize('F16', bytes.subarray(0, 32), 16)[i], halfToFloat(view.getUint16(2 * i, true))),
      );
      const bf16 = dequantize('BF16', bytes.subarray(0, 32), 16)[i];
      assert.ok(Object.is(bf16, bfloat16ToFloat(view.getUint16(2 * i, true))));
    }
  }
});

test('Q8_0 is d times a signed byte', () => {
  const bytes = withHalf(withHalf(bytesOf(68), 0, 0.37), 34, -2.5);
  const signed = new Int8Array(bytes.buffer);
  const out = dequantize('Q8_0', bytes, 64);
  for (let i = 0; i < 32; i++) {
    assert.equal(out[i], halfToFloat(floatToHalf(0.37)) * signed[2 + i]!);
    assert.equal(out[32 + i], -2.5 * signed[36 + i]!);
  }
});

test('Q4_0 has the first half in low nibbles and the second in high ones', () => {
  const bytes = withHalf(bytesOf(18), 0, 0.5);
  const out = dequantize('Q4_0', bytes, 32);
  for (let i = 0; i < 16; i++) {
    assert.equal(out[i], 0.5 * ((bytes[2 + i]! % 16) - 8));
    assert.equal(out[16 + i], 0.5 * (Math.floor(bytes[2 + i]! / 16) - 8));
  }
});

test('Q6_K puts together nibbles and pairs of bits', () => {
  const bytes = withHalf(bytesOf(420), 208, 0.125);
  withHalf(bytes, 418, 3);
  const signed = new Int8Array(bytes.buffer);
  const out = dequantize('Q6_K', bytes, 512);
  for (let i = 0; i < 512; i++) {
    const block = 210 * Math.floor(i / 256);
    const [half, j] = [Math.floor((i % 256) / 128), i % 128];
    const low = (bytes[block + 64 * half + (j % 64)]! >> (j < 64 ? 0 : 4)) & 15;
    const high = (bytes[block + 128 + 32 * half + (j % 32)]! >> (2 * Math.floor(j / 32))) & 3;
    const scale = signed[block + 192 + 8 * half + Math.floor(j / 16)]!;
    const expected = (block === 0 ? 0.125 : 3) * scale * (low + 16 * high - 32);
    assert.equal(out[i]! + 0, expected + 0, `element ${i}`);
  }
});

test('ternary types are (code - 1) times the scale', () => {
  const codes = bytesOf(512).map((byte) => byte % 3);
  for (const dtype of ['I2_S', 'TQ1_0', 'TQ2_0'] as const) {
    const out = dequantize(dtype, packTernary(dtype, codes, 0.75, 'w'), 512);
    assert.deepEqual(
      [...out].map((x) => x + 0),
      [...codes].map((code) => (code - 1) * 0.75),
    );
  }
});

test('types without a reading as numbers, wrong lengths and broken blocks are refused', () => {
  const refused = DTYPES.filter((dtype) => {
    try {
      dequantize(dtype, new Uint8Array(byteLengthOf(dtype, [256])), 256);
      return false;
    } catch (error) {
      return error instanceof BitnetError && error.code === 'tensor/not-numeric';
    }
  });
  assert.deepEqual(refused, ['F64', 'I64', 'U64', 'I32', 'U32', 'I16', 'U16', 'I8', 'U8', 'BOOL']);
  const hasCode = (code: string) => (error: unknown) => error instanceof BitnetError && error.code === code;
  assert.throws(() => dequantize('F16', new Uint8Array(7), 4), hasCode('tensor/byte-length'));
  assert.throws(() => dequantize('Q8_0', new Uint8Array(34), 31), hasCode('tensor/bad-shape'));
});
