/** From a model's description to its {@link TrainingPlan}: everything that it has on the heap is allocated here. */
import type { Heap } from '../../kernels/heap.ts';
import { type Kernels, kvBlockCount, rowStride } from '../../kernels/kernels.ts';
import type { Described, ModelConfig } from '../../model/config.ts';
import { fillRopeTable, ropeTableBytes } from '../../model/rope-table.ts';
import type { Precision } from '../config.ts';
import { type AttentionPlan, fillBlockTable, trainingBlockBytes } from '../layers/attention.ts';
import type { NormPlan } from '../layers/norm.ts';
import type { ProjectionPlan } from '../layers/projection.ts';
import { fillBackTable, type RotaryPlan } from '../layers/rotary.ts';
import type { Parameter, ParameterRole, ParameterTable } from './parameters.ts';
import { type LayerPlan, mostChunks, type TrainingPlan } from './plan.ts';
import { allocateParts, headTokens, keptBytes, longestRow, scratchBytes, workSpaceBytes } from './space.ts';

/** What a plan is made from. */
export interface PlanOptions {
  readonly described: Described;
  readonly parameters: ParameterTable;
  readonly precision: Precision;
  readonly microSequences: number;
  readonly heap: Heap;
  readonly kernels: Kernels;
  /** Addresses of f32 [parameters.elements]. */
  readonly weights: number;
  readonly gradients: number;
}

/** @throws BitnetError `memory/…` */
export function makePlan(options: PlanOptions): TrainingPlan {
  const { described, parameters, precision, microSequences, heap, kernels } = options;
  const { config } = described;
  const { embeddingLength: d, feedForwardLength, blockCount, headCount, headLength, contextLength } = config;
  const space = { config, tokens: microSequences * contextLength, isTernary: precision === 'ternary' };
  const find = (role: ParameterRole, layer?: number) =>
    parameters.list.find((parameter) => parameter.role === role && parameter.layer === layer);
  const table = (role: 'embedding' | 'head') => {
    const parameter = find(role) ?? find('embedding')!;
    return { rows: config.vocabularySize, columns: d, ...placeOf(options, parameter) };
  };
  const partials = allocateParts(heap, {
    attentionNorm: partialsBytes(space.tokens, d),
    attentionSubNorm: partialsBytes(space.tokens, headCount * headLength),
    feedForwardNorm: partialsBytes(space.tokens, d),
    feedForwardSubNorm: partialsBytes(space.tokens, feedForwardLength),
    outputNorm: partialsBytes(space.tokens, d),
  });
  const norm = (role: keyof typeof partials, layer?: number): NormPlan | undefined => {
    const parameter = find(role, layer);
    if (parameter === undefined) return undefined;
    return {
      ...placeOf(options, parameter),
      length: parameter.shape[0],
      epsilon: config.layerNormRmsEpsilon,
      partials: partials[role],
    };
  };
  const projection = (role: ParameterRole, layer: number) =>
    planProjection(options, find(role, layer)!, precision);
  const layers = Array.from({ length: blockCount }, (_, layer): LayerPlan => {
    return {
      attentionNorm: norm('attentionNorm', layer)!,
      q: projection('q', layer),
      k: projection('k', layer),
      v: projection('v', layer),
      attentionSubNorm: norm('attentionSubNorm', layer),
      o: projection('o', layer),
      feedForwardNorm: norm('feedForwardNorm', layer)!,
      gate: projection('gate', layer),
      up: projection('up', layer),
      feedForwardSubNorm: norm('feedForwardSubNorm', layer),
      down: projection('down', layer),
      kept: allocateParts(heap, keptBytes(kernels, space)),
    };
  });
  return {
    activation: config.activation,
    embeddingLength: d,
    feedForwardLength,
    embedding: table('embedding'),
    layers,
    outputNorm: norm('outputNorm')!,
    head: table('head'),
    rotary: planRotary(heap, config, microSequences),
    attention: planAttention(heap, config, microSequences),
    work: allocateParts(heap, workSpaceBytes(space)),
    headTokens: headTokens(config, space.tokens),
    scratchBytes: scratchBytes(kernels, config).operations,
    longestRow: longestRow(config),
  };
}

/** The projections of a plan by the names of their parameters, in the order of the parameters. */
export function projectionsOf(
  { layers }: TrainingPlan,
  { list }: ParameterTable,
): { readonly name: string; readonly projection: ProjectionPlan }[] {
  return list.flatMap(({ name, role, layer, isProjection }) =>
    isProjection ? [{ name, projection: layers[layer!]![role as 'q'] }] : [],
  );
}

/** Of a norm's gradients by chunks of tokens: layers use the same, one after the other. */
function partialsBytes(tokens: number, length: number): number {
  return 4 * mostChunks(tokens) * rowStride(length);
}

function placeOf(
  { weights, gradients }: PlanOptions,
  { offset }: Parameter,
): { weights: number; gradient: number } {
  return { weights: weights + 4 * offset, gradient: gradients + 4 * offset };
}

function planProjection(options: PlanOptions, parameter: Parameter, precision: Precision): ProjectionPlan {
  const { heap, kernels } = options;
  const [rows, columns = 1] = parameter.shape;
  const place = placeOf(options, parameter);
  if (precision === 'f32') return { rows, columns, ...place, values: place.weights, ternary: undefined };
  return {
    rows,
    columns,
    ...place,
    values: heap.allocate(4 * parameter.elements),
    ternary: {
      codes: heap.allocate(rows * columns),
      packed: heap.allocate(kernels.ternaryBytes(rows, columns)),
      scale: heap.allocate(4),
      sums: heap.allocate(4 * rows),
      counts: heap.allocate(8 * rows),
    },
  };
}

function planRotary(heap: Heap, config: ModelConfig, sequences: number): RotaryPlan {
  const { contextLength, headLength, ropeFreqBase, ropeStyle: style } = config;
  const bytes = ropeTableBytes(contextLength, headLength);
  const table = heap.allocate(bytes);
  const backTable = heap.allocate(bytes);
  const positions = heap.allocate(4 * sequences * contextLength);
  const angles = heap.f64(table, bytes / 8);
  fillRopeTable(angles, contextLength, headLength, ropeFreqBase);
  fillBackTable(heap.f64(backTable, bytes / 8), angles, headLength);
  return { table, backTable, positions, style, headLength };
}

function planAttention(heap: Heap, config: ModelConfig, sequences: number): AttentionPlan {
  const { headCount, headCountKv, headLength, contextLength: positions } = config;
  const count = sequences * kvBlockCount(0, positions);
  const blockBytes = trainingBlockBytes(headCountKv, headLength);
  const blocks = heap.allocate(8 * count);
  const first = heap.allocate(count * blockBytes);
  fillBlockTable(heap.f64(blocks, count), first, blockBytes);
  return { headCount, headCountKv, headLength, blocks, positions };
}
