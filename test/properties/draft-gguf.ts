/**
 * GGUF files taken apart, changed and put together again without any of the writer's checks: what an author with a hex
 * editor could make of a model. Changes keep the file well-formed more often than not, so that they reach the checks of
 * the model and the tokenizer behind those of the format.
 */
import type { ByteSource } from '#src/base/byte-source.js';
import { ByteWriter } from '#src/formats/gguf/byte-writer.js';
import { readGguf } from '#src/formats/gguf/read.js';
import { tensorTypeId, tensorTypeOf } from '#src/formats/gguf/tensor-type.js';
import { ARRAY_TYPE_ID, type GgufScalarType, scalarTypeId } from '#src/formats/gguf/value-type.js';
import { memorySource } from '#src/formats/sources/memory.js';
import { readTensor } from '#src/formats/tensor-info.js';
import { TextList } from '#src/formats/text-list.js';
import { byteLengthOf, type DType } from '#src/tensor/dtype.js';
import { damageWeights } from './draft-weights.js';
import { below, pick, type Random } from './mutate.js';

interface Entry {
  key: string;
  type: string;
  value: unknown;
}

interface DraftTensor {
  name: string;
  typeId: number;
  /** innermost first, as in the file */
  dims: number[];
  bytes: Uint8Array;
  /** where the file says that it lies, when that is not where it does */
  offset?: number;
}

/** A GGUF file in parts. */
export interface GgufDraft {
  entries: Entry[];
  tensors: DraftTensor[];
}

const ALIGNMENT = 32;

/** Takes a file apart. */
export async function draftGguf(bytes: Uint8Array): Promise<GgufDraft> {
  const source: ByteSource = memorySource(bytes);
  const { metadata, metadataTypes, tensors } = await readGguf(source);
  return {
    entries: [...metadata].map(([key, value]) => ({
      key,
      type: metadataTypes.get(key)!,
      value: value instanceof TextList ? [...value] : value,
    })),
    tensors: await Promise.all(
      [...tensors.values()].map(async (info) => ({
        name: info.name,
        typeId: tensorTypeId(info.dtype)!,
        dims: info.shape.toReversed(),
        bytes: await readTensor(info),
      })),
    ),
  };
}

/** Puts a file together. */
export function writeDraft({ entries, tensors }: GgufDraft): Uint8Array {
  const out = new ByteWriter();
  out.bytes(new TextEncoder().encode('GGUF'));
  out.u32(3);
  out.u64(tensors.length);
  out.u64(entries.length);
  for (const entry of entries) writeEntry(out, entry);
  let offset = 0;
  for (const tensor of tensors) {
    out.text(tensor.name);
    out.u32(tensor.dims.length);
    for (const dim of tensor.dims) out.u64(unsigned(dim));
    out.u32(tensor.typeId >>> 0);
    out.u64(unsigned(tensor.offset ?? offset));
    offset += Math.ceil(tensor.bytes.length / ALIGNMENT) * ALIGNMENT;
  }
  for (const tensor of tensors) {
    out.padTo(ALIGNMENT);
    out.bytes(tensor.bytes);
  }
  out.padTo(ALIGNMENT);
  return out.written();
}

const unsigned = (value: number): bigint => BigInt.asUintN(64, BigInt(Math.trunc(value)));

function writeEntry(out: ByteWriter, { key, type, value }: Entry): void {
  out.text(key);
  if (!type.endsWith('[]')) {
    out.u32(scalarTypeId(type as GgufScalarType));
    writeScalar(out, type, value);
    return;
  }
  const element = type.slice(0, -2);
  const items = Array.isArray(value) || ArrayBuffer.isView(value) ? [...(value as Iterable<unknown>)] : [];
  out.u32(ARRAY_TYPE_ID);
  out.u32(scalarTypeId(element as GgufScalarType));
  out.u64(items.length);
  for (const item of items) writeScalar(out, element, item);
}

function writeScalar(out: ByteWriter, type: string, value: unknown): void {
  const number = Number(typeof value === 'object' ? 0 : value);
  const whole = Number.isFinite(number) ? Math.trunc(number) : 0;
  if (type === 'string') out.text(String(value ?? ''));
  else if (type === 'f32') out.f32(number);
  else if (type === 'f64') out.f64(number);
  else if (type === 'u64' || type === 'i64') out.u64(unsigned(whole));
  else if (type === 'u32' || type === 'i32') out.u32(whole);
  else if (type === 'u16' || type === 'i16') out.u16(whole);
  else out.u8(type === 'bool' ? Number(Boolean(value)) : whole);
}

/** Values that numbers of a model must not have, and some that they may. */
const NUMBERS = [
  0,
  1,
  2,
  3,
  5,
  7,
  31,
  32,
  33,
  64,
  127,
  128,
  129,
  255,
  256,
  257,
  1000,
  1024,
  65536,
  2 ** 20,
  2 ** 24,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 53,
  -1,
  0.5,
  1e-30,
  1e-9,
  1e12,
  1e30,
  Number.NaN,
  Number.POSITIVE_INFINITY,
];
const TYPES = ['u8', 'i8', 'u16', 'u32', 'i32', 'u64', 'i64', 'f32', 'f64', 'bool', 'string', 'u32[]'];

function damageNumber(draft: GgufDraft, random: Random): void {
  const numbers = draft.entries.filter(({ value }) => typeof value === 'number');
  const entry = pick(numbers, random);
  const old = Number(entry.value);
  const near = [old + 1, old - 1, old * 2, old / 2, -old];
  entry.value = random() < 0.4 ? pick(near, random) : pick(NUMBERS, random);
  // A type that can hold the value, or any type at all.
  if (!Number.isInteger(entry.value)) entry.type = 'f32';
  else if (Number(entry.value) > 2 ** 32 - 1) entry.type = 'u64';
  else if (random() < 0.1) entry.type = pick(TYPES, random);
}

function damageEntries(draft: GgufDraft, random: Random): void {
  const at = below(draft.entries.length, random);
  const entry = draft.entries[at]!;
  const choice = below(5, random);
  if (choice === 0) draft.entries.splice(at, 1);
  else if (choice === 1) draft.entries.push({ ...entry });
  else if (choice === 2) entry.key = pick(draft.entries, random).key;
  else if (choice === 3) entry.type = pick(TYPES, random);
  else entry.value = pick(['llama', 'bitnet-b1.58', 'gpt2', '', '\n\u001b[2J', '{{ x }}', 3, true], random);
}

function damageList(draft: GgufDraft, random: Random): void {
  const lists = draft.entries.filter(({ value }) => typeof value === 'object');
  const entry = pick(lists, random);
  const items = [...(entry.value as Iterable<unknown>)];
  const isText = entry.type === 'string[]';
  for (let n = below(4, random); n >= 0; n--) {
    const at = below(items.length, random);
    const choice = below(5, random);
    if (choice === 0) items.splice(at, 1 + below(3, random));
    else if (choice === 1) items.push(pick(items, random));
    else if (choice === 2) items[at] = items[below(items.length, random)];
    else if (isText)
      items[at] = pick(['', ' ', 'a b', '<|eot_id|>', 'x'.repeat(300), '<0x41>', 'h e l'], random);
    else items[at] = pick([-1, 0, 1, 2, 3, 4, 5, 6, 7, 300, 1e9, Number.NaN], random);
  }
  entry.value = items;
}

/** A wrong dim or type; the bytes follow half of the time, so that only the model can tell. */
function damageShape(draft: GgufDraft, random: Random): void {
  const tensor = pick(draft.tensors, random);
  const at = below(tensor.dims.length, random);
  const choice = below(5, random);
  if (choice === 0) tensor.dims.reverse();
  else if (choice === 1) tensor.dims.push(pick([0, 1, 2], random));
  else if (choice === 2) tensor.dims[at] = pick([0, 1, 32, 128, 256, 2 ** 31, 2 ** 53, 2 ** 63], random);
  else if (choice === 3) tensor.dims[at] = tensor.dims[at]! + pick([-1, 1, 32, 128], random);
  else tensor.typeId = pick([0, 1, 2, 3, 8, 14, 24, 27, 28, 30, 34, 35, 36, 38, 39, 42, 255], random);
  if (random() < 0.7) tensor.bytes = resized(tensor);
}

function resized({ typeId, dims, bytes }: DraftTensor): Uint8Array {
  const dtype: DType | undefined = tensorTypeOf(typeId);
  const innermost = dims[0] ?? 1;
  if (dtype === undefined || dims.some((dim) => dim > 2 ** 20) || innermost % 256 !== 0) return bytes;
  const length = byteLengthOf(dtype, dims.toReversed());
  if (length > 2 ** 20) return bytes;
  const fitted = new Uint8Array(length);
  fitted.set(bytes.subarray(0, length));
  return fitted;
}

function damageTensors(draft: GgufDraft, random: Random): void {
  const at = below(draft.tensors.length, random);
  const tensor = draft.tensors[at]!;
  const choice = below(6, random);
  if (choice === 0) draft.tensors.splice(at, 1);
  else if (choice === 1) draft.tensors.push({ ...tensor, name: `${tensor.name}\n2` });
  else if (choice === 2) tensor.name = pick(draft.tensors, random).name;
  else if (choice === 3) tensor.offset = pick([0, 1, 31, 32, 2 ** 31, 2 ** 53, 2 ** 63], random);
  else if (choice === 4) tensor.bytes = tensor.bytes.subarray(0, below(tensor.bytes.length, random));
  else {
    // Layers in another order, or the weights of one tensor under the name of another.
    const other = pick(draft.tensors, random);
    [tensor.name, other.name] = [other.name, tensor.name];
  }
}

function damageData(draft: GgufDraft, random: Random): void {
  const tensor = pick(draft.tensors, random);
  tensor.bytes = damageWeights(tensorTypeOf(tensor.typeId), tensor.bytes, random);
}

const DAMAGES = [
  damageNumber,
  damageNumber,
  damageEntries,
  damageList,
  damageShape,
  damageTensors,
  damageData,
  damageData,
  damageData,
];

/** A copy of a draft with one or more changes; a third of them change nothing but weights. */
export function damagedDraft(draft: GgufDraft, random: Random): GgufDraft {
  const copy = {
    entries: draft.entries.map((entry) => ({ ...entry })),
    tensors: draft.tensors.map((tensor) => ({ ...tensor, dims: [...tensor.dims] })),
  };
  const damages = below(3, random) === 0 ? [damageData] : DAMAGES;
  do pick(damages, random)(copy, random);
  while (random() < 0.4);
  return copy;
}
