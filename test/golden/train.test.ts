/**
 * Loss and gradients of the first batch of test/golden/train, by the tolerances of the README there, on every backend
 * that runs here, with one thread and with two.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Precision } from '#src/train/config.js';
import { batchRows, gradientsOf, tensorsOf, VECTORS, vectorModel } from '../fixtures/training-vectors.ts';
import { usableBackends } from '../fixtures/usable-backends.ts';

const { main, others } = await usableBackends();
const BACKENDS = ['reference', ...main, ...others] as const;

/** Targets of a batch. */
const TARGETS = 64;

interface Expectation {
  readonly gradients: string;
  readonly loss: number;
  readonly tolerance: number;
}

const EXPECTED: Readonly<Record<Precision, Expectation>> = {
  ternary: { gradients: 'grads.safetensors', loss: VECTORS.losses_ternary[0]!, tolerance: 1e-3 },
  f32: { gradients: 'grads-dense.safetensors', loss: VECTORS.losses_dense[0]!, tolerance: 1e-4 },
};

function largest(values: Float32Array): number {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

for (const [precision, { gradients, loss, tolerance }] of Object.entries(EXPECTED)) {
  describe(`loss and gradients in ${precision} are those of the reference`, () => {
    for (const backend of BACKENDS) {
      test(backend, async () => {
        const model = await vectorModel(precision as Precision, backend);
        const found = await model.accumulateGradients(batchRows(0), 1 / TARGETS);
        assert.equal(model.backend.name, backend);
        assert.equal(found.targets, TARGETS);
        assert.ok(Math.abs(found.loss / TARGETS - loss) <= 1e-5 * loss, `loss ${found.loss / TARGETS}`);
        const expected = await tensorsOf(gradients);
        const all = gradientsOf(model);
        assert.deepEqual([...all.keys()].sort(), [...expected.keys()].sort());
        for (const [name, values] of all) {
          const reference = expected.get(name)!;
          const difference = largest(values.map((value, i) => value - reference[i]!));
          assert.ok(difference <= tolerance * largest(reference), `${name}: off by ${difference}`);
        }
        const { loss: scored } = await model.score(batchRows(0));
        assert.ok(Math.abs(scored - found.loss) <= 1e-6 * scored, `scored ${scored}`);
        await model.dispose();
      });
    }
  });
}

describe('two threads give the bits of one', () => {
  for (const backend of BACKENDS) {
    test(backend, async () => {
      for (const precision of ['ternary', 'f32'] as const) {
        const results = [];
        for (const threads of [0, 2]) {
          const model = await vectorModel(precision, backend, threads);
          const { loss } = await model.accumulateGradients(batchRows(0), 1 / TARGETS);
          results.push({ loss, gradients: gradientsOf(model) });
          await model.dispose();
        }
        assert.deepEqual(results[1], results[0]);
      }
    });
  }
});
