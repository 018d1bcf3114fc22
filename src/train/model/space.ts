/**
 * What a model in training takes of a heap, part by part, known before any of it is allocated. All tokens of a pass have
 * a place in everything but scratch and logits; what layers keep is by far the most.
 */
import { roundUp } from '../../base/assert.ts';
import { BitnetError } from '../../base/errors.ts';
import type { Heap } from '../../kernels/heap.ts';
import { type Kernels, kvBlockCount, rowStride } from '../../kernels/kernels.ts';
import { SQUARES_BLOCK } from '../../kernels/training-kernels.ts';
import type { ModelConfig } from '../../model/config.ts';
import { ropeTableBytes } from '../../model/rope-table.ts';
import type { Precision } from '../config.ts';
import { attentionBackwardBytes, trainingBlockBytes } from '../layers/attention.ts';
import type { TernaryPlan } from '../layers/projection.ts';
import { chunkScratchBytes } from './chunks.ts';
import type { ParameterTable } from './parameters.ts';
import { type Kept, LONGEST_CHUNK, mostChunks, type WorkSpace } from './plan.ts';

/** Bytes that logits and their gradients may take at once, as far as a chunk of tokens needs no more. */
const LOGITS_BYTES = 16 * 2 ** 20;

/** Norms, whose gradients are summed by chunks of tokens. */
export type NormRole =
  | 'attentionNorm'
  | 'attentionSubNorm'
  | 'feedForwardNorm'
  | 'feedForwardSubNorm'
  | 'outputNorm';

/** What sizes depend on. */
export interface Space {
  readonly config: ModelConfig;
  /** in a pass, at most */
  readonly tokens: number;
  /** whether inputs of projections are kept in 8 bits */
  readonly isTernary: boolean;
}

/** Of a model's passes over at most so many rows of tokens. */
export function spaceOf(config: ModelConfig, precision: Precision, microSequences: number): Space {
  return { config, tokens: microSequences * config.contextLength, isTernary: precision === 'ternary' };
}

/** Bytes of each part of {@link Kept}. */
export function keptBytes(
  { activationBytes }: Pick<Kernels, 'activationBytes'>,
  { config, tokens, isTernary }: Space,
): Record<keyof Kept, number> {
  const { embeddingLength: d, feedForwardLength: ff, headCount, headCountKv, headLength } = config;
  const q = headCount * headLength;
  const kv = headCountKv * headLength;
  const rows = (columns: number) => 4 * tokens * rowStride(columns);
  const quantized = (columns: number) => (isTernary ? tokens * activationBytes(columns) : 0);
  return {
    x: rows(d),
    headsInput: quantized(d),
    q: rows(q),
    k: rows(kv),
    v: rows(kv),
    attention: rows(q),
    outputInput: quantized(q),
    middle: rows(d),
    feedForwardInput: quantized(d),
    gate: rows(ff),
    up: rows(ff),
    downInput: quantized(ff),
  };
}

/** Bytes of each part of a {@link WorkSpace}. */
export function workSpaceBytes({ config, tokens }: Space): Record<keyof WorkSpace, number> {
  const { embeddingLength: d, feedForwardLength: ff, headCount, headCountKv, headLength } = config;
  const q = headCount * headLength;
  const kv = headCountKv * headLength;
  const rows = (columns: number) => 4 * tokens * rowStride(columns);
  const atHead = headTokens(config, tokens);
  return {
    ids: 4 * tokens,
    targets: 4 * tokens,
    losses: 4 * tokens,
    x: rows(d),
    dX: rows(d),
    dMiddle: rows(d),
    dAttention: rows(q),
    dRotatedQ: rows(q),
    dRotatedK: rows(kv),
    dQ: rows(q),
    dK: rows(kv),
    dV: rows(kv),
    dGate: rows(ff),
    dUp: rows(ff),
    headsInput: rows(d),
    outputInput: rows(q),
    feedForwardInput: rows(d),
    downInput: rows(ff),
    hidden: 4 * atHead * rowStride(d),
    logits: 4 * atHead * rowStride(config.vocabularySize),
  };
}

/** Bytes of the gradients of norms by chunks of tokens: layers use the same, one after the other. */
export function partialsBytes({ config, tokens }: Omit<Space, 'isTernary'>): Record<NormRole, number> {
  const { embeddingLength: d, feedForwardLength: ff, headCount, headLength } = config;
  const rows = (length: number) => 4 * mostChunks(tokens) * rowStride(length);
  return {
    attentionNorm: rows(d),
    attentionSubNorm: rows(headCount * headLength),
    feedForwardNorm: rows(d),
    feedForwardSubNorm: rows(ff),
    outputNorm: rows(d),
  };
}

/** Bytes of tables of angles there and back, of i32 [tokens] positions, and of the KV blocks of one layer. */
export function positionBytes({ config, tokens }: Omit<Space, 'isTernary'>): {
  readonly table: number;
  readonly backTable: number;
  readonly positions: number;
  readonly blocks: number;
  readonly cache: number;
} {
  const { contextLength, headLength, headCountKv } = config;
  const table = ropeTableBytes(contextLength, headLength);
  const count = (tokens / contextLength) * kvBlockCount(0, contextLength);
  return {
    table,
    backTable: table,
    positions: 4 * tokens,
    blocks: 8 * count,
    cache: count * trainingBlockBytes(headCountKv, headLength),
  };
}

/** Bytes of what a ternary run has of a matrix beside its f32 values. */
export function ternaryBytes(
  kernels: Pick<Kernels, 'ternaryBytes'>,
  rows: number,
  columns: number,
): Record<keyof TernaryPlan, number> {
  return {
    codes: rows * columns,
    packed: kernels.ternaryBytes(rows, columns),
    scale: 4,
    sums: 4 * rows,
    counts: 8 * rows,
  };
}

/** Bytes on the heap, by what they are for; not the threads' scratch, which comes before. */
export interface TrainingMemory {
  /** Weights, gradients, moments, and the optimiser's sums. */
  readonly parameters: number;
  /** Values and codes of ternary projections. */
  readonly ternary: number;
  /** What passes keep and write to. */
  readonly passes: number;
  readonly total: number;
}

/** The memory that training a model takes. */
export function planTrainingMemory(
  kernels: Pick<Kernels, 'activationBytes' | 'ternaryBytes'>,
  { list, elements }: ParameterTable,
  space: Space,
): TrainingMemory {
  const parameters = 16 * elements + 4 * Math.ceil(elements / SQUARES_BLOCK);
  let ternary = 0;
  for (const { isProjection, shape, elements: own } of list) {
    if (!space.isTernary || !isProjection) continue;
    ternary += 4 * own + sumOf(ternaryBytes(kernels, shape[0], shape[1]!));
  }
  const layers = space.config.blockCount * sumOf(keptBytes(kernels, space));
  const passes =
    layers + sumOf(workSpaceBytes(space)) + sumOf(partialsBytes(space)) + sumOf(positionBytes(space));
  return { parameters, ternary, passes, total: parameters + ternary + passes };
}

/**
 * Refuses a model whose training cannot fit, before any of it is allocated.
 *
 * @throws BitnetError `memory/limit`
 */
export function checkTrainingFits(
  memory: TrainingMemory,
  { availableBytes, limitAdvice }: Pick<Heap, 'availableBytes' | 'limitAdvice'>,
): void {
  if (memory.total <= availableBytes) return;
  const megabytes = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  throw new BitnetError(
    'memory/limit',
    `training this model takes ${megabytes(memory.total)} (weights, gradients and moments ` +
      `${megabytes(memory.parameters)}, ternary weights ${megabytes(memory.ternary)}, rows of text ` +
      `${megabytes(memory.passes)}) and this backend has ${megabytes(availableBytes)} left; ${limitAdvice}, or fewer rows at ` +
      'once (batch.microSequences)',
    { details: { ...memory, availableBytes } },
  );
}

function sumOf(parts: Readonly<Record<string, number>>): number {
  return Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
}

/** Tokens whose logits are held at once: one chunk at the least. */
export function headTokens({ vocabularySize }: ModelConfig, tokens: number): number {
  const fitting = Math.floor(LOGITS_BYTES / (4 * rowStride(vocabularySize)));
  return Math.min(Math.max(fitting, LONGEST_CHUNK), roundUp(tokens, LONGEST_CHUNK));
}

/** Elements of the longest row of activations, but for logits. */
export function longestRow(config: ModelConfig): number {
  const { embeddingLength, feedForwardLength, headCount, headLength } = config;
  return rowStride(Math.max(embeddingLength, feedForwardLength, headCount * headLength));
}

/** Bytes of a thread's scratch: what operations need for themselves comes first, then rows. */
export function scratchBytes(
  kernels: Kernels,
  config: ModelConfig,
): { readonly operations: number; readonly all: number } {
  const { headCount, headCountKv, headLength, contextLength } = config;
  const gemm = kernels.gemmScratchBytes();
  const attention = kernels.attentionScratchBytes(headCount, headCountKv, headLength);
  const operations = roundUp(Math.max(gemm, attention), 64);
  const rows = chunkScratchBytes(longestRow(config));
  return { operations, all: operations + Math.max(rows, attentionBackwardBytes(contextLength)) };
}

/** Allocates parts of the sizes given; one of no bytes has the address 0. */
export function allocateParts<Part extends string>(
  heap: Heap,
  bytes: Readonly<Record<Part, number>>,
): Record<Part, number> {
  const parts: Record<Part, number> = { ...bytes };
  for (const part of Object.keys(bytes) as Part[]) parts[part] = bytes[part] && heap.allocate(bytes[part]);
  return parts;
}
