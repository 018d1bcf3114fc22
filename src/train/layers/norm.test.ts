import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GradientBench } from './gradient-bench.test.ts';
import { addPartials, normBackward, normForward } from './norm.ts';

const [TOKENS, LENGTH] = [6, 48];

function setUp() {
  const bench = new GradientBench();
  const weights = bench.random(LENGTH);
  const gradient = bench.zeros(LENGTH);
  const norm = {
    weights: weights.address,
    gradient: gradient.address,
    length: LENGTH,
    epsilon: 1e-5,
    partials: bench.zeros(2, LENGTH).address,
  };
  const x = bench.random(TOKENS, LENGTH);
  const dx = bench.zeros(TOKENS, LENGTH);
  const dOut = bench.random(TOKENS, LENGTH);
  return { bench, norm, weights, gradient, x, dx, dOut, inverses: bench.zeros(TOKENS).address };
}

test('gradients of input and weights are those of finite differences, with the tokens in two chunks', () => {
  const { bench, norm, weights, gradient, x, dx, dOut, inverses } = setUp();
  const { member } = bench;
  const out = bench.zeros(TOKENS, LENGTH);
  for (const chunk of [0, 1]) {
    const n = TOKENS / 2;
    const skip = 4 * chunk * n * LENGTH;
    const [to, dy, from] = [dx.address + skip, dOut.address + skip, x.address + skip];
    normBackward(member, norm, to, dy, from, inverses, 0, chunk, n);
  }
  addPartials(member, norm, 2, 0, LENGTH);
  const forward = () => normForward(member, norm, out.address, x.address, TOKENS);
  bench.assertGradient('x', x, dx, dOut, out, forward);
  bench.assertGradient('weights', weights, gradient, dOut, out, forward);
});

test('the gradient of the input is added to what is there when it is to be', () => {
  const { bench, norm, x, dx, dOut, inverses } = setUp();
  normBackward(bench.member, norm, dx.address, dOut.address, x.address, inverses, 0, 0, TOKENS);
  const once = bench.f32(dx).slice();
  normBackward(bench.member, norm, dx.address, dOut.address, x.address, inverses, 1, 0, TOKENS);
  for (const [i, value] of bench.f32(dx).entries()) {
    assert.ok(Math.abs(value - 2 * once[i]!) <= 1e-5 * Math.abs(value), `${i}: ${value}`);
  }
});
