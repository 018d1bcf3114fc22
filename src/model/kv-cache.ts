/** Sizes of the KV cache. Its elements are f16 by default, which halves what a long context reads and holds. */
import { KvFormat, rowStride } from '../kernels/kernels.ts';
import type { ModelConfig } from './config.ts';

/** Bytes of the keys (or the values) of one layer. */
export function kvLayerBytes(config: ModelConfig, capacity: number, format: KvFormat): number {
  return config.headCountKv * capacity * rowStride(config.headLength) * (format === KvFormat.F16 ? 2 : 4);
}

/** Bytes of a whole cache for `capacity` positions. */
export function kvCacheBytes(config: ModelConfig, capacity: number, format: KvFormat): number {
  return 2 * config.blockCount * kvLayerBytes(config, capacity, format);
}
