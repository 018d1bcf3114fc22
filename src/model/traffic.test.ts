import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DenseFormat, KvFormat } from '../kernels/kernels.ts';
import type { ModelConfig } from './config.ts';
import type { LayerPlan, Matrix, ModelPlan } from './plan.ts';
import { tokenBytes, tokenMultiplyAdds, weightSpans } from './traffic.ts';

/** The dims of BitNet b1.58 2B4T. */
const config = {
  blockCount: 30,
  embeddingLength: 2560,
  feedForwardLength: 6912,
  headCount: 20,
  headCountKv: 5,
  headLength: 128,
  vocabularySize: 128256,
} as ModelConfig;
const kernels = {
  ternaryBytes: (M: number, K: number) => (M * K) / 4,
  int4Bytes: (M: number, K: number) => (M * K) / 2,
};

const ternary = (rows: number, columns: number): Matrix => ({
  kind: 'ternary',
  address: 64,
  scale: 1,
  rows,
  columns,
});

const layer: LayerPlan = {
  q: ternary(2560, 2560),
  k: ternary(640, 2560),
  v: ternary(640, 2560),
  o: ternary(2560, 2560),
  gate: ternary(6912, 2560),
  up: ternary(6912, 2560),
  down: ternary(2560, 6912),
  attentionNorm: 64,
  feedForwardNorm: 64,
  attentionSubNorm: 64,
  feedForwardSubNorm: 64,
  qBias: 0,
  kBias: 0,
  vBias: 0,
  qNorm: 0,
  kNorm: 0,
  attentionPostNorm: 0,
  feedForwardPostNorm: 0,
};
const dims = { rows: 128256, columns: 2560 };
const half: Matrix = { kind: 'dense', address: 128, format: DenseFormat.F16, ...dims };
const plane = { address: 192, scales: 256, errors: 320 };
const int8: Matrix = { kind: 'int8', address: 128, scales: 64, ...dims };

function modelWith(table: Matrix): Pick<ModelPlan, 'config' | 'embedding' | 'layers' | 'head'> {
  return { config, embedding: table, head: table, layers: Array.from({ length: 30 }, () => layer) };
}

test('a token of 2B4T reads what its published file holds, and its keys and values', () => {
  const step = { positions: 48.5, sequences: 1, kvFormat: KvFormat.F16 };
  const bytes = tokenBytes(modelWith(half), kernels, step);
  assert.equal(bytes.projections, 521_011_200);
  assert.equal(bytes.head, 656_670_720);
  assert.equal(bytes.keysAndValues, 76_800 * 48.5);
  assert.equal(bytes.vectors, 1_761_280 + 2 * 2560);
  assert.equal(bytes.total, bytes.projections + bytes.head + bytes.keysAndValues + bytes.vectors);
  assert.equal(tokenBytes(modelWith(int8), kernels, step).head, 128256 * (2560 + 4));
  assert.equal(tokenBytes(modelWith({ ...half, plane }), kernels, step).head, 128256 * (1280 + 8));
  const full = tokenBytes(modelWith(half), kernels, { ...step, kvFormat: KvFormat.F32 });
  assert.equal(full.keysAndValues, 2 * bytes.keysAndValues);
});

test('sequences share the weights, and nothing else', () => {
  const step = { positions: 100, sequences: 1, kvFormat: KvFormat.F16 };
  const one = tokenBytes(modelWith(half), kernels, step);
  const eight = tokenBytes(modelWith(half), kernels, { ...step, sequences: 8 });
  assert.equal(eight.projections, one.projections / 8);
  assert.equal(eight.head, one.head / 8);
  assert.equal(eight.keysAndValues, one.keysAndValues);
});

test('multiply-adds are those of the matrices, of scores and of sums of values', () => {
  const model = modelWith(half);
  const products = 2_084_044_800;
  assert.equal(tokenMultiplyAdds(model, 0, false), products);
  assert.equal(tokenMultiplyAdds(model, 0, true), products + 128256 * 2560);
  assert.equal(tokenMultiplyAdds(model, 10, false) - products, 2 * 30 * 20 * 128 * 10);
});

test('the spans are all matrices that decoding reads, in whole cache lines', () => {
  const spans = weightSpans(modelWith(int8), kernels);
  assert.equal(spans.length, 7 * 30 + 1);
  assert.ok(spans.every(([, bytes]) => bytes % 64 === 0));
  assert.deepEqual(spans[0], [64, (2560 * 2560) / 4]);
  assert.deepEqual(spans.at(-1), [128, Math.floor((128256 * 2564) / 64) * 64]);
});
