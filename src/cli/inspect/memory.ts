/**
 * How much memory a model will take, from its headers alone: weights as the wasm backend holds them (2 bits for a ternary
 * weight) and the KV cache of one conversation. Work space, a few megabytes, is not counted.
 */
import { DenseFormat, denseBytes, KvFormat, rowStride } from '../../kernels/kernels.ts';
import type { ModelConfig } from '../../model/config.ts';
import type { Inventory, MatrixSource } from '../../model/inventory.ts';
import { kvCacheBytes } from '../../model/kv-cache.ts';

/** Bytes that a loaded model takes. */
export interface MemoryNeeds {
  readonly weightsBytes: number;
  readonly kvCacheBytes: number;
  /** Tokens that the cache has room for. */
  readonly contextLength: number;
  readonly kvCache: 'f16' | 'f32';
}

/** The loader keeps larger tables as int8 rows unless told otherwise. */
const EXACT_TABLE_BYTES = 64 * 2 ** 20;
/** The context that a model is loaded with unless told otherwise. */
const DEFAULT_CONTEXT = 4096;

/** The memory needs of a model with a context of `contextLength` (default: as loadModel) tokens. */
export function memoryNeeds(
  config: ModelConfig,
  inventory: Inventory,
  contextLength: number = Math.min(config.contextLength, DEFAULT_CONTEXT),
  kvCache: 'f16' | 'f32' = 'f16',
): MemoryNeeds {
  const tables = inventory.head === undefined ? [inventory.embedding] : [inventory.embedding, inventory.head];
  const layers = inventory.layers.reduce((sum, { matrices, norms }) => {
    const norm = [...norms.values()].reduce((bytes, { shape }) => bytes + 4 * rowStride(shape[0] ?? 1), 0);
    return sum + norm + Object.values(matrices).reduce((bytes, matrix) => bytes + matrixBytes(matrix), 0);
  }, 0);
  return {
    weightsBytes: layers + tables.reduce((sum, table) => sum + tableBytes(table), 0),
    kvCacheBytes: kvCacheBytes(config, contextLength, kvCache === 'f32' ? KvFormat.F32 : KvFormat.F16),
    contextLength,
    kvCache,
  };
}

function matrixBytes(matrix: MatrixSource): number {
  const { rows, columns } = matrix;
  return matrix.kind === 'dense' ? exactBytes(matrix) : Math.ceil((rows * columns) / 4);
}

function tableBytes(table: MatrixSource): number {
  const exact = exactBytes(table);
  return exact <= EXACT_TABLE_BYTES ? exact : table.rows * (rowStride(table.columns) + 4);
}

function exactBytes({ info, rows, columns }: MatrixSource): number {
  if (info.dtype === 'Q8_0') return denseBytes(DenseFormat.Q8_0, rows, columns);
  return denseBytes(info.dtype === 'F32' ? DenseFormat.F32 : DenseFormat.F16, rows, columns);
}
