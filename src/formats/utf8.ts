/**
 * UTF-8 as bytes of model files: strict decoding and checking (what is not valid is told, not replaced by U+FFFD), and
 * encoding into memory that is at hand. Short texts come in hundreds of thousands, so checking and encoding
 * are loops here rather than calls of TextDecoder and TextEncoder, which cost more than the text.
 */

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The bytes `[from, end)` as text, or undefined when they are not valid UTF-8. A byte order mark is kept. */
export function decodeUtf8(
  bytes: Uint8Array<ArrayBuffer>,
  from = 0,
  end: number = bytes.byteLength,
): string | undefined {
  try {
    return decoder.decode(bytes.subarray(from, end));
  } catch {
    return undefined;
  }
}

/** Whether the bytes `[from, end)` are valid UTF-8 (The Unicode Standard, table 3-7). */
export function isUtf8(bytes: Uint8Array, from: number, end: number): boolean {
  let at = from;
  while (at < end) {
    const first = bytes[at++]!;
    if (first < 0x80) continue;
    if (first < 0xc2 || first > 0xf4) return false;
    const more = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
    if (more > end - at) return false;
    // The second byte rules out overlong forms, surrogates and points beyond U+10FFFF.
    const least = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
    const most = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
    const second = bytes[at]!;
    if (second < least || second > most) return false;
    for (let i = 1; i < more; i++) if ((bytes[at + i]! & 0xc0) !== 0x80) return false;
    at += more;
  }
  return true;
}

/** Bytes that a text takes at most: three for each of its UTF-16 units. */
export function utf8Bound(text: string): number {
  return text.length * 3;
}

/**
 * Writes a text at `at` and answers where it ends. Lone surrogates become U+FFFD.
 *
 * @param target has room for {@link utf8Bound} bytes from `at`
 */
export function writeUtf8(text: string, target: Uint8Array, at: number): number {
  let end = at;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) {
      target[end++] = unit;
      continue;
    }
    const isSurrogate = unit >= 0xd800 && unit <= 0xdfff;
    // A whole pair is a point above U+FFFF, half a pair is no character.
    const point = isSurrogate ? text.codePointAt(i)! : unit;
    if (point > 0xffff) i++;
    end = writePoint(isSurrogate && point <= 0xffff ? 0xfffd : point, target, end);
  }
  return end;
}

function writePoint(point: number, target: Uint8Array, at: number): number {
  let end = at;
  if (point < 0x800) {
    target[end++] = 0xc0 | (point >> 6);
  } else {
    if (point < 0x10000) {
      target[end++] = 0xe0 | (point >> 12);
    } else {
      target[end++] = 0xf0 | (point >> 18);
      target[end++] = 0x80 | ((point >> 12) & 0x3f);
    }
    target[end++] = 0x80 | ((point >> 6) & 0x3f);
  }
  target[end++] = 0x80 | (point & 0x3f);
  return end;
}
