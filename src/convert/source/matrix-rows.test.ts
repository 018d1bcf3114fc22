import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { memorySource } from '../../formats/sources/memory.ts';
import type { TensorOutput } from '../../formats/tensor-output.ts';
import { RopeStyle } from '../../kernels/kernels.ts';
import type { MatrixSource } from '../../model/loading/inventory.ts';
import { isTernary, type TernaryDType } from '../../tensor/dtype.ts';
import { packedTensor, ternaryTensor } from '../output/tensor-outputs.ts';
import { type CodeRows, codeRows, reorderedRows } from './matrix-rows.ts';

/** Codes at hand, one row after the other. */
function rowsOf(codes: Uint8Array, columns: number): CodeRows {
  return {
    rows: codes.length / columns,
    columns,
    async read(row0, row1, out) {
      out.set(codes.subarray(row0 * columns, row1 * columns));
    },
  };
}

/** A tensor that was written, as a matrix of a file. */
async function sourceOf(tensor: TensorOutput, rows: number): Promise<MatrixSource> {
  const parts: Uint8Array[] = [];
  for await (const part of tensor.data()) parts.push(part.slice());
  // Something before it, as in a file.
  const bytes = new Uint8Array(Buffer.concat([new Uint8Array(3), ...parts]));
  const { name, dtype, shape } = tensor;
  const source = memorySource(bytes);
  const info = { name, dtype, shape, source, offset: 3, byteLength: bytes.length - 3 };
  const dims = { info, rows, columns: shape[1]! };
  if (isTernary(dtype)) return { kind: 'ternary', dtype, extraScale: undefined, ...dims };
  return { kind: 'packed', scale: info, divide: false, ...dims };
}

async function all(rows: CodeRows, row0: number, row1: number): Promise<number[]> {
  const out = new Uint8Array((row1 - row0) * rows.columns);
  await rows.read(row0, row1, out);
  return [...out];
}

const matrix = fc.record({
  rows: fc.integer({ min: 1, max: 41 }),
  columns: fc.integer({ min: 1, max: 37 }),
  seed: fc.infiniteStream(fc.integer({ min: 0, max: 2 })),
});

test('packed rows of any shape, read in any runs', async () => {
  await fc.assert(
    fc.asyncProperty(matrix, fc.nat(), fc.nat(), async ({ rows, columns, seed }, a, b) => {
      const codes = Uint8Array.from({ length: rows * columns }, () => seed.next().value as number);
      const source = await sourceOf(packedTensor('w', rowsOf(codes, columns)), rows);
      const [row0, row1] = [a % rows, b % rows].sort((x, y) => x - y) as [number, number];
      const read = await all(codeRows(source, 1), row0, row1 + 1);
      assert.deepEqual(read, [...codes.subarray(row0 * columns, (row1 + 1) * columns)]);
    }),
    { numRuns: 200 },
  );
});

for (const dtype of ['I2_S', 'TQ1_0', 'TQ2_0'] as const satisfies TernaryDType[]) {
  test(`${dtype} rows come out as they went in`, async () => {
    const columns = 512;
    const codes = Uint8Array.from({ length: 9 * columns }, (_, i) => (i * i + (i >> 7)) % 3);
    const source = await sourceOf(ternaryTensor('w', dtype, rowsOf(codes, columns), 0.5), 9);
    assert.deepEqual(await all(codeRows(source, 1), 0, 9), [...codes]);
    assert.deepEqual(await all(codeRows(source, 1), 4, 6), [...codes.subarray(4 * columns, 6 * columns)]);
  });
}

test('rows change places within their head, and back', async () => {
  const columns = 3;
  const codes = Uint8Array.from({ length: 12 * columns }, (_, i) => Math.floor(i / columns));
  const allocate = (length: number) => new Uint8Array(length);
  const source = rowsOf(codes, columns);
  const interleaved = reorderedRows(source, 6, RopeStyle.Interleaved, allocate);
  const places = (await all(interleaved, 0, 12)).filter((_, i) => i % columns === 0);
  assert.deepEqual(places, [0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11]);
  assert.deepEqual(await all(interleaved, 7, 9), [9, 9, 9, 7, 7, 7]);
  const back = reorderedRows(interleaved, 6, RopeStyle.Half, allocate);
  assert.deepEqual(await all(back, 0, 12), [...codes]);
});
