import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../errors.ts';
import { startOf } from './measure.ts';
import { contextFor, type PlannedBench, planOf, shorterPlan } from './plan.ts';
import { median } from './results.ts';

function plan(options: Record<string, string | boolean> = {}): PlannedBench {
  return planOf({ positionals: [], options, signal: new AbortController().signal });
}

test('the median is the middle value, or the mean of two', () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([10, 9, 1, 100]), 9.5);
  assert.equal(median([5]), 5);
});

test('the options become a plan with a context that holds it', () => {
  const standard = plan();
  assert.deepEqual(standard, {
    plan: { prompts: [128, 512], generate: 64, batches: [1], contexts: [16], runs: 3, hasBreakdown: false },
    contextLength: 512,
    threads: undefined,
    isDefault: true,
  });
  const own = plan({ prompt: '256, 16,256', generate: '100', runs: '5', context: '2048,64', batch: '8,1' });
  assert.deepEqual(own.plan.prompts, [16, 256]);
  assert.deepEqual(own.plan.contexts, [2048, 64]);
  assert.deepEqual(own.plan.batches, [8, 1]);
  assert.equal(own.plan.runs, 5);
  assert.equal(own.contextLength, 2148);
  assert.ok(!own.isDefault);
  assert.deepEqual(plan({ threads: '2,1,2' }).threads, [2, 1]);
  assert.ok(plan({ breakdown: true }).plan.hasBreakdown);
});

test('options that mean nothing are refused', () => {
  for (const prompt of ['', '0', '128,', 'many', '-5', '1e3', '1.5']) {
    assert.throws(() => plan({ prompt }), UsageError, prompt);
  }
  assert.throws(() => plan({ generate: '0' }), UsageError);
  assert.throws(() => plan({ runs: 'some' }), UsageError);
  assert.throws(
    () => plan({ batch: '1,99' }),
    /--batch is "1,99", and must be numbers of sequences from 1 to/,
  );
  assert.throws(() => plan({ threads: '1,x' }), UsageError);
});

test('a short context gets a smaller plan that fits it', () => {
  for (const contextLength of [1, 8, 17, 18, 64, 128, 300, 511]) {
    const shorter = shorterPlan(plan(), contextLength)!;
    const { prompts, generate } = shorter.plan;
    assert.equal(shorter.contextLength, contextLength);
    assert.ok(prompts.length > 0 && generate >= 1);
    assert.ok(
      prompts.every((length) => length >= 1 && length <= contextLength),
      `${contextLength}: ${prompts}`,
    );
    if (contextLength > 16) assert.ok(contextFor(shorter.plan) <= contextLength);
  }
});

test('a context up to the end of what the model has is begun early enough; what does not fit at all is refused', () => {
  const shorter = shorterPlan(plan({ context: '64,4096', prompt: '128' }), 4096)!;
  assert.equal(shorter.contextLength, 4096);
  assert.deepEqual(shorter.plan.contexts, [64, 4096]);
  assert.equal(startOf(4096, 64, 4096), 4032);
  assert.equal(startOf(64, 64, 4096), 64);
  assert.equal(startOf(1, 64, 8), 1);
  assert.equal(shorterPlan(plan({ context: '4097' }), 4096), undefined);
  assert.equal(shorterPlan(plan({ prompt: '600' }), 512), undefined);
  assert.equal(shorterPlan(plan({ generate: '512' }), 512), undefined);
});
