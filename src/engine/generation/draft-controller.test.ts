import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createRandom } from '../../base/random.ts';
import { DraftController } from './draft-controller.ts';
import { StepCosts } from './step-costs.ts';

/** Seconds of a step by its tokens, on a native backend, with wasm, and where many tokens at once are no cheaper. */
const CURVES = {
  native: (tokens: number) => 0.03 * (1 + 0.07 * (tokens - 1)),
  wasm: (tokens: number) => 0.07 * (1 + 0.3 * (tokens - 1)),
  linear: (tokens: number) => 0.1 * tokens,
};

interface Run {
  readonly seconds: number;
  readonly steps: number;
  readonly drafts: number;
}

/** Generates `count` tokens where each has a match of `matched` tokens and each drafted token is right by `isRight`. */
function simulate(
  curve: (tokens: number) => number,
  count: number,
  matched: number,
  isRight: (position: number) => boolean,
  controller: DraftController = new DraftController(new StepCosts()),
): Run {
  let [position, seconds, steps, drafts] = [0, 0, 0, 0];
  while (position < count) {
    const drafted = controller.draftLength(matched, Math.min(15, count - position - 1));
    const cost = curve(1 + drafted);
    seconds += cost;
    steps++;
    if (drafted === 0) {
      controller.observePlain(cost);
      position++;
      continue;
    }
    drafts++;
    let accepted = 0;
    while (accepted < drafted && isRight(position + accepted)) accepted++;
    controller.observe({ matched, drafted, accepted, seconds: cost });
    position += accepted + 1;
  }
  return { seconds, steps, drafts };
}

describe('the draft controller', () => {
  test('drafts nothing before it knows what a step costs', () => {
    const controller = new DraftController(new StepCosts());
    assert.equal(controller.isReady, false);
    assert.equal(controller.draftLength(16, 15), 0);
    controller.observePlain(0.03);
    assert.equal(controller.isReady, true);
    assert.ok(controller.draftLength(16, 15) > 0);
    assert.equal(controller.draftLength(16, 0), 0);
  });

  test('text whose drafts are all wrong costs at most 3 % more, whatever a step costs', () => {
    for (const [name, curve] of Object.entries(CURVES)) {
      for (const matched of [2, 3, 5, 16]) {
        for (const count of [64, 128, 256, 1024, 4096]) {
          const { seconds, drafts } = simulate(curve, count, matched, () => false);
          const share = seconds / (count * curve(1)) - 1;
          assert.ok(share <= 0.03, `${name}: ${count} tokens cost ${(share * 100).toFixed(2)} % more`);
          if (name === 'native' && count >= 256) assert.ok(drafts >= 3, 'and it is tried again');
        }
      }
    }
  });

  test('misses in a row space drafts out', () => {
    const drafts = [256, 512, 1024].map((count) => simulate(CURVES.native, count, 5, () => false).drafts);
    assert.ok(drafts[2]! - drafts[1]! <= 512 / 32, `${drafts}`);
    assert.ok(drafts[0]! >= 4);
  });

  test('text whose drafts are seldom right costs at most 3 % more', () => {
    for (const [name, curve] of Object.entries(CURVES)) {
      for (const chance of [0.02, 0.1, 0.3]) {
        const random = createRandom(5);
        const { seconds } = simulate(curve, 2000, 2, () => random.next() < chance);
        const share = seconds / (2000 * curve(1)) - 1;
        assert.ok(share <= 0.03, `${name}, ${chance}: ${(share * 100).toFixed(2)} % more`);
      }
    }
  });

  test('text that repeats itself is drafted as far as a step may go', () => {
    const native = simulate(CURVES.native, 256, 8, () => true);
    assert.ok(native.steps < 256 / 8, `${native.steps} steps`);
    assert.ok(native.seconds < (256 * CURVES.native(1)) / 5);
    const wasm = simulate(CURVES.wasm, 256, 8, () => true);
    assert.ok(wasm.seconds < (256 * CURVES.wasm(1)) / 2);
    assert.equal(simulate(CURVES.linear, 256, 8, () => true).seconds >= 256 * CURVES.linear(1) - 1e-9, true);
  });

  test('an edit in repeated text is got over', () => {
    const { seconds } = simulate(CURVES.native, 400, 8, (position) => position % 40 > 1);
    assert.ok(seconds < (400 * CURVES.native(1)) / 2.5);
  });

  test('after a long text of misses, text that repeats itself is noticed', () => {
    const controller = new DraftController(new StepCosts());
    simulate(CURVES.native, 1000, 8, () => false, controller);
    const { seconds } = simulate(CURVES.native, 300, 8, () => true, controller);
    assert.ok(seconds < (300 * CURVES.native(1)) / 1.8);
  });

  test('short matches that mislead do not spoil long ones', () => {
    const controller = new DraftController(new StepCosts());
    controller.observePlain(0.03);
    const before = controller.draftLength(16, 15);
    for (let i = 0; i < 4; i++) {
      controller.observe({ matched: 2, drafted: 1, accepted: 0, seconds: 0.0305 });
      for (let k = 0; k < 20; k++) controller.observePlain(0.03);
    }
    assert.ok(controller.draftLength(16, 15) >= before);
  });
});
