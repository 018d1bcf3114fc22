import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../errors.ts';
import { contextFor } from './measure.ts';
import { type PlannedBench, planOf, shorterPlan } from './plan.ts';
import { median } from './report.ts';

function plan(options: Record<string, string> = {}): PlannedBench {
  return planOf({ positionals: [], options, signal: new AbortController().signal });
}

test('the median is the middle value, or the mean of two', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([10, 9, 1, 100]), 9.5);
  assert.equal(median([5]), 5);
});

test('the options become a plan with a context that holds it', () => {
  const standard = plan();
  assert.deepEqual(standard.plan, { prompts: [128, 512], generate: 64, runs: 3 });
  assert.equal(standard.contextLength, 576);
  assert.ok(standard.isDefault);
  const own = plan({ prompt: '256, 16,256', generate: '100', runs: '5', context: '2048' });
  assert.deepEqual(own.plan, { prompts: [16, 256], generate: 100, runs: 5 });
  assert.equal(own.contextLength, 2048);
  assert.ok(!own.isDefault);
  const long = plan({ prompt: '1', generate: '100' });
  assert.ok(long.contextLength >= contextFor(long.plan));
});

test('options that mean nothing are refused', () => {
  for (const prompt of ['', '0', '128,', 'many', '-5', '1e3', '1.5']) {
    assert.throws(() => plan({ prompt }), UsageError, prompt);
  }
  assert.throws(() => plan({ generate: '0' }), UsageError);
  assert.throws(() => plan({ runs: 'some' }), UsageError);
  assert.throws(() => plan({ context: '511' }), /needs 512 tokens/);
});

test('a short context gets a smaller plan that fits it', () => {
  for (const contextLength of [1, 8, 9, 64, 128, 300, 511]) {
    const shorter = shorterPlan(plan(), contextLength);
    const { prompts, generate } = shorter.plan;
    assert.equal(shorter.contextLength, contextLength);
    assert.ok(prompts.length > 0 && generate >= 1);
    assert.ok(
      prompts.every((length) => length >= 1 && length <= contextLength),
      `${contextLength}: ${prompts}`,
    );
    if (contextLength > 8) assert.ok(contextFor(shorter.plan) <= contextLength);
  }
});
