/**
 * The documents of a file, read block by block: a text file is one document, a JSONL file has one in each line. What is
 * not UTF-8 or not what it should be is an error that names the place; nothing is left out.
 */
import type { ByteSource } from '../../../base/byte-source.ts';
import { BitnetError } from '../../../base/errors.ts';
import { readBlocks, readLines } from '../../../formats/lines.ts';
import { decodeUtf8, isUtf8 } from '../../../formats/utf8.ts';
import { parseDocument, type TrainingDocument } from './document.ts';

/** How the bytes of a file are documents. */
export type DocumentFormat = 'text' | 'jsonl';

const FORMATS: ReadonlyMap<string, DocumentFormat> = new Map([
  ['.txt', 'text'],
  ['.md', 'text'],
  ['.jsonl', 'jsonl'],
]);
/** How names of texts end, for messages. */
export const TEXT_SUFFIXES: string = [...FORMATS.keys()].join(', ');

/** The format of a file by the end of its name; undefined when that is no text. */
export function formatOf(name: string): DocumentFormat | undefined {
  return FORMATS.get(/[^/\\](\.[^./\\]+)$/.exec(name.toLowerCase())?.[1] ?? '');
}

/** Takes the bytes of each block as they are read. */
export type OnBlock = (bytes: Uint8Array) => void;

/** Longest line of a JSONL file. */
const MAX_LINE_BYTES = 1 << 28;
const NEWLINE = 0x0a;
const BYTE_ORDER_MARK = '\ufeff';

/**
 * The documents of a file, in order. Each must be read to its end before the next one is asked for.
 *
 * @param onBlock called with every block of the file, in order
 * @throws BitnetError `train/not-text`, `train/empty-file`, `train/bad-line`, or as the source; the reason of the signal
 */
export async function* readDocuments(
  source: ByteSource,
  format: DocumentFormat,
  signal?: AbortSignal,
  onBlock?: OnBlock,
): AsyncGenerator<TrainingDocument> {
  if (source.size === 0) {
    throw new BitnetError('train/empty-file', `${source.name} is empty; put text into it or leave it out`);
  }
  if (format === 'jsonl') {
    yield* readJsonLines(source, signal, onBlock);
    return;
  }
  yield { kind: 'text', where: source.name, parts: readText(source, signal, onBlock) };
}

async function* readText(
  source: ByteSource,
  signal?: AbortSignal,
  onBlock?: OnBlock,
): AsyncGenerator<string> {
  let rest: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  let offset = 0;
  for await (const block of readBlocks(source, signal, onBlock)) {
    const bytes = join(rest, block);
    const isLast = offset + bytes.length === source.size;
    const end = isLast ? bytes.length : cutOf(bytes);
    const text = decodeUtf8(bytes, 0, end);
    if (text === undefined) {
      const at = offset + firstBadByte(bytes, end);
      throw new BitnetError(
        'train/not-text',
        `${source.name} is not text in UTF-8: byte ${at} is wrong; convert the file or leave it out`,
        { details: { offset: at } },
      );
    }
    const zero = text.indexOf('\0');
    if (zero !== -1) {
      throw new BitnetError(
        'train/not-text',
        `${source.name} is not text in UTF-8: it has bytes that are zero, as UTF-16 and binary files have; convert the ` +
          'file or leave it out',
      );
    }
    yield offset === 0 && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
    rest = bytes.slice(end);
    offset += end;
  }
}

function join(first: Uint8Array<ArrayBuffer>, second: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (first.length === 0) return second;
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}

/**
 * Where a part of a text may end: behind the last line break before a visible character, since tokenizers do not merge
 * across it; or else at the last beginning of a character.
 */
function cutOf(bytes: Uint8Array): number {
  for (let i = bytes.length - 2; i > 0; i--) {
    if (bytes[i] === NEWLINE && bytes[i + 1]! > 0x20) return i + 1;
  }
  let end = bytes.length;
  while (end > 0 && (bytes[end - 1]! & 0xc0) === 0x80) end--;
  // Bytes that cannot begin or go on with a character are told by the decoder.
  return end > 1 ? end - 1 : bytes.length;
}

function firstBadByte(bytes: Uint8Array, end: number): number {
  let good = 0;
  let bad = end;
  // Prefixes that end inside of a character count as bad, so what is found is the beginning of the wrong one.
  while (bad - good > 4096) {
    let middle = (good + bad) >> 1;
    while (middle > good + 1 && (bytes[middle]! & 0xc0) === 0x80) middle--;
    if (isUtf8(bytes, good, middle)) good = middle;
    else bad = middle;
  }
  while (good < end) {
    const next = [1, 2, 3, 4].find((width) => good + width <= end && isUtf8(bytes, good, good + width));
    if (next === undefined) break;
    good += next;
  }
  return good;
}

async function* readJsonLines(
  source: ByteSource,
  signal?: AbortSignal,
  onBlock?: OnBlock,
): AsyncGenerator<TrainingDocument> {
  let line = 0;
  for await (const { bytes } of readLines(readBlocks(source, signal, onBlock), MAX_LINE_BYTES)) {
    const where = `${source.name} line ${++line}`;
    if (bytes.length > MAX_LINE_BYTES) {
      throw new BitnetError(
        'train/bad-line',
        `${where} has more than ${MAX_LINE_BYTES} bytes; divide the document into several lines`,
      );
    }
    yield parseLine(bytes, where, line === 1);
  }
}

function parseLine(bytes: Uint8Array<ArrayBuffer>, where: string, isFirst: boolean): TrainingDocument {
  const text = decodeUtf8(bytes);
  if (text === undefined) {
    throw new BitnetError('train/bad-line', `${where} is not text in UTF-8`);
  }
  return parseDocument(isFirst && text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text, where);
}
