import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quantizeProjections } from '../model/ternary-weights.ts';
import { GradientBench } from './gradient-bench.test.ts';
import {
  type ProjectionPlan,
  projectionForward,
  projectionInputGradient,
  projectionWeightGradient,
  quantizeInput,
} from './projection.ts';

const [TOKENS, ROWS, COLUMNS] = [5, 32, 48];

function setUp() {
  const bench = new GradientBench();
  const weights = bench.random(ROWS, COLUMNS);
  const gradient = bench.zeros(ROWS, COLUMNS);
  const dense: ProjectionPlan = {
    rows: ROWS,
    columns: COLUMNS,
    weights: weights.address,
    gradient: gradient.address,
    values: weights.address,
    ternary: undefined,
  };
  const x = bench.random(TOKENS, COLUMNS);
  const dx = bench.zeros(TOKENS, COLUMNS);
  const out = bench.zeros(TOKENS, ROWS);
  const dOut = bench.random(TOKENS, ROWS);
  return { bench, weights, gradient, dense, x, dx, out, dOut };
}

test('in f32, gradients of input and weights are those of finite differences', () => {
  const { bench, weights, gradient, dense, x, dx, out, dOut } = setUp();
  const { member } = bench;
  projectionInputGradient(member, dense, dx.address, dOut.address, 0, TOKENS);
  projectionWeightGradient(member, dense, dOut.address, x.address, TOKENS, 0, 16);
  projectionWeightGradient(member, dense, dOut.address, x.address, TOKENS, 16, ROWS);
  const forward = () => projectionForward(member, dense, out.address, x.address, 0, 0, TOKENS);
  bench.assertGradient('x', x, dx, dOut, out, forward);
  bench.assertGradient('weights', weights, gradient, dOut, out, forward);
});

test('in ternary, forward multiplies rounded numbers, and gradients are those of a layer with these', () => {
  const { bench, weights, dense, x, dx, out, dOut } = setUp();
  const { member } = bench;
  const values = bench.zeros(ROWS, COLUMNS);
  const scale = bench.zeros(1);
  const codes = bench.zeros(ROWS, COLUMNS / 4).address;
  const { kernels } = member;
  const packed = bench.zeros(kernels.ternaryBytes(ROWS, COLUMNS) / 4).address;
  const plan: ProjectionPlan = {
    ...dense,
    values: values.address,
    ternary: {
      codes,
      packed,
      scale: scale.address,
      sums: bench.zeros(ROWS).address,
      counts: bench.zeros(ROWS, 2).address,
    },
  };
  quantizeProjections(member, [plan]);
  const quantized = bench.zeros((TOKENS * kernels.activationBytes(COLUMNS)) / 4).address;
  quantizeInput(member, plan, quantized, x.address, TOKENS);
  projectionForward(member, plan, out.address, 0, quantized, 0, TOKENS);
  projectionInputGradient(member, plan, dx.address, dOut.address, 0, TOKENS);

  const w = bench.f32(weights);
  const mean = w.reduce((sum, value) => sum + Math.abs(value), 0) / w.length;
  const rounded = w.map((value) => Math.max(-1, Math.min(1, Math.round(value / mean))) * mean);
  const inputs = bench.f32(x);
  for (let t = 0; t < TOKENS; t++) {
    const row = inputs.subarray(t * COLUMNS, (t + 1) * COLUMNS);
    const step = row.reduce((max, value) => Math.max(max, Math.abs(value)), 0) / 127;
    for (let r = 0; r < ROWS; r++) {
      const sum = row.reduce(
        (s, value, c) => s + Math.round(value / step) * step * rounded[r * COLUMNS + c]!,
        0,
      );
      const found = bench.f32(out)[t * ROWS + r]!;
      assert.ok(Math.abs(found - sum) < 1e-4, `out ${t} ${r}: ${found}, not ${sum}`);
    }
    for (let c = 0; c < COLUMNS; c++) {
      let sum = 0;
      for (let r = 0; r < ROWS; r++) sum += bench.f32(dOut)[t * ROWS + r]! * rounded[r * COLUMNS + c]!;
      const found = bench.f32(dx)[t * COLUMNS + c]!;
      assert.ok(Math.abs(found - sum) < 1e-4, `dx ${t} ${c}: ${found}, not ${sum}`);
    }
  }
  // What forward multiplied with is what comes back for the gradient of the weights.
  const restored = bench.zeros(TOKENS, COLUMNS);
  kernels.dequantize(restored.address, quantized, COLUMNS, 0, TOKENS);
  const again = bench.zeros(TOKENS, ROWS);
  const exact = { ...dense, weights: values.address };
  projectionForward(member, exact, again.address, restored.address, 0, 0, TOKENS);
  for (const [i, value] of bench.f32(again).entries()) {
    assert.ok(Math.abs(value - bench.f32(out)[i]!) < 1e-5, `${i}: ${value}, not ${bench.f32(out)[i]}`);
  }
});
