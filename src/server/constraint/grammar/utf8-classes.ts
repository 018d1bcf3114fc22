/**
 * Sets of characters as sequences of bytes (RFC 3629): XGrammar takes a class for one of bytes, so that a range of code
 * points beyond ASCII is split where the UTF-8 forms of its ends differ. Surrogates are never part of a set.
 */

/** Code points from the first to the last, both included. */
export type CodeRange = readonly [number, number];

/** All characters. */
export const ANY_CHARACTER: readonly CodeRange[] = [
  [0, 0xd7ff],
  [0xe000, 0x10ffff],
];

/** Ranges in order, without overlaps and surrogates. */
export function normalized(ranges: readonly CodeRange[]): CodeRange[] {
  const clipped = ranges.flatMap(([low, high]): CodeRange[] => [
    [low, Math.min(high, 0xd7ff)],
    [Math.max(low, 0xe000), high],
  ]);
  const sorted = clipped.filter(([low, high]) => low <= high).sort((a, b) => a[0] - b[0]);
  const out: [number, number][] = [];
  for (const [low, high] of sorted) {
    const last = out.at(-1);
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else out.push([low, high]);
  }
  return out;
}

/** All other characters. */
export function complement(ranges: readonly CodeRange[]): CodeRange[] {
  const out: CodeRange[] = [];
  let from = 0;
  for (const [low, high] of normalized(ranges)) {
    if (low > from) out.push([from, low - 1]);
    from = high + 1;
  }
  if (from <= 0x10ffff) out.push([from, 0x10ffff]);
  return normalized(out);
}

/** Characters of the first set that are not in the second. */
export function without(ranges: readonly CodeRange[], others: readonly CodeRange[]): CodeRange[] {
  return complement([...complement(ranges), ...others]);
}

/** EBNF alternatives of byte classes, one for ASCII and one for each shape of longer forms. */
export function byteSequences(ranges: readonly CodeRange[]): string[] {
  const set = normalized(ranges);
  const ascii = set
    .filter(([low]) => low < 0x80)
    .map(([low, high]): CodeRange => [low, Math.min(high, 0x7f)]);
  const out = ascii.length === 0 ? [] : [byteClass(ascii)];
  for (const [first, last, length] of FORMS) {
    for (const [low, high] of set) {
      const from = Math.max(low, first);
      const to = Math.min(high, last);
      if (from <= to) out.push(...split(bytesOf(from, length), bytesOf(to, length)));
    }
  }
  return out;
}

/** First and last code point of each length of the form. */
const FORMS: readonly (readonly [number, number, number])[] = [
  [0x80, 0x7ff, 2],
  [0x800, 0xffff, 3],
  [0x10000, 0x10ffff, 4],
];

const LEADS = [0, 0, 0xc0, 0xe0, 0xf0];

function bytesOf(code: number, length: number): number[] {
  const bytes: number[] = [];
  for (let i = length - 1; i > 0; i--) bytes.unshift(0x80 | ((code >> (6 * (length - 1 - i))) & 0x3f));
  return [LEADS[length]! | (code >> (6 * (length - 1))), ...bytes];
}

/** Alternatives for all byte strings between two of the same length, in the order of code points. */
function split(low: readonly number[], high: readonly number[]): string[] {
  const [a, b] = [low[0]!, high[0]!];
  if (low.length === 1) return [byteClass([[a, b]])];
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  if (a === b) return split(lowRest, highRest).map((rest) => `${byteClass([[a, a]])} ${rest}`);
  const lowFull = lowRest.every((byte) => byte === 0x80);
  const highFull = highRest.every((byte) => byte === 0xbf);
  const out: string[] = [];
  if (!lowFull) out.push(...split(low, [a, ...lowRest.map(() => 0xbf)]));
  const [from, to] = [lowFull ? a : a + 1, highFull ? b : b - 1];
  if (from <= to) out.push([byteClass([[from, to]]), ...lowRest.map(() => CONTINUATION)].join(' '));
  if (!highFull) out.push(...split([b, ...highRest.map(() => 0x80)], high));
  return out;
}

const CONTINUATION = '[\\x80-\\xbf]';

/** A single byte is written twice: XGrammar takes a class of one element for its character. */
function byteClass(ranges: readonly CodeRange[]): string {
  const hex = (byte: number) => `\\x${byte.toString(16).padStart(2, '0')}`;
  return `[${ranges.map(([low, high]) => (low === high ? hex(low) + hex(low) : `${hex(low)}-${hex(high)}`)).join('')}]`;
}
