import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkConfig } from '../check-config.ts';
import type { OptimizerConfig } from '../config.ts';
import { ratesAt } from './schedule.ts';

function optimizerOf(json: Readonly<Record<string, unknown>>, steps: number): OptimizerConfig {
  return checkConfig({ data: { train: ['a.txt'] }, steps, optimizer: json }, 'r').optimizer;
}

/** As published for 700M weights: peaks of 1.5e-3 and 1e-3 on lines that reach 0 at the end, the change half way. */
const published = optimizerOf({ learningRate: 1.5e-3, secondLearningRate: 5e-4, warmUpSteps: 375 }, 100_000);

function near(found: number, expected: number): void {
  assert.ok(Math.abs(found - expected) <= 1e-3 * expected + 1e-12, `${found} instead of ${expected}`);
}

test('warm-up, two falling lines with a drop between them, and no decay in the second stage', () => {
  const rate = (step: number) => ratesAt(published, step, 100_000).learningRate;
  near(rate(1), 1.5e-3 / 375);
  near(rate(375), 1.5e-3);
  near(rate(50_000), 0.7528e-3);
  near(rate(50_001), 5e-4);
  near(rate(75_000), 2.5e-4);
  assert.ok(rate(100_000) > 0 && rate(100_000) < 1e-7, 'the last step still learns');
  assert.equal(ratesAt(published, 50_000, 100_000).weightDecay, 0.1);
  assert.equal(ratesAt(published, 50_001, 100_000).weightDecay, 0);
});

test('a second rate above the first line bends it instead of raising the rate', () => {
  const config = optimizerOf({ learningRate: 4e-3, secondLearningRate: 2.5e-3, warmUpSteps: 10 }, 200);
  near(ratesAt(config, 10, 200).learningRate, 4e-3);
  near(ratesAt(config, 101, 200).learningRate, 2.5e-3);
  near(ratesAt(config, 100, 200).learningRate, 2.5e-3 + 1.5e-3 / 91);
});

test('one stage alone falls in one line', () => {
  const config = optimizerOf({ learningRate: 1, stageOneShare: 1, warmUpSteps: 0 }, 10);
  const rates = Array.from({ length: 10 }, (_, i) => ratesAt(config, i + 1, 10));
  assert.deepEqual(
    rates.map(({ learningRate }) => Math.round(10 * learningRate)),
    [10, 9, 8, 7, 6, 5, 4, 3, 2, 1],
  );
  assert.ok(rates.every(({ weightDecay }) => weightDecay === 0.1));
});

test('after the warm-up the rate never rises and stays between its bounds', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 300 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      fc.double({ min: 1e-6, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (steps, stageOneShare, learningRate, second, final, warm) => {
        const config = optimizerOf(
          {
            learningRate,
            secondLearningRate: second * learningRate,
            finalLearningRate: final * second * learningRate,
            stageOneShare,
            warmUpSteps: Math.floor(warm * Math.round(stageOneShare * steps)),
          },
          steps,
        );
        let last = Number.POSITIVE_INFINITY;
        for (let step = 1; step <= steps; step++) {
          const rate = ratesAt(config, step, steps).learningRate;
          assert.ok(rate >= 0 && rate <= learningRate * (1 + 1e-12), `step ${step}: ${rate}`);
          if (step > config.warmUpSteps) {
            assert.ok(rate <= last * (1 + 1e-9), `step ${step} rises from ${last} to ${rate}`);
            last = rate;
          }
        }
      },
    ),
    { numRuns: 300 },
  );
});
