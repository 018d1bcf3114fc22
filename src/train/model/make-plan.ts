/** From a model's description to its {@link TrainingPlan}: everything that it has on the heap is allocated here. */
import type { Heap } from '../../kernels/heap.ts';
import { type Kernels, kvBlockCount } from '../../kernels/kernels.ts';
import type { Described, ModelConfig } from '../../model/config.ts';
import { fillRopeTable } from '../../model/rope-table.ts';
import type { Precision } from '../config.ts';
import { type AttentionPlan, fillBlockTable, trainingBlockBytes } from '../layers/attention.ts';
import type { NormPlan } from '../layers/norm.ts';
import type { ProjectionPlan } from '../layers/projection.ts';
import { fillBackTable, type RotaryPlan } from '../layers/rotary.ts';
import type { Parameter, ParameterRole, ParameterTable } from './parameters.ts';
import type { LayerPlan, TrainingPlan } from './plan.ts';
import {
  allocateParts,
  headTokens,
  keptBytes,
  longestRow,
  type NormRole,
  partialsBytes,
  positionBytes,
  scratchBytes,
  spaceOf,
  ternaryBytes,
  workSpaceBytes,
} from './space.ts';

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
  const { embeddingLength: d, feedForwardLength, blockCount } = config;
  const space = spaceOf(config, precision, microSequences);
  const places = allocateParts(heap, positionBytes(space));
  const find = (role: ParameterRole, layer?: number) =>
    parameters.list.find((parameter) => parameter.role === role && parameter.layer === layer);
  const table = (role: 'embedding' | 'head') => {
    const parameter = find(role) ?? find('embedding')!;
    return { rows: config.vocabularySize, columns: d, ...placeOf(options, parameter) };
  };
  const partials = allocateParts(heap, partialsBytes(space));
  const norm = (role: NormRole, layer?: number): NormPlan | undefined => {
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
    rotary: planRotary(heap, config, places),
    attention: planAttention(heap, config, places, microSequences),
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
    ternary: allocateParts(heap, ternaryBytes(kernels, rows, columns)),
  };
}

type Places = Readonly<Record<keyof ReturnType<typeof positionBytes>, number>>;

function planRotary(heap: Heap, config: ModelConfig, { table, backTable, positions }: Places): RotaryPlan {
  const { contextLength, headLength, ropeFreqBase, ropeStyle: style } = config;
  const length = contextLength * headLength;
  const angles = heap.f64(table, length);
  fillRopeTable(angles, contextLength, headLength, ropeFreqBase);
  fillBackTable(heap.f64(backTable, length), angles, headLength);
  return { table, backTable, positions, style, headLength };
}

function planAttention(
  heap: Heap,
  config: ModelConfig,
  { blocks, cache }: Places,
  sequences: number,
): AttentionPlan {
  const { headCount, headCountKv, headLength, contextLength: positions } = config;
  const count = sequences * kvBlockCount(0, positions);
  fillBlockTable(heap.f64(blocks, count), cache, trainingBlockBytes(headCountKv, headLength));
  return { headCount, headCountKv, headLength, blocks, positions };
}
