/**
 * The dims and types of a model's tensors without the tensors: what memory and speed depend on. An inventory of a file is
 * one; for a model that is not here it follows from the config.
 */
import type { DType } from '../../tensor/dtype.ts';
import { ARCHITECTURES, LAYER_TENSORS, type LayerMatrix, type LayerTensor } from '../architecture.ts';
import type { ModelConfig } from '../config.ts';

/** A matrix [rows, columns]; `dense` ones stay as they are, all others are packed as ternary. */
export interface MatrixShape {
  readonly kind: 'ternary' | 'packed' | 'masters' | 'dense';
  readonly rows: number;
  readonly columns: number;
  readonly info: { readonly dtype: DType };
}

/** One layer. */
export interface LayerShape {
  readonly matrices: Readonly<Record<LayerMatrix, MatrixShape>>;
  /** Norms and biases. */
  readonly vectors: ReadonlyMap<LayerTensor, { readonly shape: readonly number[] }>;
}

/** A whole model. */
export interface ModelShape {
  readonly embedding: MatrixShape;
  /** undefined when the embedding is the head. */
  readonly head: MatrixShape | undefined;
  readonly layers: readonly LayerShape[];
}

/** Element types of a model that is not at hand. */
export interface ShapeTypes {
  readonly embedding: DType;
  /** undefined when the embedding is the head. */
  readonly head: DType | undefined;
  readonly projections: 'ternary' | 'dense';
}

/** The rows and columns of a layer's matrices. */
export function matrixDims(
  config: ModelConfig,
): Readonly<Record<LayerMatrix, readonly [rows: number, columns: number]>> {
  const { embeddingLength, feedForwardLength, headCount, headCountKv, headLength } = config;
  const qRows = headCount * headLength;
  const kvRows = headCountKv * headLength;
  return {
    q: [qRows, embeddingLength],
    k: [kvRows, embeddingLength],
    v: [kvRows, embeddingLength],
    o: [embeddingLength, qRows],
    gate: [feedForwardLength, embeddingLength],
    up: [feedForwardLength, embeddingLength],
    down: [embeddingLength, feedForwardLength],
  };
}

/** The lengths of a layer's norms and biases, of those that some family has. */
export function vectorLengths(config: ModelConfig): Readonly<Partial<Record<LayerTensor, number>>> {
  const { embeddingLength, feedForwardLength, headCount, headCountKv, headLength } = config;
  const qRows = headCount * headLength;
  const kvRows = headCountKv * headLength;
  return {
    attentionNorm: embeddingLength,
    feedForwardNorm: embeddingLength,
    attentionSubNorm: qRows,
    feedForwardSubNorm: feedForwardLength,
    attentionPostNorm: embeddingLength,
    feedForwardPostNorm: embeddingLength,
    qNorm: headLength,
    kNorm: headLength,
    qBias: qRows,
    kBias: kvRows,
    vBias: kvRows,
  };
}

/** The shape of a model of a known architecture; one that is not known has the norms of Llama. */
export function shapeOf(config: ModelConfig, types: ShapeTypes): ModelShape {
  const dims = matrixDims(config);
  const lengths = vectorLengths(config);
  const present = ARCHITECTURES.get(config.architecture)?.vectors ?? ['attentionNorm', 'feedForwardNorm'];
  const matrices = Object.fromEntries(
    LAYER_TENSORS.filter((tensor) => tensor in dims).map((tensor) => {
      const [rows, columns] = dims[tensor as LayerMatrix];
      const isDense = types.projections === 'dense';
      return [
        tensor,
        { kind: isDense ? 'dense' : 'ternary', rows, columns, info: { dtype: isDense ? 'F16' : 'I2_S' } },
      ];
    }),
  ) as unknown as LayerShape['matrices'];
  const vectors = new Map(present.map((tensor) => [tensor, { shape: [lengths[tensor] ?? 1] }] as const));
  const table = (dtype: DType): MatrixShape => ({
    kind: 'dense',
    rows: config.vocabularySize,
    columns: config.embeddingLength,
    info: { dtype },
  });
  return {
    embedding: table(types.embedding),
    head: types.head === undefined ? undefined : table(types.head),
    layers: Array.from({ length: config.blockCount }, () => ({ matrices, vectors })),
  };
}
