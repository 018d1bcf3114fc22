/**
 * Strict UTF-8 decoding for text in model files. A vocabulary is hundreds of thousands of strings of a few bytes, for
 * which a call of TextDecoder costs more than the decoding; those are decoded here, longer ones by the platform.
 */

/** Up to this length decoding by hand is faster. */
const SHORT_STRING = 48;
/** The least code point that takes 2, 3 or 4 bytes; shorter ones must not be written longer. */
const LEAST_OF_LENGTH = [0, 0, 0x80, 0x800, 0x10000] as const;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const units = new Uint16Array(SHORT_STRING);

/** The bytes `[from, end)` as text, or undefined when they are not valid UTF-8. A byte order mark is kept. */
export function decodeUtf8(
  bytes: Uint8Array<ArrayBuffer>,
  from = 0,
  end: number = bytes.byteLength,
): string | undefined {
  if (end - from <= SHORT_STRING) return decodeShort(bytes, from, end);
  try {
    return decoder.decode(bytes.subarray(from, end));
  } catch {
    return undefined;
  }
}

function decodeShort(bytes: Uint8Array<ArrayBuffer>, from: number, end: number): string | undefined {
  let count = 0;
  for (let at = from; at < end; ) {
    const first = bytes[at]!;
    if (first < 0x80) {
      units[count++] = first;
      at++;
      continue;
    }
    const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    // 0x80..0xbf would continue a character, and beyond 0xf7 nothing is defined.
    if (first < 0xc0 || first > 0xf7 || at + length > end) return undefined;
    let point = first & (0x7f >> length);
    for (let i = 1; i < length; i++) {
      const next = bytes[at + i]!;
      if ((next & 0xc0) !== 0x80) return undefined;
      point = (point << 6) | (next & 0x3f);
    }
    const isSurrogate = point >= 0xd800 && point <= 0xdfff;
    if (point < LEAST_OF_LENGTH[length]! || point > 0x10ffff || isSurrogate) return undefined;
    if (point < 0x10000) units[count++] = point;
    else {
      units[count++] = 0xd7c0 + (point >> 10);
      units[count++] = 0xdc00 + (point & 0x3ff);
    }
    at += length;
  }
  return String.fromCharCode.apply(null, units.subarray(0, count) as unknown as number[]);
}
