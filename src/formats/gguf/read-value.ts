/**
 * Reads one metadata value of a GGUF header. Vocabularies are arrays of several hundred thousand strings; those become a
 * TextList, by a loop of the cursor that waits only when its window is used up.
 */
import type { ByteSource } from '../../base/byte-source.ts';
import { BitnetError } from '../../base/errors.ts';
import { type TextList, TextListBuilder } from '../text-list.ts';
import type { ByteCursor } from './cursor.ts';
import type { GgufNumbers, MetadataValue } from './metadata.ts';
import {
  ARRAY_TYPE_ID,
  type GgufScalarType,
  type GgufValueType,
  scalarBytes,
  scalarTypeOf,
} from './value-type.ts';

/** The longest single value: the largest embedded tokenizers are a quarter of it. */
const MAX_VALUE_BYTES = 2 ** 27;

/**
 * Reads type and value; the cursor stands behind the key.
 *
 * @throws BitnetError `gguf/value-type`, `gguf/nested-array`, `gguf/bad-value`, `gguf/bad-text`, `gguf/truncated`
 */
export async function readValue(
  source: ByteSource,
  cursor: ByteCursor,
  key: string,
): Promise<{ type: GgufValueType; value: MetadataValue }> {
  await cursor.need(4, `the type of metadata key "${key}"`);
  const at = cursor.offset;
  const typeId = cursor.u32();
  if (typeId === ARRAY_TYPE_ID) return readArray(source, cursor, key);
  const type = knownType(source, key, at, typeId);
  return { type, value: await readScalar(source, cursor, key, type) };
}

async function readArray(
  source: ByteSource,
  cursor: ByteCursor,
  key: string,
): Promise<{ type: GgufValueType; value: MetadataValue }> {
  await cursor.need(12, `the array of metadata key "${key}"`);
  const at = cursor.offset;
  const typeId = cursor.u32();
  if (typeId === ARRAY_TYPE_ID) {
    throw failure('gguf/nested-array', source, key, at, 'is an array of arrays, which is not supported');
  }
  const element = knownType(source, key, at, typeId);
  const count = cursor.length();
  checkValueLength(source, key, at, count * scalarBytes(element));
  if (count * scalarBytes(element) > cursor.remaining) {
    throw failure(
      'gguf/truncated',
      source,
      key,
      at,
      `has ${count} elements, which the file is too short for`,
    );
  }
  const type = `${element}[]` as const;
  if (element === 'string') return { type, value: await readStrings(source, cursor, key, count) };
  const length = count * scalarBytes(element);
  await cursor.need(length, `the array of metadata key "${key}"`);
  const offset = cursor.offset;
  const bytes = cursor.bytes(length);
  if (element === 'bool') return { type, value: [...bytes].map((byte) => truth(source, key, offset, byte)) };
  return { type, value: numbers(element, bytes) };
}

async function readStrings(
  source: ByteSource,
  cursor: ByteCursor,
  key: string,
  count: number,
): Promise<TextList> {
  const what = `a string of metadata key "${key}"`;
  // The file is known to have the length fields, 8 bytes each; the texts are about as long.
  const texts = new TextListBuilder(count, 8 * count);
  for (;;) {
    cursor.textsInto(texts, count);
    if (texts.length === count) return texts.finish();
    // The string at which the cursor stopped: it goes beyond the window, or is not valid.
    await cursor.need(8, what);
    const length = cursor.length();
    const total = texts.byteLength + length;
    if (total > MAX_VALUE_BYTES) checkValueLength(source, key, cursor.offset - 8, total);
    await cursor.need(length, what);
    if (!cursor.textInto(texts, length)) throw notText(source, key, cursor.offset - length);
  }
}

async function readScalar(
  source: ByteSource,
  cursor: ByteCursor,
  key: string,
  type: GgufScalarType,
): Promise<MetadataValue> {
  await cursor.need(scalarBytes(type), `the value of metadata key "${key}"`);
  const at = cursor.offset;
  switch (type) {
    case 'u8':
      return cursor.u8();
    case 'i8':
      return cursor.i8();
    case 'u16':
      return cursor.u16();
    case 'i16':
      return cursor.i16();
    case 'u32':
      return cursor.u32();
    case 'i32':
      return cursor.i32();
    case 'f32':
      return cursor.f32();
    case 'f64':
      return cursor.f64();
    case 'u64':
      return safe(cursor.u64());
    case 'i64':
      return safe(cursor.i64());
    case 'bool':
      return truth(source, key, at, cursor.u8());
    case 'string': {
      const length = cursor.length();
      checkValueLength(source, key, at, length);
      await cursor.need(length, `the text of metadata key "${key}"`);
      const text = cursor.text(length);
      if (text === undefined) throw notText(source, key, at + 8);
      return text;
    }
  }
}

function numbers(
  type: Exclude<GgufScalarType, 'bool' | 'string'>,
  bytes: Uint8Array<ArrayBuffer>,
): GgufNumbers {
  const { buffer } = bytes;
  switch (type) {
    case 'u8':
      return bytes;
    case 'i8':
      return new Int8Array(buffer);
    case 'u16':
      return new Uint16Array(buffer);
    case 'i16':
      return new Int16Array(buffer);
    case 'u32':
      return new Uint32Array(buffer);
    case 'i32':
      return new Int32Array(buffer);
    case 'u64':
      return new BigUint64Array(buffer);
    case 'i64':
      return new BigInt64Array(buffer);
    case 'f32':
      return new Float32Array(buffer);
    case 'f64':
      return new Float64Array(buffer);
  }
}

function safe(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function truth(source: ByteSource, key: string, at: number, byte: number): boolean {
  if (byte <= 1) return byte === 1;
  throw failure('gguf/bad-value', source, key, at, `is a truth value of ${byte}; only 0 and 1 are possible`);
}

function knownType(source: ByteSource, key: string, at: number, typeId: number): GgufScalarType {
  const type = scalarTypeOf(typeId);
  if (type !== undefined) return type;
  throw failure(
    'gguf/value-type',
    source,
    key,
    at,
    `has the unknown value type ${typeId}; the file is damaged`,
  );
}

function checkValueLength(source: ByteSource, key: string, at: number, length: number): void {
  if (length <= MAX_VALUE_BYTES) return;
  throw failure(
    'gguf/truncated',
    source,
    key,
    at,
    `claims ${length} bytes; no value is that long, the file is damaged`,
  );
}

function notText(source: ByteSource, key: string, at: number): BitnetError {
  return failure('gguf/bad-text', source, key, at, 'holds text that is not valid UTF-8; the file is damaged');
}

function failure(code: string, source: ByteSource, key: string, at: number, what: string): BitnetError {
  return new BitnetError(code, `${source.name}: metadata key "${key}" at byte ${at} ${what}`, {
    details: { key, offset: at },
  });
}
