import assert from 'node:assert/strict';
import { test } from 'node:test';
import { halfToFloat } from '../../tensor/half.ts';
import {
  fieldBytes,
  normalFloats,
  normalHalves,
  normalInt8,
  RandomBytes,
  tritBytes,
  uniformBytes,
} from './random-bytes.ts';

function draw(seed: number, name: string, length: number, table: Uint8Array = uniformBytes()): Uint8Array {
  const out = new Uint8Array(length);
  new RandomBytes(seed, name).fill(out, table);
  return out;
}

function spreadOf(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance) };
}

function near(found: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(found - expected) <= tolerance, `${found} instead of ${expected}`);
}

test('a stream is fixed by its seed and its name', () => {
  assert.deepEqual(draw(1, 'a', 101), draw(1, 'a', 101));
  assert.notDeepEqual(draw(1, 'a', 101), draw(2, 'a', 101));
  assert.notDeepEqual(draw(1, 'a', 101), draw(1, 'b', 101));
  assert.notDeepEqual(draw(1, 'a', 101), draw(1 + 2 ** 32, 'a', 101));
});

test('all bytes are about equally frequent, and neighbours are independent', () => {
  const bytes = draw(3, 'uniform', 1 << 18);
  const counts = new Array<number>(256).fill(0);
  let agreement = 0;
  bytes.forEach((byte, i) => {
    counts[byte]!++;
    if (i > 0 && byte >> 7 === bytes[i - 1]! >> 7) agreement++;
  });
  for (const count of counts) near(count, 1024, 200);
  near(agreement / bytes.length, 0.5, 0.01);
});

test('ternary bytes are valid and have 40 % zero weights', () => {
  const fields = draw(4, 'fields', 1 << 16, fieldBytes());
  const codes = [...fields].flatMap((byte) => [0, 2, 4, 6].map((shift) => (byte >> shift) & 3));
  assert.ok(!codes.includes(3));
  near(codes.filter((code) => code === 1).length / codes.length, 0.4, 0.005);
  near(codes.filter((code) => code === 2).length / codes.length, 0.3, 0.005);

  for (const trits of [4, 5] as const) {
    const table = tritBytes(trits);
    assert.equal(new Set(table).size, 3 ** trits);
    let zeros = 0;
    for (let byte of table) {
      for (let t = 0; t < trits; t++) {
        if ((byte * 3) >> 8 === 1) zeros++;
        byte = (byte * 3) & 255;
      }
    }
    near(zeros / trits / table.length, 0.4, 0.005);
  }
});

test('normal numbers have the deviation asked for', () => {
  const halves = spreadOf([...normalHalves(0.03)].map(halfToFloat));
  near(halves.mean, 0, 1e-4);
  near(halves.deviation, 0.03, 0.001);
  const bytes = spreadOf([...new Int8Array(normalInt8().buffer)]);
  near(bytes.deviation, 127 / 3.5, 1);
  const floats = spreadOf([...normalFloats(new RandomBytes(5, 'norm'), 20000, 0.1, 1)]);
  near(floats.mean, 1, 0.005);
  near(floats.deviation, 0.1, 0.005);
});
