import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exp, ln, sinCos } from './elementary.ts';
import { createRandom } from './random.ts';

const random = createRandom(1);

function near(found: number, expected: number, tolerance: number, of: string): void {
  assert.ok(Math.abs(found - expected) <= tolerance, `${of}: ${found} instead of ${expected}`);
}

test('exp agrees with Math.exp over its whole range', () => {
  for (let i = 0; i < 20000; i++) {
    const x = (random.next() - 0.5) * 1400;
    near(exp(x), Math.exp(x), Math.exp(x) * 1e-14 + 1e-323, `exp(${x})`);
  }
  assert.equal(exp(0), 1);
  assert.equal(exp(-1000), 0);
  assert.equal(exp(1000), Number.POSITIVE_INFINITY);
  assert.ok(Number.isNaN(exp(Number.NaN)));
});

test('ln agrees with Math.log, subnormals included', () => {
  for (let i = 0; i < 20000; i++) {
    const x = 10 ** ((random.next() - 0.5) * 600);
    near(ln(x), Math.log(x), Math.abs(Math.log(x)) * 1e-14 + 1e-15, `ln(${x})`);
  }
  near(ln(5e-324), Math.log(5e-324), 1e-10, 'ln of the smallest number');
  assert.equal(ln(1), 0);
  assert.equal(ln(0), Number.NEGATIVE_INFINITY);
  assert.ok(Number.isNaN(ln(-1)));
});

test('sine and cosine agree with Math up to positions of a million', () => {
  for (let i = 0; i < 20000; i++) {
    const x = random.next() * (i % 2 === 0 ? 10 : 1e6);
    const { sin, cos } = sinCos(x);
    near(sin, Math.sin(x), 1e-15, `sin(${x})`);
    near(cos, Math.cos(x), 1e-15, `cos(${x})`);
  }
});

test('the random stream is fixed by its seed and uniform', () => {
  const counts = new Array(10).fill(0);
  for (let i = 0; i < 100000; i++) counts[random.below(10)]++;
  for (const count of counts) near(count, 10000, 500, 'share of a digit');
  const once = createRandom(42);
  const again = createRandom(42);
  const other = createRandom(43);
  const first = Array.from({ length: 5 }, () => once.next());
  assert.deepEqual(
    Array.from({ length: 5 }, () => again.next()),
    first,
  );
  assert.notDeepEqual(
    Array.from({ length: 5 }, () => other.next()),
    first,
  );
});
