/**
 * The metadata of a GGUF file as values in memory, and getters that either answer the type asked for or say which key is
 * wrong. What the keys mean is known to the model and the tokenizer, not here.
 */
import { BitnetError } from '../../base/errors.ts';
import { TextList } from '../text-list.ts';

/** Numbers of an array: the typed array that fits its type in the file. */
export type GgufNumbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

/** A metadata value; a bigint only where a 64-bit integer is no safe integer. */
export type MetadataValue = string | number | bigint | boolean | TextList | readonly boolean[] | GgufNumbers;

/** All metadata of a file, in its order. */
export type GgufMetadata = ReadonlyMap<string, MetadataValue>;

/**
 * The text under a key, or undefined without the key.
 *
 * @throws BitnetError `gguf/key-type` when it holds something else
 */
export function findString(metadata: GgufMetadata, key: string): string | undefined {
  return find(metadata, key, 'a string', (value) => typeof value === 'string');
}

/**
 * The number under a key, or undefined without the key.
 *
 * @throws BitnetError `gguf/key-type` when it holds something else, or an integer beyond 2^53
 */
export function findNumber(metadata: GgufMetadata, key: string): number | undefined {
  return find(metadata, key, 'a number below 2^53', (value) => typeof value === 'number');
}

/**
 * The truth value under a key, or undefined without the key.
 *
 * @throws BitnetError `gguf/key-type` when it holds something else
 */
export function findBoolean(metadata: GgufMetadata, key: string): boolean | undefined {
  return find(metadata, key, 'true or false', (value) => typeof value === 'boolean');
}

/**
 * The texts under a key, or undefined without the key.
 *
 * @throws BitnetError `gguf/key-type` when it holds something else
 */
export function findTexts(metadata: GgufMetadata, key: string): TextList | undefined {
  return find(metadata, key, 'an array of strings', (value) => value instanceof TextList);
}

/**
 * The numbers under a key (up to 32 bits, or floats), or undefined without the key.
 *
 * @throws BitnetError `gguf/key-type` when it holds something else
 */
export function findNumbers(
  metadata: GgufMetadata,
  key: string,
): Exclude<GgufNumbers, BigUint64Array | BigInt64Array> | undefined {
  return find(metadata, key, 'an array of numbers of at most 32 bits or floats', isNumbers);
}

/** As {@link findString}. @throws BitnetError `gguf/missing-key`, `gguf/key-type` */
export function getString(metadata: GgufMetadata, key: string): string {
  return findString(metadata, key) ?? missing(key);
}

/** As {@link findNumber}. @throws BitnetError `gguf/missing-key`, `gguf/key-type` */
export function getNumber(metadata: GgufMetadata, key: string): number {
  return findNumber(metadata, key) ?? missing(key);
}

/** As {@link findBoolean}. @throws BitnetError `gguf/missing-key`, `gguf/key-type` */
export function getBoolean(metadata: GgufMetadata, key: string): boolean {
  return findBoolean(metadata, key) ?? missing(key);
}

/** As {@link findTexts}. @throws BitnetError `gguf/missing-key`, `gguf/key-type` */
export function getTexts(metadata: GgufMetadata, key: string): TextList {
  return findTexts(metadata, key) ?? missing(key);
}

function find<T extends MetadataValue>(
  metadata: GgufMetadata,
  key: string,
  expected: string,
  isExpected: (value: MetadataValue) => value is T,
): T | undefined {
  const value = metadata.get(key);
  if (value === undefined || isExpected(value)) return value;
  throw new BitnetError(
    'gguf/key-type',
    `metadata key "${key}" holds ${describe(value)} where ${expected} is needed`,
    { details: { key } },
  );
}

function isNumbers(value: MetadataValue): value is Exclude<GgufNumbers, BigUint64Array | BigInt64Array> {
  const isBig = value instanceof BigUint64Array || value instanceof BigInt64Array;
  return ArrayBuffer.isView(value) && !isBig;
}

function describe(value: MetadataValue): string {
  if (value instanceof TextList) return 'an array of strings';
  if (Array.isArray(value)) return 'an array of booleans';
  if (ArrayBuffer.isView(value)) return `a ${value.constructor.name}`;
  return typeof value === 'string' ? 'a string' : `the ${typeof value} ${String(value)}`;
}

function missing(key: string): never {
  throw new BitnetError('gguf/missing-key', `the file lacks the metadata key "${key}"; it is incomplete`, {
    details: { key },
  });
}
