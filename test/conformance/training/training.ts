/**
 * What every backend must pass to train: results within a stated distance of the reference's, the same bits for any split
 * of the work, and nothing written outside of the outputs.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Backend } from '#src/kernels/backend.js';
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

/** Registers a test for each operation of training that the backend has; it has all or none. */
export function testTraining(make: () => Promise<Backend>): void {
  for (const [what, operation] of Object.entries(OPERATIONS)) {
    test(`training: ${what}, close to the reference`, async () => {
      const backend = await make();
      if (backend.kernels.gemm === undefined) assert.equal(backend.kernels.adamw, undefined);
      else operation(new TrainingPair(backend));
    });
  }
}
