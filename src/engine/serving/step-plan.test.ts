import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createRandom } from '../../base/random.ts';
import { type Plannable, planStep, type StepRoom } from './step-plan.ts';

/** A sequence that generates for ever once its tokens are computed, and may need an output for each of them. */
class FakeTask implements Plannable {
  readonly number: number;
  readonly isScored: boolean;
  remaining: number;
  isGenerating = false;
  lastStep = 0;

  constructor(number: number, remaining: number, isScored = false) {
    this.number = number;
    this.remaining = remaining;
    this.isScored = isScored;
  }

  outputsOf(count: number): number {
    return this.isScored && !this.isGenerating ? count : count === this.remaining ? 1 : 0;
  }

  countFor(most: number, outputs: number): number {
    let count = Math.min(most, this.remaining);
    while (count > 0 && this.outputsOf(count) > outputs) count--;
    return count;
  }

  advance(count: number, step: number): void {
    this.lastStep = step;
    this.remaining -= count;
    if (this.remaining > 0) return;
    this.isGenerating = true;
    this.remaining = 1;
  }
}

/** Plans a step, checks that it has room, and takes it. */
function take(tasks: readonly FakeTask[], room: StepRoom, step: number): Map<FakeTask, number> {
  const chunks = planStep(tasks, room, step);
  const taken = new Map(chunks.map(({ task, count }) => [task, count]));
  assert.equal(taken.size, chunks.length, 'each once');
  assert.ok(chunks.every(({ task, count }) => count >= 1 && count <= task.remaining));
  assert.ok(chunks.reduce((sum, { count }) => sum + count, 0) <= room.tokens);
  assert.ok(chunks.reduce((sum, { task, count }) => sum + task.outputsOf(count), 0) <= room.outputs);
  for (const { task, count } of chunks) task.advance(count, step);
  return taken;
}

describe('the plan of a step', () => {
  test('has every next token, and the rest is shared by who begins', () => {
    const generating = [1, 2, 3].map((number) => {
      const task = new FakeTask(number, 1);
      task.isGenerating = true;
      return task;
    });
    const [long, short, middle] = [new FakeTask(4, 500), new FakeTask(5, 5), new FakeTask(6, 300)];
    const taken = take([...generating, long, short, middle], { tokens: 64, outputs: 16 }, 1);
    for (const task of generating) assert.equal(taken.get(task), 1);
    assert.equal(taken.get(short), 5);
    assert.equal(taken.get(middle), 28);
    assert.equal(taken.get(long), 28);
  });

  test('a single place is taken in turn', () => {
    const generating = new FakeTask(1, 1);
    generating.isGenerating = true;
    const beginning = new FakeTask(2, 3);
    const order: number[] = [];
    for (let step = 1; step <= 6; step++) {
      for (const task of take([generating, beginning], { tokens: 1, outputs: 1 }, step).keys())
        order.push(task.number);
    }
    assert.deepEqual(order, [1, 2, 1, 2, 1, 2]);
  });

  test('nobody waits longer than it takes all others to have a turn, whatever the room', () => {
    for (let seed = 0; seed < 60; seed++) {
      const random = createRandom(seed);
      const room = { tokens: 1 + random.below(40), outputs: 1 + random.below(16) };
      const tasks = Array.from(
        { length: 1 + random.below(30) },
        (_, number) => new FakeTask(number, 1 + random.below(200), random.below(4) === 0),
      );
      for (let step = 1; step <= 400; step++) {
        take(tasks, room, step);
        for (const task of tasks) {
          assert.ok(step - task.lastStep <= 2 * tasks.length + 2, `seed ${seed}, step ${step}`);
        }
      }
    }
  });
});
