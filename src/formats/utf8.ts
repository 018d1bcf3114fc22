/** Strict UTF-8 decoding for text in model files: what is not valid is told, not replaced by U+FFFD. */

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
