import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { StepCosts } from './step-costs.ts';

function measured(entries: Readonly<Record<number, number>>): StepCosts {
  const costs = new StepCosts();
  costs.observePlain(2);
  for (const [tokens, ratio] of Object.entries(entries)) costs.observe(Number(tokens), 2 * ratio);
  return costs;
}

const near = (actual: number, expected: number) =>
  assert.ok(Math.abs(actual - expected) < 0.02, `${actual} is not ${expected}`);

describe('step costs', () => {
  test('are unknown before a plain step, and guessed before a longer one', () => {
    const costs = new StepCosts();
    assert.equal(costs.isKnown, false);
    costs.observePlain(0.03);
    assert.equal(costs.isKnown, true);
    near(costs.ratio(1), 1);
    near(costs.ratio(2), 1.2);
    near(costs.ratio(16), 4);
  });

  test('lie on straight lines between measured sizes and beyond them', () => {
    const costs = measured({ 3: 1.2, 5: 1.6 });
    near(costs.ratio(2), 1.1);
    near(costs.ratio(3), 1.2);
    near(costs.ratio(4), 1.4);
    near(costs.ratio(9), 2.2);
  });

  test('follow what is measured', () => {
    const costs = measured({ 4: 1.3 });
    for (let i = 0; i < 40; i++) costs.observe(4, 2 * 1.9);
    assert.ok(Math.abs(costs.ratio(4) - 1.9) < 0.01);
    for (let i = 0; i < 40; i++) costs.observePlain(3.8);
    assert.ok(Math.abs(costs.observe(4, 3.8) - 1) < 0.01);
  });

  test('a pause of the machine hardly counts', () => {
    const costs = measured({ 4: 1.2 });
    for (let i = 0; i < 4; i++) costs.observe(4, 2.4);
    near(costs.observe(4, 1000), 3.6);
    assert.ok(costs.ratio(4) < 1.7);
    costs.observePlain(1000);
    assert.ok(costs.observe(4, 2.4) > 0.5, 'nor for plain steps');
    near(measured({}).observe(2, 1000), 2);
  });

  test('what was dear is forgotten in time', () => {
    const costs = measured({ 8: 2 });
    for (let i = 0; i < 3000; i++) costs.observePlain(2);
    assert.ok(costs.ratio(8) < 1.1 && costs.ratio(8) >= 1);
  });

  test('a clock that stands still does no harm', () => {
    const costs = new StepCosts();
    costs.observePlain(0);
    assert.equal(costs.observe(4, 0), 1);
    assert.ok(Number.isFinite(costs.ratio(4)) && Number.isFinite(costs.ratio(9)));
    costs.observePlain(1);
    assert.ok(Number.isFinite(costs.observe(4, 1)));
  });
});
