import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GradientBench } from './gradient-bench.test.ts';

test('a wrong gradient is seen', () => {
  const bench = new GradientBench();
  const x = bench.random(48);
  const weights = bench.random(48);
  const square = bench.zeros(48);
  const forward = () => bench.f32(square).set(bench.f32(x).map((value) => value * value));
  const gradient = bench.zeros(48);
  bench.f32(gradient).set(bench.f32(weights).map((weight, i) => 2 * weight * bench.f32(x)[i]!));
  bench.assertGradient('square', x, gradient, weights, square, forward);
  bench.f32(gradient)[20]! += 0.02;
  assert.throws(() => bench.assertGradient('square', x, gradient, weights, square, forward), /square 20: /);
});
