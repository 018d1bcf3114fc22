/**
 * The tensors of a random model, made piece by piece as they are written. Scales are chosen so that every projection
 * gives values of about 1 and the residual stream stays near 1 through all layers: a forward pass is finite, its logits
 * spread as those of a trained model, and generated tokens vary.
 */

import type { TensorOutput } from '../../formats/tensor-output.ts';
import { ARCHITECTURES, LAYER_TENSORS, layerTensorName, MODEL_TENSORS } from '../../model/architecture.ts';
import { blockBytes, byteLengthOf, I2S_TAIL_BYTES, isTernary } from '../../tensor/dtype.ts';
import { floatToHalf } from '../../tensor/half.ts';
import { i2sTail } from '../../tensor/i2s.ts';
import { TQ1_BYTES, TQ1_SCALE_AT } from '../../tensor/tq1.ts';
import { TQ2_SCALE_AT } from '../../tensor/tq2.ts';
import {
  fieldBytes,
  normalFloats,
  normalHalves,
  normalInt8,
  RandomBytes,
  tritBytes,
  uniformBytes,
} from './random-bytes.ts';
import type { RandomShape } from './shapes.ts';

/** Element types of the projections. */
export const PROJECTION_TYPES = ['I2_S', 'TQ1_0', 'TQ2_0', 'F16'] as const;
/** One of {@link PROJECTION_TYPES}. */
export type ProjectionType = (typeof PROJECTION_TYPES)[number];

/** Element types of the embedding and the head. */
export const EMBEDDING_TYPES = ['F16', 'Q8_0', 'Q6_K'] as const;
/** One of {@link EMBEDDING_TYPES}. */
export type EmbeddingType = (typeof EMBEDDING_TYPES)[number];

/** Bytes made at once. */
const PIECE_BYTES = 2 ** 20;
/** Share of non-zero weights, as random-bytes.ts makes them. */
const DENSITY = 0.6;
const EMBEDDING_DEVIATION = 0.03;
const NORM_DEVIATION = 0.1;
/** Of queries and keys: attention scores spread by its square, so that attention picks some tokens, not all alike. */
const SHARPNESS = 1.6;
/** Standard deviation of {@link normalInt8}. */
const INT8_DEVIATION = 127 / 3.5;
/** Of a uniform 6-bit number. */
const INT6_DEVIATION = 64 / Math.sqrt(12);
/** The scale of every group of 16 in a Q6_K block. */
const Q6_GROUP_SCALE = 32;
const Q6_GROUPS_AT = 192;
const Q6_SCALE_AT = 208;

/** All tensors of a model, in the order of the file. */
export function randomTensors(
  shape: RandomShape,
  projection: ProjectionType,
  embedding: EmbeddingType,
  seed: number,
): TensorOutput[] {
  const { vocabularySize, embeddingLength } = shape;
  const table = (name: string): TensorOutput =>
    tableTensor(name, embedding, [vocabularySize, embeddingLength], seed);
  return [
    table(MODEL_TENSORS.embedding.gguf),
    ...Array.from({ length: shape.blockCount }, (_, layer) =>
      layerTensors(shape, projection, layer, seed),
    ).flat(),
    normTensor(MODEL_TENSORS.outputNorm.gguf, embeddingLength, seed),
    ...(shape.hasHead ? [table(MODEL_TENSORS.head.gguf)] : []),
  ];
}

function layerTensors(shape: RandomShape, type: ProjectionType, layer: number, seed: number): TensorOutput[] {
  const { embeddingLength, feedForwardLength, headCount, headCountKv, headLength, blockCount } = shape;
  const architecture = ARCHITECTURES.get(shape.architecture)!;
  const qRows = headCount * headLength;
  const kvRows = headCountKv * headLength;
  // What goes back into the residual stream, twice a layer, adds up to about 1.
  const share = 1 / Math.sqrt(2 * blockCount);
  const matrices: Readonly<Record<string, readonly [rows: number, columns: number, gain: number]>> = {
    q: [qRows, embeddingLength, SHARPNESS],
    k: [kvRows, embeddingLength, SHARPNESS],
    v: [kvRows, embeddingLength, 1],
    o: [embeddingLength, qRows, share],
    gate: [feedForwardLength, embeddingLength, 1],
    up: [feedForwardLength, embeddingLength, 1],
    down: [embeddingLength, feedForwardLength, share],
  };
  const norms: Readonly<Record<string, number>> = {
    attentionNorm: embeddingLength,
    feedForwardNorm: embeddingLength,
    attentionSubNorm: qRows,
    feedForwardSubNorm: feedForwardLength,
  };
  const tensors: TensorOutput[] = [];
  for (const tensor of LAYER_TENSORS) {
    const name = layerTensorName(architecture.layer[tensor], 'gguf', layer);
    const matrix = matrices[tensor];
    if (matrix !== undefined) {
      const [rows, columns, gain] = matrix;
      tensors.push(projectionTensor(name, type, [rows, columns], gain, seed));
    } else if (architecture.vectors.includes(tensor)) tensors.push(normTensor(name, norms[tensor]!, seed));
  }
  return tensors;
}

/** f32 weights around 1. */
function normTensor(name: string, length: number, seed: number): TensorOutput {
  const data = () => [
    new Uint8Array(normalFloats(new RandomBytes(seed, name), length, NORM_DEVIATION, 1).buffer),
  ];
  return { name, dtype: 'F32', shape: [length], data };
}

/** A projection that makes `gain` times a standard normal vector of one. */
function projectionTensor(
  name: string,
  type: ProjectionType,
  shape: readonly [rows: number, columns: number],
  gain: number,
  seed: number,
): TensorOutput {
  const scale = gain / Math.sqrt(shape[1] * (isTernary(type) ? DENSITY : 1));
  const bytes = byteLengthOf(type, shape, name) - (type === 'I2_S' ? I2S_TAIL_BYTES : 0);
  const random = () => new RandomBytes(seed, name);
  const data = function* (): Generator<Uint8Array> {
    yield* pieces(bytes, blockBytes(type), projectionFiller(type, random(), scale));
    if (type === 'I2_S') yield i2sTail(scale);
  };
  return { name, dtype: type, shape, data };
}

/** The embedding or the head. */
function tableTensor(
  name: string,
  type: EmbeddingType,
  shape: readonly [rows: number, columns: number],
  seed: number,
): TensorOutput {
  const bytes = byteLengthOf(type, shape, name);
  const data = () => pieces(bytes, blockBytes(type), tableFiller(type, new RandomBytes(seed, name)));
  return { name, dtype: type, shape, data };
}

/** Overwrites a buffer of whole blocks. */
type Filler = (buffer: Uint8Array<ArrayBuffer>) => void;

/** One buffer of whole blocks, filled anew for each piece. */
function* pieces(bytes: number, block: number, fill: Filler): Generator<Uint8Array> {
  const whole = Math.min(bytes, Math.floor(PIECE_BYTES / block) * block);
  const buffer = new Uint8Array(whole);
  for (let done = 0; done < bytes; done += whole) {
    const piece = bytes - done < whole ? new Uint8Array(bytes - done) : buffer;
    fill(piece);
    yield piece;
  }
}

function projectionFiller(type: ProjectionType, random: RandomBytes, scale: number): Filler {
  if (type === 'F16') return halvesFiller(random, scale);
  const half = floatToHalf(scale);
  if (type === 'TQ1_0') {
    const five = tritBytes(5);
    const four = tritBytes(4);
    return (buffer) => {
      random.fill(buffer, five);
      for (let at = 0; at < buffer.length; at += TQ1_BYTES) {
        random.fill(buffer.subarray(at + TQ1_SCALE_AT - 4, at + TQ1_SCALE_AT), four);
        writeHalf(buffer, at + TQ1_SCALE_AT, half);
      }
    };
  }
  const fields = fieldBytes();
  return (buffer) => {
    random.fill(buffer, fields);
    if (type === 'TQ2_0') writeScales(buffer, blockBytes(type), TQ2_SCALE_AT, half);
  };
}

function tableFiller(type: EmbeddingType, random: RandomBytes): Filler {
  if (type === 'F16') return halvesFiller(random, EMBEDDING_DEVIATION);
  if (type === 'Q8_0') {
    const values = normalInt8();
    const half = floatToHalf(EMBEDDING_DEVIATION / INT8_DEVIATION);
    return (buffer) => {
      random.fill(buffer, values);
      writeScales(buffer, blockBytes(type), 0, half);
    };
  }
  // Uniform rather than normal, since the six bits of a value lie in two bytes; nothing here depends on that.
  const values = uniformBytes();
  const half = floatToHalf(EMBEDDING_DEVIATION / INT6_DEVIATION / Q6_GROUP_SCALE);
  return (buffer) => {
    random.fill(buffer, values);
    const block = blockBytes(type);
    for (let at = 0; at < buffer.length; at += block) {
      buffer.fill(Q6_GROUP_SCALE, at + Q6_GROUPS_AT, at + Q6_SCALE_AT);
    }
    writeScales(buffer, block, Q6_SCALE_AT, half);
  };
}

function halvesFiller(random: RandomBytes, deviation: number): Filler {
  const table = normalHalves(deviation);
  return (buffer) => random.fill(new Uint16Array(buffer.buffer), table);
}

/** Puts an f16 scale at byte `at` of every block. */
function writeScales(buffer: Uint8Array, block: number, at: number, half: number): void {
  for (let start = 0; start < buffer.length; start += block) writeHalf(buffer, start + at, half);
}

function writeHalf(buffer: Uint8Array, at: number, half: number): void {
  buffer[at] = half;
  buffer[at + 1] = half >>> 8;
}
