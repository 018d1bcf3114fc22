import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RowPacker } from './row-packer.ts';
import { NO_TOKEN } from './token-rows.ts';

function pack(pieces: readonly (readonly number[])[], rowLength: number, mostOpen?: number): Int32Array[] {
  const rows: Int32Array[] = [];
  const packer = new RowPacker(rowLength, (row) => rows.push(row), mostOpen);
  for (const piece of pieces) packer.add(piece);
  packer.finish();
  return rows;
}

/** Pieces of the given lengths whose tokens are all different, so that each can be found again. */
function numbered(lengths: readonly number[]): number[][] {
  let next = 0;
  return lengths.map((length) => Array.from({ length }, () => next++));
}

/** A row length, lengths of pieces that fit into it, and how many rows may be open. */
const task = fc
  .integer({ min: 2, max: 40 })
  .chain((rowLength) =>
    fc.tuple(
      fc.constant(rowLength),
      fc.array(fc.integer({ min: 1, max: rowLength }), { maxLength: 120 }),
      fc.integer({ min: 1, max: 20 }),
    ),
  );

test('every piece is in one row, whole and once, and padding is only behind the tokens', () => {
  fc.assert(
    fc.property(task, ([rowLength, lengths, mostOpen]) => {
      const pieces = numbered(lengths);
      const starts = new Map(pieces.map((piece) => [piece[0], piece]));
      let found = 0;
      for (const row of pack(pieces, rowLength, mostOpen)) {
        assert.equal(row.length, rowLength);
        let at = 0;
        while (at < rowLength && row[at] !== NO_TOKEN) {
          const piece = starts.get(row[at]!);
          assert.ok(piece !== undefined, `${row[at]} begins no piece`);
          assert.deepEqual([...row.subarray(at, at + piece.length)], piece);
          at += piece.length;
          found++;
        }
        assert.ok(at > 0, 'an empty row');
        assert.ok(row.subarray(at).every((id) => id === NO_TOKEN));
      }
      assert.equal(found, pieces.length);
    }),
  );
});

test('the same pieces give the same rows', () => {
  fc.assert(
    fc.property(task, ([rowLength, lengths, mostOpen]) => {
      const pieces = numbered(lengths);
      assert.deepEqual(pack(pieces, rowLength, mostOpen), pack(pieces, rowLength, mostOpen));
    }),
    { numRuns: 30 },
  );
});

test('a piece goes where it leaves the least room', () => {
  const rows = pack(numbered([6, 4, 7, 3, 6]), 10);
  assert.deepEqual(
    rows.map((row) => [...row]),
    [
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      [10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
      [20, 21, 22, 23, 24, 25, -1, -1, -1, -1],
    ],
  );
});

test('with few open rows the fullest is given out first', () => {
  const rows = pack(numbered([6, 8, 7]), 10, 2);
  assert.deepEqual(
    rows.map((row) => row.indexOf(NO_TOKEN)),
    [8, 7, 6],
  );
});
