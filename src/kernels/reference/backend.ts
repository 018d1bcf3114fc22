/**
 * The reference backend: plain TypeScript that defines the truth, bit by bit. Slow on purpose; every line should be
 * checkable against the formula it stands for.
 */
import { roundUp } from '../../base/assert.ts';
import type { Kernels } from '../kernels.ts';
import { attention, attentionBlocks, attentionFold, rope } from './attention.ts';
import { storeKv } from './kv-block.ts';
import { activationBytes, denseMatmul, int8Matmul, quantize, quantize16, ternaryMatmul } from './matmul.ts';
import { packInt8Rows, packTernary } from './pack.ts';
import { add, embed, embedInt8, gate, rmsNorm } from './rows.ts';
import { denseRows, int4Bytes, packInt4Rows, selectAbove, selectTop } from './screen.ts';
import { absSums, dequantize, gemm, multiplyAddPeak, quantizeWeights } from './training-matmul.ts';
import {
  causalSoftmax,
  causalSoftmaxBackward,
  crossEntropy,
  embedBackward,
  gateBackward,
  rmsNormBackward,
  rmsNormWeightGradient,
} from './training-rows.ts';
import { adamw, sumSquares } from './training-step.ts';
import { viewsOf } from './views.ts';

/** The reference kernels on a heap of `buffer`, for the calling thread. */
export function createReferenceKernels(buffer: ArrayBufferLike): Kernels {
  const views = viewsOf(buffer);
  const on =
    <A extends unknown[], R>(operation: (...args: [typeof views, ...A]) => R) =>
    (...args: A): R =>
      operation(views, ...args);
  return {
    name: 'reference',
    rowStep: 1,
    ternaryBytes: (M, K) => M * K,
    int4Bytes,
    activationBytes,
    attentionScratchBytes: () => 64,
    packTernary: on(packTernary),
    packInt8Rows: on(packInt8Rows),
    packInt4Rows: on(packInt4Rows),
    embed: on(embed),
    embedInt8: on(embedInt8),
    rmsNorm: on(rmsNorm),
    quantize: on(quantize),
    quantize16: on(quantize16),
    ternaryMatmul: on(ternaryMatmul),
    denseMatmul: on(denseMatmul),
    int8Matmul: on(int8Matmul),
    // Codes of the plane lie as int8 here (screen.ts), so the product is the same.
    int4Matmul: on(int8Matmul),
    denseRows: on(denseRows),
    selectTop: on(selectTop),
    selectAbove: on(selectAbove),
    rope: on(rope),
    storeKv: on(storeKv),
    attention: on(attention),
    attentionBlocks: on(attentionBlocks),
    attentionFold: on(attentionFold),
    gate: on(gate),
    add: on(add),
    gemmScratchBytes: () => 64,
    gemm: on(gemm),
    absSums: on(absSums),
    quantizeWeights: on(quantizeWeights),
    dequantize: on(dequantize),
    rmsNormBackward: on(rmsNormBackward),
    rmsNormWeightGradient: on(rmsNormWeightGradient),
    gateBackward: on(gateBackward),
    embedBackward: on(embedBackward),
    causalSoftmax: on(causalSoftmax),
    causalSoftmaxBackward: on(causalSoftmaxBackward),
    crossEntropy: on(crossEntropy),
    sumSquares: on(sumSquares),
    adamw: on(adamw),
    multiplyAddPeak: on(multiplyAddPeak),
    readWords: (address, bytes) =>
      views.i32.subarray(address / 4, (address + bytes) / 4).reduce((sum, word) => sum ^ word, 0),
    take: (counter) => Atomics.add(views.i32, counter / 4, 1),
    barrier: (address, count) => waitAtBarrier(views.i32, address / 4, count),
  };
}

/** Bytes that the reference heap reserves; a growing buffer needs its limit when it is made. */
export const REFERENCE_HEAP_LIMIT: number = roundUp(2 ** 32 - 2 ** 16, 2 ** 16);

/** A barrier is [arrived, generation]; the last to arrive opens the next generation. */
function waitAtBarrier(i32: Int32Array, at: number, count: number): void {
  if (count === 1) return;
  const generation = Atomics.load(i32, at + 1);
  if (Atomics.add(i32, at, 1) + 1 === count) {
    Atomics.store(i32, at, 0);
    Atomics.add(i32, at + 1, 1);
    Atomics.notify(i32, at + 1);
    return;
  }
  while (Atomics.load(i32, at + 1) === generation) Atomics.wait(i32, at + 1, generation);
}
