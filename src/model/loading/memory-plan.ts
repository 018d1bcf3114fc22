/** What a model will take of a heap, known before a byte of weights is read. */
import { BitnetError } from '../../base/errors.ts';
import { denseBytes, type Kernels, type KvFormat, rowStride } from '../../kernels/kernels.ts';
import type { ModelConfig } from '../config.ts';
import { kvCacheBytes } from '../kv-cache.ts';
import { ropeTableBytes } from '../rope-table.ts';
import { screenSpaceBytes } from '../screen-space.ts';
import { workSpaceBytes } from '../work-space.ts';
import type { MatrixShape, ModelShape } from './model-shape.ts';
import { embeddingForm, type HeadForm, type HeadMode, headForm, heapFormat } from './table-form.ts';

/** Bytes on the heap, by what they are for. */
export interface MemoryPlan {
  /** Projections and norms of all layers. */
  readonly layers: number;
  /** Embedding and output head; once when they are the same. */
  readonly embeddingAndHead: number;
  /** One session's KV cache with the context full; it is taken as the session grows. */
  readonly kvCache: number;
  /** Rotary angles and what a forward pass writes to. */
  readonly work: number;
  readonly total: number;
}

/** What a backend says of its sizes. */
export type SizeKernels = Pick<Kernels, 'ternaryBytes' | 'int4Bytes' | 'activationBytes'>;

/** What the estimate depends on beside the model. */
export interface MemoryOptions {
  readonly contextLength: number;
  readonly kvFormat: KvFormat;
  readonly head: HeadMode;
  /** Tokens and rows of logits of one pass. */
  readonly batchTokens: number;
  readonly outputs: number;
  /** Threads that compute. */
  readonly members: number;
  readonly kernels: SizeKernels;
}

/** The memory that a model takes on a backend. */
export function planMemory(shape: ModelShape, config: ModelConfig, options: MemoryOptions): MemoryPlan {
  let layers = 0;
  for (const { matrices, vectors } of shape.layers) {
    for (const matrix of Object.values(matrices)) layers += matrixBytes(matrix, options);
    for (const vector of vectors.values()) layers += 4 * (vector.shape[0] ?? 1);
  }
  const { embedding, head = embedding } = shape;
  const form = headForm(head, options.head);
  const embeddingAndHead =
    tableBytes(head, form, options) +
    (head === embedding ? 0 : tableBytes(embedding, embeddingForm(options.head), options));
  const { contextLength, batchTokens, outputs } = options;
  const kvCache = kvCacheBytes(config, contextLength, options.kvFormat);
  const parts = workSpaceBytes(options.kernels, config, batchTokens, outputs, contextLength);
  const screen = screenSpaceBytes(head.rows, outputs, options.members);
  const work =
    sumOf(parts) + (form === 'fast' ? sumOf(screen) : 0) + ropeTableBytes(contextLength, config.headLength);
  return { layers, embeddingAndHead, kvCache, work, total: layers + embeddingAndHead + kvCache + work };
}

/**
 * Refuses a model that cannot fit, before anything is read.
 *
 * @throws BitnetError `memory/limit`
 */
export function checkFits(plan: MemoryPlan, availableBytes: number, advice: string): void {
  if (plan.total <= availableBytes) return;
  const megabytes = (bytes: number) => Math.ceil(bytes / 2 ** 20);
  throw new BitnetError(
    'memory/limit',
    `this model takes ${megabytes(plan.total)} MiB (layers ${megabytes(plan.layers)}, embedding and head ` +
      `${megabytes(plan.embeddingAndHead)}, KV cache ${megabytes(plan.kvCache)}, work space ${megabytes(plan.work)}) and this backend can address ` +
      `${megabytes(availableBytes)} MiB; ${advice}`,
    { details: { ...plan, availableBytes } },
  );
}

function sumOf(parts: Readonly<Record<string, number>>): number {
  return Object.values(parts).reduce((sum, bytes) => sum + bytes, 0);
}

function matrixBytes(source: MatrixShape, options: MemoryOptions): number {
  const { rows, columns, info } = source;
  return source.kind === 'dense'
    ? denseBytes(heapFormat(info.dtype), rows, columns)
    : options.kernels.ternaryBytes(rows, columns);
}

function tableBytes(
  { rows, columns, info }: MatrixShape,
  form: HeadForm,
  { kernels }: MemoryOptions,
): number {
  if (form === 'int8') return rows * (rowStride(columns) + 4);
  const plane = form === 'fast' ? kernels.int4Bytes(rows, columns) + 8 * rows : 0;
  return denseBytes(heapFormat(info.dtype), rows, columns) + plane;
}
