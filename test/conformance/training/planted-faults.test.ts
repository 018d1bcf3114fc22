/** The watcher of the training operations watched: each fault that it looks for is planted once and must be found. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Backend, createReferenceBackend } from '#src/kernels/backend.js';
import type { TrainingKernels } from '#src/kernels/training-kernels.js';
import { TrainingPair } from './training-pair.ts';

type Step = TrainingKernels['embedBackward'];

/** Compares embedBackward over 9 columns of one row, with what `fault` makes of it. */
function compareStep(fault: (step: Step, backend: Backend) => Step): void {
  const backend = createReferenceBackend(false);
  const kernels = backend.kernels;
  const embedBackward = fault(kernels.embedBackward, backend);
  const x = new Float32Array(16).fill(1.5);
  const pair = new TrainingPair({ ...backend, kernels: { ...kernels, name: 'wasm-simd', embedBackward } });
  pair.compare('step', (heap, { embedBackward: run }, split) => {
    const [ids, dx, to] = [heap.input(Int32Array.of(0)), heap.input(x), heap.output(64, x)];
    for (const [c0, c1] of split(9)) run(to, ids, dx, 9, 1, c0, c1);
    return [{ bytes: heap.read(to, 64), tolerance: (i) => (i < 9 ? 1e-6 : 0) }];
  });
}

/** Changes what was written at an element of the table. */
function changed(element: number, by: number): (step: Step, backend: Backend) => Step {
  return (step, { heap }) =>
    (to, ids, dx, K, T, c0, c1) => {
      step(to, ids, dx, K, T, c0, c1);
      if (c0 <= element && element < c1) heap.f32(to + 4 * element, 1)[0]! += by;
    };
}

test('kernels without a fault, and with one inside of the tolerance, pass', () => {
  compareStep((step) => step);
  compareStep(changed(4, 5e-7));
});

test('a result that is too far off is found and named', () => {
  assert.throws(
    () => compareStep(changed(4, 1e-3)),
    /step, whole, output 0: element 4 is 3\.00\d+ and not 3/,
  );
});

test('no number is far off', () => {
  assert.throws(() => compareStep(changed(4, Number.NaN)), /element 4 is NaN and not 3/);
});

test('results that depend on where the range starts are found, however close they are', () => {
  assert.throws(
    () =>
      compareStep((step, { heap }) => (to, ids, dx, K, T, c0, c1) => {
        step(to, ids, dx, K, T, c0, c1);
        if (c0 > 0) heap.f32(to + 4 * c0, 1)[0]! += 5e-7;
      }),
    /step, in pieces, output 0/,
  );
});

test('a byte written past the end of an output is found', () => {
  assert.throws(
    () =>
      compareStep((step, { heap }) => (to, ...rest) => {
        step(to, ...rest);
        heap.u8(to + 64, 1)[0] = 0;
      }),
    /wrote past the end of a block/,
  );
});
