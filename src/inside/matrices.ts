/** The ternary matrices of a loaded model, and what all of its weights take in memory. */
import { BitnetError } from '../base/errors.ts';
import type { Model } from '../engine/model.ts';
import { denseBytes, type Kernels, rowStride } from '../kernels/kernels.ts';
import { packedLayout } from '../kernels/packed-weights.ts';
import { LAYER_TENSORS } from '../model/architecture.ts';
import type { ModelConfig } from '../model/config.ts';
import type { TernaryMatrix } from '../model/forward/trace.ts';
import { hasPlane, type LayerPlan, type Matrix, type ModelPlan } from '../model/plan.ts';
import { type InsideOverview, MATRIX_NAMES, type MatrixFacts, type MatrixPlace } from './inside-facts.ts';

/** A ternary matrix with its place. */
export interface PlacedMatrix extends MatrixPlace {
  readonly matrix: TernaryMatrix;
}

/** All of them, layer by layer. */
export function* ternaryMatrices({ layers }: ModelPlan): Generator<PlacedMatrix, void, undefined> {
  for (const [layer, matrices] of layers.entries()) {
    for (const name of MATRIX_NAMES) {
      const matrix = matrices[name];
      if (isTernary(matrix)) yield { layer, name, matrix };
    }
  }
}

/**
 * The matrix at a place.
 *
 * @throws BitnetError `inside/matrix` where there is none, or none of ternary weights
 */
export function ternaryMatrix({ layers }: ModelPlan, { layer, name }: MatrixPlace): TernaryMatrix {
  const matrix = MATRIX_NAMES.includes(name) ? layers[layer]?.[name] : undefined;
  if (matrix === undefined) {
    throw new BitnetError(
      'inside/matrix',
      `there is no matrix ${String(name)} in layer ${layer}; layers go from 0 to ${layers.length - 1}, and the matrices are ${MATRIX_NAMES.join(', ')}`,
    );
  }
  if (isTernary(matrix)) return matrix;
  throw new BitnetError(
    'inside/matrix',
    'this model has no ternary weights there to look at: it was loaded from 16-bit or 32-bit numbers; load a BitNet model',
  );
}

/** The overview of a model. */
export function factsOf(model: Pick<Model, 'engine' | 'backend'>, modelId: string): InsideOverview {
  const { plan, kernels } = model.engine.loaded;
  const { blockCount, embeddingLength, vocabularySize } = plan.config;
  const matrices = [...ternaryMatrices(plan)].map(
    ({ layer, name, matrix: { rows, columns, scale } }): MatrixFacts => ({
      layer,
      name,
      rows,
      columns,
      scale,
      bytes: kernels.ternaryBytes(rows, columns),
      bytes16: 2 * rows * columns,
    }),
  );
  return {
    modelId,
    backend: model.backend,
    layout: packedLayout(model.backend),
    layers: blockCount,
    embeddingLength,
    vocabularySize,
    matrices,
    other: otherBytes(plan, kernels),
  };
}

/** Embedding, head, norms, biases, and projections that are not ternary. */
function otherBytes(plan: ModelPlan, kernels: Kernels): InsideOverview['other'] {
  const { embedding, head, config } = plan;
  const tables = embedding === head || embedding.address === head.address ? [head] : [embedding, head];
  const dense = plan.layers.flatMap((layer) =>
    MATRIX_NAMES.map((name) => layer[name]).filter((matrix) => !isTernary(matrix)),
  );
  let bytes = 0;
  let bytes16 = 0;
  for (const matrix of [...tables, ...dense]) {
    bytes += matrixBytes(matrix, kernels);
    bytes16 += 2 * matrix.rows * matrix.columns;
  }
  const vectors = [config.embeddingLength, ...plan.layers.flatMap((layer) => vectorLengths(layer, config))];
  for (const length of vectors) {
    bytes += 4 * rowStride(length);
    bytes16 += 2 * length;
  }
  return { bytes, bytes16 };
}

function isTernary(matrix: Matrix): matrix is TernaryMatrix {
  return matrix.kind === 'ternary';
}

function matrixBytes(matrix: Matrix, kernels: Kernels): number {
  const { rows, columns } = matrix;
  switch (matrix.kind) {
    case 'ternary':
      return kernels.ternaryBytes(rows, columns);
    case 'int8':
      return rows * (rowStride(columns) + 4);
    case 'dense': {
      const plane = hasPlane(matrix) ? kernels.int4Bytes(rows, columns) + 8 * rows : 0;
      return denseBytes(matrix.format, rows, columns) + plane;
    }
  }
}

/** Of the norms and biases that a layer has. */
function vectorLengths(layer: LayerPlan, config: ModelConfig): number[] {
  const lengths: Partial<Record<(typeof LAYER_TENSORS)[number], number>> = {
    qBias: layer.q.rows,
    kBias: layer.k.rows,
    vBias: layer.v.rows,
    qNorm: config.headLength,
    kNorm: config.headLength,
    attentionSubNorm: layer.o.columns,
    feedForwardSubNorm: config.feedForwardLength,
  };
  return LAYER_TENSORS.filter((name) => typeof layer[name] === 'number' && layer[name] !== 0).map(
    (name) => lengths[name] ?? config.embeddingLength,
  );
}
