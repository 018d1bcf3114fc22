/**
 * Whole models of a few hundred kilobytes, for tests that break them: every architecture and weight type that can be
 * loaded, with random weights, real small tokenizers and dims that are no round numbers where the type allows it. The
 * same seed gives the same bytes.
 */
import type { TensorOutput } from '#src/formats/tensor-output.js';
import {
  ARCHITECTURES,
  type Architecture,
  LAYER_TENSORS,
  type LayerTensor,
  layerTensorName,
  MODEL_TENSORS,
  type TensorNames,
} from '#src/model/architecture.js';
import { byteLengthOf, type DType, elementCount, isTernary } from '#src/tensor/dtype.js';
import { floatToBfloat16, floatToHalf } from '#src/tensor/half.js';
import { packRows } from '#src/tensor/packed-rows.js';
import { packTernary } from '#src/tensor/ternary-tensor.js';
import type { Random } from './mutate.js';

/** Dims of a tiny model. */
export interface Dims {
  readonly embeddingLength: number;
  readonly headCount: number;
  readonly headCountKv: number;
  readonly headLength: number;
  readonly feedForwardLength: number;
  readonly blockCount: number;
  readonly vocabularySize: number;
}

/** Which element types a tiny model's tensors have. */
export interface Types {
  readonly projections: DType | 'packed';
  readonly embedding: DType;
  /** undefined ties the head to the embedding. */
  readonly head?: DType;
}

/** A tensor with its bytes; `data` gives them again. */
export type FilledTensor = TensorOutput & { readonly bytes: Uint8Array };

/** All tensors of a model in the order of a forward pass. */
export function tinyTensors(
  architecture: Architecture,
  dims: Dims,
  types: Types,
  format: keyof TensorNames,
  random: Random,
): FilledTensor[] {
  const { embeddingLength: width, vocabularySize: words } = dims;
  const table = (name: TensorNames, dtype: DType) => filled(name[format], dtype, [words, width], random);
  const tensors = [table(MODEL_TENSORS.embedding, types.embedding)];
  const shapes = layerShapes(dims);
  for (let layer = 0; layer < dims.blockCount; layer++) {
    for (const tensor of LAYER_TENSORS) {
      const shape = shapes[tensor];
      const name = layerTensorName(architecture.layer[tensor], format, layer);
      if (shape.length === 2) tensors.push(...projection(name, types.projections, shape, random));
      else if (architecture.vectors.includes(tensor)) {
        tensors.push(filled(name, 'F32', shape, random, tensor.endsWith('Norm') ? 1 : 0));
      }
    }
  }
  tensors.push(filled(MODEL_TENSORS.outputNorm[format], 'F32', [width], random, 1));
  if (types.head !== undefined) tensors.push(table(MODEL_TENSORS.head, types.head));
  return tensors;
}

function layerShapes(dims: Dims): Record<LayerTensor, number[]> {
  const { embeddingLength: width, feedForwardLength: wide, headLength } = dims;
  const q = dims.headCount * headLength;
  const kv = dims.headCountKv * headLength;
  return {
    attentionNorm: [width],
    q: [q, width],
    k: [kv, width],
    v: [kv, width],
    qBias: [q],
    kBias: [kv],
    vBias: [kv],
    o: [width, q],
    attentionPostNorm: [width],
    attentionSubNorm: [q],
    qNorm: [headLength],
    kNorm: [headLength],
    feedForwardNorm: [width],
    gate: [wide, width],
    up: [wide, width],
    down: [width, wide],
    feedForwardSubNorm: [wide],
    feedForwardPostNorm: [width],
  };
}

function projection(
  name: string,
  dtype: DType | 'packed',
  shape: readonly number[],
  random: Random,
): FilledTensor[] {
  if (dtype !== 'packed') return [filled(name, dtype, shape, random)];
  const [rows = 0, columns = 0] = shape;
  const bytes = packRows(ternaryCodes(rows * columns, random), rows, columns, name);
  const scale = new Uint8Array(Uint16Array.of(floatToBfloat16(0.02)).buffer);
  return [
    { name, dtype: 'U8', shape: [bytes.length / columns, columns], bytes, data: () => [bytes] },
    {
      name: name.replace(/weight$/, 'weight_scale'),
      dtype: 'BF16',
      shape: [1],
      bytes: scale,
      data: () => [scale],
    },
  ];
}

/** A tensor of random values around `middle`. */
export function filled(
  name: string,
  dtype: DType,
  shape: readonly number[],
  random: Random,
  middle = 0,
): FilledTensor {
  const bytes = randomElements(name, dtype, shape, random, middle);
  return { name, dtype, shape, bytes, data: () => [bytes] };
}

const ternaryCodes = (count: number, random: Random): Uint8Array =>
  Uint8Array.from({ length: count }, () => Math.floor(random() * 3));

function randomElements(
  name: string,
  dtype: DType,
  shape: readonly number[],
  random: Random,
  middle: number,
): Uint8Array {
  const count = elementCount(shape);
  if (isTernary(dtype)) return packTernary(dtype, ternaryCodes(count, random), 0.02, name);
  const values = Float32Array.from({ length: count }, () => middle + (random() - 0.5) * 0.1);
  switch (dtype) {
    case 'F32':
      return new Uint8Array(values.buffer);
    case 'F16':
      return new Uint8Array(Uint16Array.from(values, floatToHalf).buffer);
    case 'BF16':
      return new Uint8Array(Uint16Array.from(values, floatToBfloat16).buffer);
    default:
      return randomBlocks(dtype, shape, random);
  }
}

/** Where in a block of the quantised types its f16 scale lies, and how long a block is. */
export const SCALES: ReadonlyMap<DType, { at: number; bytes: number }> = new Map([
  ['Q4_0', { at: 0, bytes: 18 }],
  ['Q8_0', { at: 0, bytes: 34 }],
  ['Q6_K', { at: 208, bytes: 210 }],
  ['TQ1_0', { at: 52, bytes: 54 }],
  ['TQ2_0', { at: 64, bytes: 66 }],
]);

function randomBlocks(dtype: DType, shape: readonly number[], random: Random): Uint8Array {
  const bytes = Uint8Array.from({ length: byteLengthOf(dtype, shape) }, () => Math.floor(random() * 256));
  const scale = SCALES.get(dtype)!;
  const view = new DataView(bytes.buffer);
  for (let at = scale.at; at < bytes.length; at += scale.bytes) {
    view.setUint16(at, floatToHalf(dtype === 'Q6_K' ? 2e-5 : 1e-3), true);
  }
  return bytes;
}

/** The architecture of a name that is known to exist. */
export function architectureOf(name: string): Architecture {
  return ARCHITECTURES.get(name)!;
}
