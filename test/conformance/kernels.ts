/**
 * What every backend must pass: the same bytes as the reference for every operation of the Kernels interface, over
 * every remainder and any split of the work, and nothing written outside of its outputs.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Backend } from '#src/kernels/backend.js';
import { attentionHalves, attentions, kvStores } from './attention-conformance.ts';
import { anyTrits, badCodes, fileReads, leftPages, ternaryRows } from './file-conformance.ts';
import { KernelPair } from './kernel-pair.ts';
import {
  denseProducts,
  embeddings,
  extremeTernaryProducts,
  int8Packing,
  int8Products,
  quantization,
  ternaryProducts,
} from './matrix-conformance.ts';
import { additions, counts, gates, norms, reads, rotations } from './row-conformance.ts';
import { choicesAbove, chosenRows, int4Packing, int4Products, topChoices } from './screen-conformance.ts';
import { testTraining } from './training/training.ts';

/** A backend to be held to the reference. */
export interface Candidate {
  readonly name: Backend['name'];
  /** Answers the backend itself, so that a silent fallback shows. */
  readonly make: () => Promise<Backend>;
}

const OPERATIONS: Readonly<Record<string, (pair: KernelPair) => void>> = {
  'packTernary, quantize and ternaryMatmul over every remainder': ternaryProducts,
  'ternaryMatmul at the largest sums there can be': extremeTernaryProducts,
  'quantize and quantize16': quantization,
  'denseMatmul in every format': denseProducts,
  int8Matmul: int8Products,
  packInt8Rows: int8Packing,
  packInt4Rows: int4Packing,
  int4Matmul: int4Products,
  denseRows: chosenRows,
  selectTop: topChoices,
  selectAbove: choicesAbove,
  'embed and embedInt8': embeddings,
  rmsNorm: norms,
  'gate with every activation': gates,
  add: additions,
  'rope in both styles': rotations,
  'storeKv in every format': kvStores,
  attention: attentions,
  'attentionBlocks and attentionFold': attentionHalves,
  readWords: reads,
  take: counts,
};

const FILE_OPERATIONS: Readonly<Record<string, (backend: Backend) => void>> = {
  'unpackTernary of rows in every layout': ternaryRows,
  'unpackTernary of every byte of TQ1_0': anyTrits,
  'unpackTernary of fields that are no codes': badCodes,
  'readFile at any offset': fileReads,
  'leavePages of a mapped file': leftPages,
};

/** Registers the tests of a backend that has the operations on files. */
export function runFileConformance({ name, make }: Candidate): void {
  describe(`file kernels of ${name}`, () => {
    for (const [what, operation] of Object.entries(FILE_OPERATIONS)) {
      test(what, async () => operation(await make()));
    }
  });
}

/** Registers the tests of one backend. */
export function runKernelConformance({ name, make }: Candidate): void {
  describe(`kernels of ${name}`, () => {
    test('the backend is the one asked for', async () => {
      const backend = await make();
      assert.equal(backend.name, name);
      assert.equal(backend.kernels.name, name);
    });

    test('sizes are as the interface says', async () => {
      const { kernels } = await make();
      for (const K of [1, 63, 64, 65, 6912]) {
        assert.equal(kernels.activationBytes(K) % 64, 0);
        assert.ok(kernels.activationBytes(K) >= 16 + K);
        assert.ok(kernels.ternaryBytes(5, K) >= (5 * K) / 5, 'five weights fit in a byte at best');
      }
      for (const K of [1, 63, 64, 65, 6912]) assert.ok(kernels.int4Bytes(5, K) >= (5 * K) / 2);
      kernels.barrier(64, 1);
    });

    for (const [what, operation] of Object.entries(OPERATIONS)) {
      test(`${what} as the reference`, async () => operation(new KernelPair(await make())));
    }

    testTraining(make);
  });
}
