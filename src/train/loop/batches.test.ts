import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { NO_TOKEN, type TokenRows } from '../data/token-rows.ts';
import { countTargets, createBatches, createOrder } from './batches.ts';

test('every epoch has every row once, in an order of its own, whatever was asked before', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 0, max: 2 ** 32 - 1 }), (rows, seed) => {
      const order = createOrder(rows, seed);
      const epochs = [0, 1, 2].map((epoch) =>
        Array.from({ length: rows }, (_, i) => order(epoch * rows + i)),
      );
      for (const epoch of epochs) {
        assert.deepEqual(
          epoch.toSorted((a, b) => a - b),
          Array.from({ length: rows }, (_, i) => i),
        );
      }
      if (rows > 20) assert.notDeepEqual(epochs[0], epochs[1]);
      const again = createOrder(rows, seed);
      assert.equal(again(3 * rows - 1), epochs[2]!.at(-1));
      assert.equal(again(0), epochs[0]![0]);
    }),
  );
});

test('seeds differ beyond 32 bits of epoch and seed', () => {
  const of = (seed: number) => Array.from({ length: 40 }, (_, i) => createOrder(40, seed)(i));
  assert.notDeepEqual(of(1), of(2));
  assert.notDeepEqual(of(0), of(2 ** 32 - 1));
});

test('batches follow each other through the epochs', async () => {
  const rows: TokenRows = {
    rowLength: 2,
    rows: 5,
    targets: 5,
    async read(indexes, out) {
      for (const [i, index] of indexes.entries()) out.set([index, 10 * index], 2 * i);
    },
  };
  const batches = createBatches(rows, 3, 9);
  const seen: number[] = [];
  for (let step = 1; step <= 5; step++) {
    const batch = await batches.read(step);
    assert.equal(batch.length, 6);
    for (let i = 0; i < 6; i += 2) {
      assert.equal(batch[i + 1], 10 * batch[i]!);
      seen.push(batch[i]!);
    }
  }
  for (let epoch = 0; epoch < 3; epoch++) {
    assert.equal(new Set(seen.slice(5 * epoch, 5 * epoch + 5)).size, 5);
  }
  const later = await createBatches(rows, 3, 9).read(4);
  assert.deepEqual([later[0], later[2], later[4]], seen.slice(9, 12));
});

test('a target is any token but the first of its row', () => {
  const N = NO_TOKEN;
  assert.equal(countTargets(Int32Array.of(1, 2, 3, 4, N, N, 5, 6, N), 3), 3);
  assert.equal(countTargets(Int32Array.of(7, N), 2), 0);
});
