import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MergeList, MergeTable } from './merge-table.ts';
import { throwsBitnetError } from './vocabularies.test.ts';

type Merge = readonly [left: number, right: number, result: number];

/** The definition: take the leftmost pair of lowest rank until there is none. */
function mergeByDefinition(ids: readonly number[], merges: readonly Merge[]): number[] {
  let current = [...ids];
  for (;;) {
    let best = merges.length;
    let at = -1;
    for (let i = 0; i + 1 < current.length; i++) {
      const rank = merges.findIndex(([left, right]) => left === current[i] && right === current[i + 1]);
      if (rank !== -1 && rank < best) [best, at] = [rank, i];
    }
    if (at === -1) return current;
    current = [...current.slice(0, at), merges[best]![2], ...current.slice(at + 2)];
  }
}

function mergeByTable(ids: readonly number[], merges: readonly Merge[]): number[] {
  const list = new MergeList(merges.length);
  for (const [rank, [left, right, result]] of merges.entries()) list.add(left, right, rank, result);
  const table = new MergeTable(list);
  const sequence = Int32Array.from(ids);
  return [...sequence.subarray(0, table.merge(sequence, ids.length))];
}

const id = fc.integer({ min: 0, max: 7 });

test('short and long sequences merge as defined', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(id, id, id), { maxLength: 12 }),
      fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 140 }),
      (merges, ids) => {
        assert.deepEqual(mergeByTable(ids, merges), mergeByDefinition(ids, merges));
      },
    ),
    { numRuns: 1500 },
  );
});

test('of equal pairs the one of lower rank counts', () => {
  assert.deepEqual(
    mergeByTable(
      [1, 2],
      [
        [1, 2, 5],
        [1, 2, 6],
      ],
    ),
    [5],
  );
});

test('a million equal ids merge to the end', () => {
  const merges: Merge[] = Array.from({ length: 10 }, (_, level) => [level, level, level + 1]);
  const merged = mergeByTable(new Array<number>(1 << 20).fill(0), merges);
  assert.equal(merged.length, 1 << 10);
  assert.ok(merged.every((value) => value === 10));
});

test('more merges than ranks are refused', () => {
  throwsBitnetError(() => new MergeList(1 << 22), 'tokenizer/bad-merges', '4194304');
});
