/**
 * JSON from model folders and file headers: size limits before reading, one clear error for what is no JSON, and no
 * silent choice where a key appears twice (JSON.parse would keep the last).
 */
import { readBytes, type SourceFolder } from '../base/byte-source.ts';
import { BitnetError } from '../base/errors.ts';
import { decodeUtf8 } from './utf8.ts';

/** Any JSON value. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

/** A JSON object; keys come from outside, so look them up with `Object.hasOwn` or after a check of the value's type. */
export interface JsonObject {
  readonly [key: string]: JsonValue | undefined;
}

/**
 * Parses UTF-8 bytes that hold one JSON object, in which no key repeats.
 *
 * @param what  what to call the text in messages
 * @throws BitnetError `json/invalid`, `json/repeated-key`
 */
export function parseJsonObject(bytes: Uint8Array<ArrayBuffer>, what: string): JsonObject {
  const text = decodeUtf8(bytes);
  if (text === undefined) throw invalid(what, 'it is not valid UTF-8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(what, cause instanceof Error ? cause.message : 'it cannot be parsed', cause);
  }
  if (!isJsonObject(value)) throw invalid(what, 'it holds no object');
  const repeated = findRepeatedKey(text);
  if (repeated !== undefined) {
    throw new BitnetError('json/repeated-key', `${what}: the key "${repeated}" appears twice in one object`, {
      details: { key: repeated },
    });
  }
  return value;
}

/** What a value is, for messages: a text in quotes (its beginning), a number, or the kind of anything else. */
export function describeJson(value: unknown): string {
  if (typeof value === 'string')
    return JSON.stringify(value.length > 100 ? `${value.slice(0, 100)}…` : value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === undefined || value === null) return 'missing';
  return Array.isArray(value) ? 'a list' : 'an object';
}

/** True for a JSON object, false for an array or anything else. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Reads a file of a folder as text, or answers undefined when there is none of that name.
 *
 * @param limitBytes  the longest file that is believed
 * @throws BitnetError `checkpoint/file-too-large`, `checkpoint/not-text`, or as the folder and its sources
 */
export async function readTextFile(
  folder: SourceFolder,
  fileName: string,
  limitBytes: number,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const bytes = await readSmallFile(folder, fileName, limitBytes, signal);
  if (bytes === undefined) return undefined;
  const text = decodeUtf8(bytes);
  if (text === undefined) {
    throw new BitnetError('checkpoint/not-text', `${folder.name}: ${fileName} is not valid UTF-8`);
  }
  return text;
}

/**
 * Reads a file of a folder as one JSON object, or answers undefined when there is none of that name.
 *
 * @throws BitnetError `json/invalid`, `json/repeated-key`, `checkpoint/file-too-large`, or as the folder and its sources
 */
export async function readJsonFile(
  folder: SourceFolder,
  fileName: string,
  limitBytes: number,
  signal?: AbortSignal,
): Promise<JsonObject | undefined> {
  const bytes = await readSmallFile(folder, fileName, limitBytes, signal);
  return bytes && parseJsonObject(bytes, `${folder.name}: ${fileName}`);
}

/**
 * Reads a file of a folder, or answers undefined when there is none of that name.
 *
 * @throws BitnetError `checkpoint/file-too-large`, or as the folder and its sources
 */
export async function readSmallFile(
  folder: SourceFolder,
  fileName: string,
  limitBytes: number,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const source = await folder.open(fileName, signal);
  if (source === undefined) return undefined;
  try {
    if (source.size > limitBytes) {
      throw new BitnetError(
        'checkpoint/file-too-large',
        `${folder.name}: ${fileName} has ${source.size} bytes, more than the ${limitBytes} that such a file may have`,
        { details: { size: source.size, limitBytes } },
      );
    }
    return await readBytes(source, 0, source.size, signal);
  } finally {
    await source.close();
  }
}

/** The first key that an object of this text has twice; the text has to be valid JSON. */
function findRepeatedKey(text: string): string | undefined {
  const objects: (Set<string> | undefined)[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text.charCodeAt(at);
    if (char === 0x7b) objects.push(new Set());
    else if (char === 0x5b) objects.push(undefined);
    else if (char === 0x7d || char === 0x5d) objects.pop();
    else if (char === 0x22) {
      const end = stringEnd(text, at);
      const keys = objects.at(-1);
      if (keys !== undefined && isKey(text, end)) {
        const key = JSON.parse(text.slice(at, end)) as string;
        if (keys.has(key)) return key;
        keys.add(key);
      }
      at = end - 1;
    }
    at++;
  }
  return undefined;
}

/** The index behind the closing quote of the string that opens at `at`. */
function stringEnd(text: string, at: number): number {
  let end = at + 1;
  while (text.charCodeAt(end) !== 0x22) end += text.charCodeAt(end) === 0x5c ? 2 : 1;
  return end + 1;
}

function isKey(text: string, from: number): boolean {
  let at = from;
  while (text.charCodeAt(at) <= 0x20) at++;
  return text.charCodeAt(at) === 0x3a;
}

function invalid(what: string, why: string, cause?: unknown): BitnetError {
  return new BitnetError('json/invalid', `${what}: this is no JSON object: ${why}`, { cause });
}
