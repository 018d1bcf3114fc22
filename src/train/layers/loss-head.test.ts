import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rowStride } from '../../kernels/kernels.ts';
import { GradientBench } from './gradient-bench.test.ts';
import { headForward, headForwardFast, headInputGradient, headWeightGradient, lossOf } from './loss-head.ts';

const [ROWS, COLUMNS] = [37, 32];
const TARGETS = [3, -1, 36, 0, 3];
const TOKENS = TARGETS.length;
const SCALE = 0.25;

function setUp() {
  const bench = new GradientBench();
  const weights = bench.random(ROWS, COLUMNS);
  const gradient = bench.zeros(ROWS, COLUMNS);
  const table = { rows: ROWS, columns: COLUMNS, weights: weights.address, gradient: gradient.address };
  const hidden = bench.random(TOKENS, COLUMNS);
  const logits = bench.zeros(TOKENS, rowStride(ROWS));
  const losses = bench.zeros(TOKENS);
  const targets = bench.integers(TARGETS).address;
  return { bench, table, weights, gradient, hidden, logits, losses, targets };
}

test('gradients of hidden states and table are those of finite differences of the scaled sum of losses', () => {
  const { bench, table, weights, gradient, hidden, logits, losses, targets } = setUp();
  const { member } = bench;
  headForwardFast(member, table, logits.address, hidden.address, TOKENS);
  lossOf(member, table, losses.address, logits.address, targets, SCALE, TOKENS);
  const dHidden = bench.zeros(TOKENS, COLUMNS);
  headInputGradient(member, table, dHidden.address, logits.address, TOKENS);
  headWeightGradient(member, table, logits.address, hidden.address, TOKENS);
  const loss = () => {
    headForward(member, table, logits.address, hidden.address, TOKENS);
    lossOf(member, table, losses.address, logits.address, targets, 0, TOKENS);
    return SCALE * bench.f32(losses).reduce((sum, value) => sum + value, 0);
  };
  bench.assertGradientOf('hidden', hidden, dHidden, loss);
  bench.assertGradientOf('table', weights, gradient, loss);
  const ignored = bench.f32(dHidden).subarray(COLUMNS, 2 * COLUMNS);
  assert.ok(ignored.every((value) => value === 0));
  assert.equal(bench.f32(losses)[1], 0);
});

test('a loss is the negative logarithm of the probability of the target', () => {
  const { bench, table, hidden, logits, losses, targets } = setUp();
  headForward(bench.member, table, logits.address, hidden.address, TOKENS);
  const row = Array.from(bench.f32(logits).subarray(2 * rowStride(ROWS), 2 * rowStride(ROWS) + ROWS));
  lossOf(bench.member, table, losses.address, logits.address, targets, 0, TOKENS);
  const sum = row.reduce((all, logit) => all + Math.exp(logit), 0);
  assert.ok(Math.abs(bench.f32(losses)[2]! - (Math.log(sum) - row[36]!)) < 1e-5);
});
