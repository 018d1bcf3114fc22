/**
 * What the steps of a model cost on a measured machine: sums over layers, head and attention of what the forward pass does
 * (docs/can-run.md has the formula). Decoding reads every weight once for a token, so it is bytes over the rate at which
 * weights of that total size are read, and what a layer costs beside; prefill is multiply-adds over their rate.
 */
import type { KvCacheType } from '../engine/options.ts';
import { denseBytes, KvFormat } from '../kernels/kernels.ts';
import type { ModelConfig } from '../model/config.ts';
import { kvCacheBytes } from '../model/kv-cache.ts';
import type { SizeKernels } from '../model/loading/memory-plan.ts';
import type { MatrixShape, ModelShape } from '../model/loading/model-shape.ts';
import { type HeadMode, headForm, heapFormat } from '../model/loading/table-form.ts';
import type { AttentionCost, MachineRates, RatePoint } from './fit.ts';

/** A model as its costs see it: sums over all layers. */
export interface Workload {
  readonly config: ModelConfig;
  /** Packed ternary bytes, and bytes of matrices that are not. */
  readonly ternaryBytes: number;
  readonly denseBytes: number;
  /** Multiply-adds of a token in them. */
  readonly ternaryMacs: number;
  readonly denseMacs: number;
  /** Elements of a token that are normed and quantised. */
  readonly elements: number;
  /** Bytes of the head that finding likely tokens reads, of a plane or of the whole. */
  readonly headBytes: number;
  readonly hasPlane: boolean;
  /** Rows that are scored exactly beside the plane: bytes of them. */
  readonly scoredBytes: number;
  readonly kvCache: KvCacheType;
}

/** Rows of a head that a greedy token scores exactly, about; published models and random ones alike. */
const SCORED_ROWS = 24;

/** The sums. */
export function workloadOf(
  shape: ModelShape,
  config: ModelConfig,
  kernels: SizeKernels,
  head: HeadMode,
  kvCache: KvCacheType,
): Workload {
  const matrices = shape.layers.flatMap((layer) => Object.values(layer.matrices));
  const isDense = ({ kind }: MatrixShape) => kind === 'dense';
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const macs = ({ rows, columns }: MatrixShape) => rows * columns;
  const ternary = matrices.filter((matrix) => !isDense(matrix));
  const dense = matrices.filter(isDense);
  const bytesOf = ({ rows, columns, info }: MatrixShape) => denseBytes(heapFormat(info.dtype), rows, columns);
  const table = shape.head ?? shape.embedding;
  const form = headForm(table, head);
  const { rows, columns } = table;
  return {
    config,
    ternaryBytes: sum(ternary.map((matrix) => kernels.ternaryBytes(matrix.rows, matrix.columns))),
    denseBytes: sum(dense.map(bytesOf)),
    ternaryMacs: sum(ternary.map(macs)),
    denseMacs: sum(dense.map(macs)),
    elements: config.blockCount * elementsOfLayer(config),
    headBytes:
      form === 'fast'
        ? kernels.int4Bytes(rows, columns)
        : form === 'int8'
          ? rows * (columns + 4)
          : bytesOf(table),
    hasPlane: form === 'fast',
    scoredBytes:
      form === 'fast' ? (SCORED_ROWS * denseBytes(heapFormat(table.info.dtype), rows, columns)) / rows : 0,
    kvCache,
  };
}

/** Elements of a token that a layer norms and quantises: the inputs of q, of o, of gate and of down. */
export function elementsOfLayer(config: ModelConfig): number {
  const { embeddingLength, feedForwardLength, headCount, headLength } = config;
  return 2 * embeddingLength + headCount * headLength + feedForwardLength;
}

/** Seconds of a step that generates one token at a position (tokens before it). */
export function decodeSeconds(load: Workload, rates: MachineRates, position: number): number {
  const { config } = load;
  const kvBytes = kvBytesAt(load, position);
  const footprint = load.ternaryBytes + load.denseBytes + load.headBytes + kvBytes;
  const weights =
    load.ternaryBytes / rateAt(rates.decodeCurve, footprint) + load.denseBytes / rates.readBytesPerSecond;
  const attention =
    config.blockCount * attentionSeconds(config, rates.decodeAttention, load.kvCache, position);
  return (
    rates.secondsPerStep +
    config.blockCount * rates.secondsPerLayer +
    load.elements * rates.secondsPerElement +
    weights +
    attention +
    kvBytes / rates.readBytesPerSecond +
    headSeconds(load, rates, footprint)
  );
}

/** Seconds from a prompt of an empty session to the logits of its last token. */
export function prefillSeconds(
  load: Workload,
  rates: MachineRates,
  promptTokens: number,
  chunkTokens: number,
): number {
  const { config } = load;
  const perToken =
    load.ternaryMacs / rates.prefillMacsPerSecond +
    load.denseMacs / rates.denseMacsPerSecond +
    load.elements * rates.prefillSecondsPerElement;
  let seconds = 0;
  for (let first = 0; first < promptTokens; first += chunkTokens) {
    const tokens = Math.min(chunkTokens, promptTokens - first);
    // What the chunk sees of itself was measured with the rest.
    const attention = attentionSeconds(config, rates.prefillAttention, load.kvCache, first);
    const least = decodeSeconds(load, rates, first) - headSeconds(load, rates, load.ternaryBytes);
    const full = rates.secondsPerStep + tokens * (perToken + config.blockCount * attention);
    // A few tokens cost no less than one.
    seconds += Math.max(full, least);
  }
  return seconds + headSeconds(load, rates, load.ternaryBytes + load.headBytes);
}

function headSeconds(load: Workload, rates: MachineRates, footprint: number): number {
  const { headBytes, hasPlane, scoredBytes } = load;
  if (!hasPlane) return headBytes / rateAt(rates.headCurve, footprint);
  return (
    rates.secondsPerHead +
    headBytes / rateAt(rates.headCurve, footprint) +
    scoredBytes / rates.readBytesPerSecond
  );
}

function kvBytesAt({ config, kvCache }: Workload, position: number): number {
  const format = kvCache === 'q8' ? KvFormat.Q8 : kvCache === 'f32' ? KvFormat.F32 : KvFormat.F16;
  return (kvCacheBytes(config, 64, format) / 64) * position;
}

/** Seconds of a layer's attention of one token that looks at so many positions. */
export function attentionSeconds(
  { headCount, headCountKv, headLength }: ModelConfig,
  costs: Readonly<Record<'f16' | 'q8', AttentionCost>>,
  kvCache: KvCacheType,
  positions: number,
): number {
  const { perKeyElement, perQueryElement } = costs[kvCache === 'q8' ? 'q8' : 'f16'];
  return positions * headLength * (headCountKv * perKeyElement + headCount * perQueryElement);
}

/** The rate at a size: on a straight line between neighbours over the logarithm of the size, in seconds a byte. */
export function rateAt(curve: readonly RatePoint[], bytes: number): number {
  const above = curve.findIndex((point) => point.bytes >= bytes);
  if (above === 0) return curve[0]!.bytesPerSecond;
  if (above < 0) return curve.at(-1)!.bytesPerSecond;
  const [low, high] = [curve[above - 1]!, curve[above]!];
  const share = Math.log(bytes / low.bytes) / Math.log(high.bytes / low.bytes);
  return 1 / ((1 - share) / low.bytesPerSecond + share / high.bytesPerSecond);
}
