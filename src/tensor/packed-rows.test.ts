import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BitnetError } from '../base/errors.ts';
import { packRows, unpackPackedRows } from './packed-rows.ts';

const matrix = fc
  .record({ rows: fc.integer({ min: 1, max: 24 }), columns: fc.integer({ min: 1, max: 20 }) })
  .chain(({ rows, columns }) =>
    fc.record({
      rows: fc.constant(rows),
      columns: fc.constant(columns),
      codes: fc.array(fc.integer({ min: 0, max: 2 }), {
        minLength: rows * columns,
        maxLength: rows * columns,
      }),
      first: fc.nat(rows),
      end: fc.nat(rows),
    }),
  );

test('any range of rows unpacks to what was packed, also off word boundaries', () => {
  fc.assert(
    fc.property(matrix, fc.nat(3), ({ rows, columns, codes, first, end }, misalignment) => {
      const packed = packRows(Uint8Array.from(codes), rows, columns, 'q_proj');
      const packedRows = Math.ceil(rows / 4);
      const shifted = new Uint8Array(packed.length + misalignment).subarray(misalignment);
      shifted.set(packed);
      const [from, to] = first < end ? [first, end] : [end, first];
      const out = new Uint8Array((to - from) * columns);
      unpackPackedRows(shifted, packedRows, columns, from, to, out, 'q_proj');
      assert.deepEqual([...out], codes.slice(from * columns, to * columns));
    }),
  );
});

test('row r lies in byte row r mod P at shift 2 floor(r / P)', () => {
  const codes = Uint8Array.of(1, 0, 2, 0, 0, 1, 0, 2);
  assert.deepEqual(
    [...packRows(codes, 8, 1, 'w')],
    [1 | (2 << 2) | (0 << 4) | (0 << 6), (1 << 4) | (2 << 6)],
  );
});

test('a field of 3 and a wrong length are errors', () => {
  const codes = new Uint8Array(32);
  const packed = new Uint8Array(8);
  packed[5] = 0b00110000;
  assert.throws(
    () => unpackPackedRows(packed, 2, 4, 0, 8, codes, 'q_proj'),
    (error) =>
      error instanceof BitnetError &&
      error.code === 'tensor/bad-code' &&
      /q_proj: weight 21/.test(error.message),
  );
  unpackPackedRows(packed, 2, 4, 0, 4, codes, 'q_proj');
  assert.throws(
    () => unpackPackedRows(packed.subarray(1), 2, 4, 0, 8, codes, 'q_proj'),
    (error) => error instanceof BitnetError && error.code === 'tensor/byte-length',
  );
});
