import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PLACES_PER_OLDEST, WaitingLine } from './waiting-line.ts';

test('lower priority numbers go first, in order among equals, whatever the order of arrival', () => {
  const line = new WaitingLine<{ number: number; priority: number }>();
  for (const [number, priority] of [
    [3, 1],
    [1, 1],
    [4, 0],
    [2, -1],
  ] as const) {
    line.add({ number, priority });
  }
  assert.deepEqual(
    [...line].map(({ number }) => number),
    [2, 4, 1, 3],
  );
  assert.equal(line.next(({ number }) => number > 2)?.number, 4);
  assert.equal(
    line.next(() => false),
    undefined,
  );
  const first = line.next(() => true)!;
  line.remove(first);
  line.remove(first);
  assert.equal(line.size, 3);
});

test('every eighth place goes to the oldest', () => {
  const line = new WaitingLine<{ number: number; priority: number }>();
  for (let number = 0; number < 3; number++) line.add({ number, priority: 9 });
  const order: number[] = [];
  for (let number = 3; number < 40; number++) {
    line.add({ number, priority: 0 });
    const next = line.next(() => true)!;
    line.take(next);
    order.push(next.number);
  }
  for (const low of [0, 1, 2]) assert.equal(order.indexOf(low), (low + 1) * PLACES_PER_OLDEST - 1);
});
