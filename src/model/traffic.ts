/**
 * What a decoded token costs, counted and not measured: the bytes that have to be read, and the multiply-adds. Decoding
 * is bound by memory, so bytes per token over the machine's bandwidth is the limit that `bitnet bench` compares with.
 * Counted are weights as they lie on the heap, the head as it is read, the KV rows of the context and the norms;
 * activations are not, since they stay in the caches.
 */
import { ATTENTION_BLOCK, denseBytes, type Kernels, rowStride } from '../kernels/kernels.ts';
import type { LayerMatrix, LayerTensor } from './architecture.ts';
import type { ModelConfig } from './config.ts';
import { kvCacheBytes } from './kv-cache.ts';
import type { KvCachePlan, LayerPlan, Matrix, ModelPlan } from './plan.ts';

type Sizes = Pick<Kernels, 'ternaryBytes' | 'int4Bytes'>;
type Weights = Pick<ModelPlan, 'config' | 'embedding' | 'layers' | 'head'>;

/** A step in which each of `sequences` decodes one token. */
export interface DecodeStep {
  /** positions that each token attends to, itself included; a mean over several steps need not be whole */
  readonly positions: number;
  readonly sequences: number;
  readonly kvFormat: KvCachePlan['format'];
}

/** Bytes that one token makes the machine read: its share of the weights, and its own rows. */
export interface TokenBytes {
  /** projections of all layers */
  readonly projections: number;
  readonly head: number;
  readonly keysAndValues: number;
  /** norms, biases and the embedding's row */
  readonly vectors: number;
  readonly total: number;
}

/** Bytes per token of a decoding step. */
export function tokenBytes(model: Weights, kernels: Sizes, step: DecodeStep): TokenBytes {
  const { config, embedding } = model;
  const { positions, sequences, kvFormat } = step;
  const matrices = model.layers.flatMap(matricesOf);
  const projections = sum(matrices.map((matrix) => matrixBytes(kernels, matrix))) / sequences;
  const head = headBytes(kernels, model.head) / sequences;
  const keysAndValues = (kvCacheBytes(config, ATTENTION_BLOCK, kvFormat) / ATTENTION_BLOCK) * positions;
  const vectors =
    (sum(model.layers.map((layer) => vectorBytes(config, layer))) + 4 * rowStride(config.embeddingLength)) /
      sequences +
    matrixBytes(kernels, embedding) / embedding.rows;
  return { projections, head, keysAndValues, vectors, total: projections + head + keysAndValues + vectors };
}

/** Multiply-adds of one token that attends to `positions`; `withHead` when its logits are wanted. */
export function tokenMultiplyAdds(
  model: Pick<Weights, 'config' | 'layers' | 'head'>,
  positions: number,
  withHead: boolean,
): number {
  const { headCount, headLength, blockCount } = model.config;
  const products = sum(model.layers.flatMap(matricesOf).map(({ rows, columns }) => rows * columns));
  const attention = 2 * headCount * headLength * positions * blockCount;
  return products + attention + (withHead ? model.head.rows * model.head.columns : 0);
}

/** Where the weights lie that decoding reads, in whole cache lines. */
export function weightSpans(
  model: Weights,
  kernels: Sizes,
): readonly (readonly [address: number, bytes: number])[] {
  return [...model.layers.flatMap(matricesOf), model.head].map((matrix) => {
    // A head in the memory of a file may lie anywhere.
    const address = Math.ceil(matrix.address / 64) * 64;
    const end = matrix.address + matrixBytes(kernels, matrix);
    return [address, Math.floor((end - address) / 64) * 64];
  });
}

/** Bytes of the head that finding the likely tokens reads; rows that are scored again are few beside them. */
function headBytes(kernels: Sizes, head: Matrix): number {
  if (head.kind !== 'dense' || head.plane === undefined) return matrixBytes(kernels, head);
  return kernels.int4Bytes(head.rows, head.columns) + 8 * head.rows;
}

/** Bytes of a matrix that a product with it reads. */
function matrixBytes(kernels: Sizes, matrix: Matrix): number {
  const { rows, columns } = matrix;
  switch (matrix.kind) {
    case 'ternary':
      return kernels.ternaryBytes(rows, columns);
    case 'dense':
      return denseBytes(matrix.format, rows, columns);
    case 'int8':
      return rows * (rowStride(columns) + 4);
  }
}

/** f32 norms and biases that a layer has. */
function vectorBytes(config: ModelConfig, layer: LayerPlan): number {
  const { embeddingLength, feedForwardLength, headCount, headCountKv, headLength } = config;
  const lengths: Readonly<Record<Exclude<LayerTensor, LayerMatrix>, number>> = {
    attentionNorm: embeddingLength,
    qBias: headCount * headLength,
    kBias: headCountKv * headLength,
    vBias: headCountKv * headLength,
    qNorm: headLength,
    kNorm: headLength,
    attentionSubNorm: headCount * headLength,
    attentionPostNorm: embeddingLength,
    feedForwardNorm: embeddingLength,
    feedForwardSubNorm: feedForwardLength,
    feedForwardPostNorm: embeddingLength,
  };
  const present = (Object.keys(lengths) as (keyof typeof lengths)[]).filter((name) => layer[name] !== 0);
  return sum(present.map((name) => 4 * rowStride(lengths[name])));
}

function matricesOf(layer: LayerPlan): Matrix[] {
  return Object.values(layer).filter((part) => typeof part === 'object');
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
