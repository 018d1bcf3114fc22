/**
 * Writes GGUF version 3, in one pass and without holding tensor data: the header first, then the tensors in the order
 * given, each from pieces that its owner makes when asked. The layout is the one that read.ts describes.
 */
import { roundUp } from '../../base/assert.ts';
import { BitnetError } from '../../base/errors.ts';
import { byteLengthOf } from '../../tensor/dtype.ts';
import { type ByteSink, type TensorOutput, writeTensorData } from '../tensor-output.ts';
import { TextList } from '../text-list.ts';
import { ByteWriter } from './byte-writer.ts';
import type { MetadataValue } from './metadata.ts';
import { DEFAULT_ALIGNMENT, GGUF_MAGIC } from './read.ts';
import { tensorTypeId } from './tensor-type.ts';
import { ARRAY_TYPE_ID, type GgufScalarType, type GgufValueType, scalarTypeId } from './value-type.ts';

const VERSION = 3;

/** A metadata value with the type it takes in the file; lists of numbers and of texts may be plain arrays. */
export interface GgufEntry {
  readonly key: string;
  readonly type: GgufValueType;
  readonly value: MetadataValue | readonly number[] | readonly string[];
}

/** The ranges of the integer types. */
const INTEGER_RANGES = new Map<GgufScalarType, readonly [bigint, bigint]>([
  ['u8', [0n, 2n ** 8n - 1n]],
  ['i8', [-(2n ** 7n), 2n ** 7n - 1n]],
  ['u16', [0n, 2n ** 16n - 1n]],
  ['i16', [-(2n ** 15n), 2n ** 15n - 1n]],
  ['u32', [0n, 2n ** 32n - 1n]],
  ['i32', [-(2n ** 31n), 2n ** 31n - 1n]],
  ['u64', [0n, 2n ** 64n - 1n]],
  ['i64', [-(2n ** 63n), 2n ** 63n - 1n]],
]);

/**
 * Writes a whole file and answers its length in bytes. A `general.alignment` among the metadata is obeyed.
 *
 * @param sink  gets the bytes in order; memory use is the header and one piece of a tensor
 * @throws BitnetError `gguf/write-value` when a value does not fit its type or a key or tensor repeats,
 *   `gguf/write-type` for element types that GGUF has no number for, `tensor/byte-length`, `tensor/bad-shape`; whatever
 *   the sink throws
 */
export async function writeGguf(
  sink: ByteSink,
  content: { readonly metadata: readonly GgufEntry[]; readonly tensors: readonly TensorOutput[] },
): Promise<number> {
  const alignment = alignmentOf(content.metadata);
  const header = headerBytes(content.metadata, content.tensors, alignment);
  await sink(header);
  let length = header.byteLength;
  for (const tensor of content.tensors) {
    const written = await writeTensorData(sink, tensor);
    const padding = roundUp(written, alignment) - written;
    if (padding > 0) await sink(new Uint8Array(padding));
    length += written + padding;
  }
  return length;
}

function alignmentOf(metadata: readonly GgufEntry[]): number {
  const value = metadata.find((entry) => entry.key === 'general.alignment')?.value ?? DEFAULT_ALIGNMENT;
  if (typeof value === 'number' && value >= 1 && value <= 2 ** 30 && Number.isInteger(Math.log2(value))) {
    return value;
  }
  throw badValue('general.alignment', 'has to be a power of two up to 2^30');
}

function headerBytes(
  metadata: readonly GgufEntry[],
  tensors: readonly TensorOutput[],
  alignment: number,
): Uint8Array {
  const out = new ByteWriter();
  out.u32(GGUF_MAGIC);
  out.u32(VERSION);
  out.u64(tensors.length);
  out.u64(metadata.length);
  const names = new Set<string>();
  for (const entry of metadata) {
    claimName(names, `the metadata key ${entry.key}`);
    out.text(entry.key);
    writeValue(out, entry);
  }
  let offset = 0;
  for (const tensor of tensors) {
    claimName(names, `the tensor ${tensor.name}`);
    writeTensorInfo(out, tensor, offset);
    offset += roundUp(byteLengthOf(tensor.dtype, tensor.shape, tensor.name), alignment);
  }
  if (tensors.length > 0) out.padTo(alignment);
  return out.written();
}

function claimName(names: Set<string>, name: string): void {
  if (names.has(name)) throw new BitnetError('gguf/write-value', `${name} is there for the second time`);
  names.add(name);
}

function writeTensorInfo(out: ByteWriter, tensor: TensorOutput, offset: number): void {
  const typeId = tensorTypeId(tensor.dtype);
  if (typeId === undefined) {
    throw new BitnetError('gguf/write-type', `${tensor.name}: GGUF has no type for ${tensor.dtype} elements`);
  }
  out.text(tensor.name);
  out.u32(tensor.shape.length);
  for (const dim of tensor.shape.toReversed()) out.u64(dim);
  out.u32(typeId);
  out.u64(offset);
}

function writeValue(out: ByteWriter, { key, type, value }: GgufEntry): void {
  if (!type.endsWith('[]')) {
    const scalar = type as GgufScalarType;
    out.u32(scalarTypeId(scalar));
    writeScalar(out, key, scalar, value);
    return;
  }
  const element = type.slice(0, -2) as GgufScalarType;
  const isList = value instanceof TextList || Array.isArray(value) || ArrayBuffer.isView(value);
  if (!isList) throw badValue(key, 'has to be an array');
  const items = value as ArrayLike<unknown> & Iterable<unknown>;
  out.u32(ARRAY_TYPE_ID);
  out.u32(scalarTypeId(element));
  out.u64(items.length);
  for (const item of items) writeScalar(out, key, element, item);
}

function writeScalar(out: ByteWriter, key: string, type: GgufScalarType, value: unknown): void {
  switch (type) {
    case 'string':
      if (typeof value !== 'string') throw badValue(key, 'has to be a string');
      out.text(value);
      return;
    case 'bool':
      if (typeof value !== 'boolean') throw badValue(key, 'has to be true or false');
      out.u8(value ? 1 : 0);
      return;
    case 'f32':
    case 'f64':
      if (typeof value !== 'number') throw badValue(key, 'has to be a number');
      if (type === 'f32') out.f32(value);
      else out.f64(value);
      return;
    default:
      writeInteger(out, key, type, value);
  }
}

function writeInteger(out: ByteWriter, key: string, type: GgufScalarType, value: unknown): void {
  const isInteger = typeof value === 'bigint' || Number.isSafeInteger(value);
  const [least, most] = INTEGER_RANGES.get(type)!;
  if (!isInteger || (value as number | bigint) < least || (value as number | bigint) > most) {
    throw badValue(key, `has to be a ${type}, but ${String(value)} is none`);
  }
  // Two's complement: the low bits of a negative number are those of its unsigned counterpart.
  const number = value as number | bigint;
  if (type === 'u64' || type === 'i64') out.u64(BigInt.asUintN(64, BigInt(number)));
  else if (type === 'u32' || type === 'i32') out.u32(Number(number));
  else if (type === 'u16' || type === 'i16') out.u16(Number(number));
  else out.u8(Number(number));
}

function badValue(key: string, what: string): BitnetError {
  return new BitnetError('gguf/write-value', `the metadata key "${key}" ${what}`, { details: { key } });
}
