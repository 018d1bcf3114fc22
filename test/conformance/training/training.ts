/**
 * What every backend must pass to train: results within a stated distance of the reference's, the same bits for any split
 * of the work, and nothing written outside of the outputs.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Backend } from '#src/kernels/backend.js';
import { rowStride } from '#src/kernels/kernels.js';
import { peaks, products } from './products.ts';
import {
  embeddingGradients,
  gateGradients,
  losses,
  normGradients,
  normWeightGradients,
  softmaxes,
  softmaxGradients,
} from './rows.ts';
import { TrainingPair } from './training-pair.ts';
import { dequantization, magnitudes, optimiserSteps, squares, ternaryWeights } from './weights.ts';

const OPERATIONS: Readonly<Record<string, (pair: TrainingPair) => void>> = {
  'gemm in every form': products,
  absSums: magnitudes,
  quantizeWeights: ternaryWeights,
  dequantize: dequantization,
  rmsNormBackward: normGradients,
  rmsNormWeightGradient: normWeightGradients,
  'gateBackward with every activation': gateGradients,
  embedBackward: embeddingGradients,
  causalSoftmax: softmaxes,
  causalSoftmaxBackward: softmaxGradients,
  crossEntropy: losses,
  sumSquares: squares,
  adamw: optimiserSteps,
  multiplyAddPeak: peaks,
};

/** Registers a test for each operation of training. */
export function testTraining(make: () => Promise<Backend>): void {
  for (const [what, operation] of Object.entries(OPERATIONS)) {
    test(`training: ${what}, close to the reference`, async () => {
      operation(new TrainingPair(await make()));
    });
  }
  test('training: a logit that is no number makes a loss that is none, wherever it is', async () => {
    const backend = await make();
    const V = 100;
    const [losses, logits, targets] = [4, 4 * rowStride(V), 4].map((bytes) => backend.heap.allocate(bytes));
    for (const at of [0, 15, 16, 63, 96, 99]) {
      const row = backend.heap.f32(logits!, rowStride(V)).fill(0);
      row[at] = Number.NaN;
      backend.heap.i32(targets!, 1)[0] = 3;
      backend.kernels.crossEntropy(losses!, logits!, targets!, 0, V, rowStride(V), 0, 1);
      assert.ok(Number.isNaN(backend.heap.f32(losses!, 1)[0]), `logit ${at}`);
    }
  });
}
