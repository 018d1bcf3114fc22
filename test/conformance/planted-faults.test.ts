/** The watchers watched: each kind of fault that the conformance tests look for is planted once and must be found. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Backend, createReferenceBackend } from '#src/kernels/backend.js';
import type { Kernels } from '#src/kernels/kernels.js';
import { KernelPair } from './kernel-pair.ts';

type Add = Kernels['add'];

/** Compares the operation `add` over 5 columns, with what `fault` makes of it. */
function compareAdd(fault: (add: Add, backend: Backend) => Add): void {
  const backend = createReferenceBackend(false);
  // The name is one that is compared in full.
  const kernels: Kernels = {
    ...backend.kernels,
    name: 'wasm-simd',
    add: fault(backend.kernels.add, backend),
  };
  const x = Float32Array.from([1, 2, 3, 4, 5]);
  new KernelPair({ ...backend, kernels }).compare('add', (heap, split) => {
    const to = heap.output(20, x);
    const from = heap.input(x);
    for (const [c0, c1] of split(5)) heap.kernels.add(to, 5, from, 5, 1, c0, c1);
    return [heap.read(to, 20)];
  });
}

test('kernels without a fault pass', () => {
  compareAdd((add) => add);
});

test('one wrong bit is found and named', () => {
  assert.throws(
    () =>
      compareAdd((add, { heap }) => (x, ...rest) => {
        add(x, ...rest);
        heap.u8(x + 8, 1)[0]! ^= 1;
      }),
    /add, whole, output 0: byte 8 is 1 and not 0 \(element 2 as f32/,
  );
});

test('a byte written past the end of an output is found', () => {
  assert.throws(
    () =>
      compareAdd((add, { heap }) => (x, ...rest) => {
        add(x, ...rest);
        heap.u8(x + 20, 1)[0] = 0;
      }),
    /wrote past the end of a block/,
  );
});

test('a changed input is found', () => {
  assert.throws(
    () =>
      compareAdd((add, { heap }) => (x, xStride, y, ...rest) => {
        add(x, xStride, y, ...rest);
        heap.u8(y, 1)[0]! ^= 1;
      }),
    /an input was changed/,
  );
});

test('work outside of the range asked for is found', () => {
  assert.throws(
    () =>
      compareAdd(
        (add) => (x, xStride, y, yStride, T, c0, c1) =>
          add(x, xStride, y, yStride, T, c0, Math.min(5, c1 + 1)),
      ),
    /in pieces, output 0/,
  );
});
