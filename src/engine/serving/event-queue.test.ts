import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EventQueue } from './event-queue.ts';

function makeQueue(): { queue: EventQueue<number>; calls: string[] } {
  const calls: string[] = [];
  const queue = new EventQueue<number>(2, {
    onRoom: () => calls.push('room'),
    onLeave: () => calls.push('leave'),
  });
  return { queue, calls };
}

describe('an event queue', () => {
  test('gives events in order, those before their reader comes and those after', async () => {
    const { queue, calls } = makeQueue();
    queue.push(1);
    assert.deepEqual(await queue.next(), { done: false, value: 1 });
    const [second, third, end] = [queue.next(), queue.next(), queue.next()];
    queue.push(2);
    queue.push(3);
    queue.end();
    assert.deepEqual(await Promise.all([second, third, end]), [
      { done: false, value: 2 },
      { done: false, value: 3 },
      { done: true, value: undefined },
    ]);
    assert.deepEqual(await queue.next(), { done: true, value: undefined });
    assert.deepEqual(calls, []);
  });

  test('tells when there is room again', async () => {
    const { queue, calls } = makeQueue();
    queue.push(1);
    assert.equal(queue.isFull, false);
    queue.push(2);
    assert.equal(queue.isFull, true);
    await queue.next();
    assert.deepEqual(calls, ['room']);
  });

  test('an error comes behind the events, or at once when it aborts, and only once', async () => {
    const { queue } = makeQueue();
    queue.push(1);
    queue.end({ reason: 'late' });
    queue.end({ reason: 'too late' });
    assert.equal((await queue.next()).value, 1);
    await assert.rejects(queue.next(), (error) => error === 'late');
    assert.equal((await queue.next()).done, true);

    const other = makeQueue().queue;
    other.push(1);
    other.abort('now');
    await assert.rejects(other.next(), (error) => error === 'now');
  });

  test('leaving early is told, leaving at the end is not', async () => {
    const { queue, calls } = makeQueue();
    queue.push(1);
    queue.push(2);
    for await (const _ of queue) break;
    assert.deepEqual(calls, ['room', 'leave']);
    assert.equal((await queue.next()).done, true);
    await queue.return();
    assert.deepEqual(calls, ['room', 'leave']);
  });
});
