/**
 * The parameters of a model and where each lies in the flat f32 arrays (weights, gradients, moments) that are all laid
 * out alike. Names are those of Hugging Face files; rows have a stride of rowStride(columns), their pads stay zero.
 */
import { rowStride } from '../../kernels/kernels.ts';
import {
  type Architecture,
  LAYER_TENSORS,
  type LayerTensor,
  layerTensorName,
  MODEL_TENSORS,
} from '../../model/architecture.ts';
import type { ModelConfig } from '../../model/config.ts';

/** What a parameter is to the model. */
export type ParameterRole = LayerTensor | 'embedding' | 'outputNorm' | 'head';

/** One tensor of weights. */
export interface Parameter {
  /** As in Hugging Face files. */
  readonly name: string;
  readonly role: ParameterRole;
  /** For tensors of layers. */
  readonly layer?: number;
  /** [rows, columns] of a matrix, [length] of a norm. */
  readonly shape: readonly [number] | readonly [number, number];
  /** Elements before it in each flat array, a multiple of 16. */
  readonly offset: number;
  /** Elements that it takes there, pads included. */
  readonly elements: number;
  /** Whether a ternary run quantises it: the projections of layers. */
  readonly isProjection: boolean;
}

/** All of them, in the order in which they lie. */
export interface ParameterTable {
  readonly list: readonly Parameter[];
  /** Elements of each flat array. */
  readonly elements: number;
  /** Weights that the model has, without pads. */
  readonly weights: number;
}

/**
 * The parameters of a model of this family: embedding, layers, output norm, and the head unless it is tied.
 */
export function layOutParameters(
  config: ModelConfig,
  architecture: Architecture,
  tiedHead: boolean,
): ParameterTable {
  const list: Parameter[] = [];
  let offset = 0;
  const place = (
    role: ParameterRole,
    name: string,
    shape: Parameter['shape'],
    isProjection: boolean,
    layer?: number,
  ): void => {
    const [rows, columns] = shape.length === 1 ? [1, shape[0]] : shape;
    const elements = rows * rowStride(columns);
    list.push({
      name,
      role,
      shape,
      offset,
      elements,
      isProjection,
      ...(layer === undefined ? {} : { layer }),
    });
    offset += elements;
  };
  const { embeddingLength, vocabularySize } = config;
  place('embedding', MODEL_TENSORS.embedding.huggingFace, [vocabularySize, embeddingLength], false);
  const shapes = layerShapes(config);
  for (let layer = 0; layer < config.blockCount; layer++) {
    for (const role of LAYER_TENSORS) {
      const shape = shapes[role];
      const isMatrix = shape?.length === 2;
      if (shape === undefined || !(isMatrix || architecture.vectors.includes(role))) continue;
      const name = layerTensorName(architecture.layer[role], 'huggingFace', layer);
      place(role, name, shape, isMatrix, layer);
    }
  }
  place('outputNorm', MODEL_TENSORS.outputNorm.huggingFace, [embeddingLength], false);
  if (!tiedHead) place('head', MODEL_TENSORS.head.huggingFace, [vocabularySize, embeddingLength], false);
  const weights = list.reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0);
  return { list, elements: offset, weights };
}

/** Shapes of the tensors that training knows; families with others (biases, norms of heads) are not trained. */
function layerShapes(config: ModelConfig): Partial<Record<LayerTensor, Parameter['shape']>> {
  const { embeddingLength: d, feedForwardLength: ff, headCount, headCountKv, headLength } = config;
  const q = headCount * headLength;
  const kv = headCountKv * headLength;
  return {
    attentionNorm: [d],
    q: [q, d],
    k: [kv, d],
    v: [kv, d],
    attentionSubNorm: [q],
    o: [d, q],
    feedForwardNorm: [d],
    gate: [ff, d],
    up: [ff, d],
    feedForwardSubNorm: [ff],
    down: [d, ff],
  };
}
