/** Lines of a file, read block by block, so that memory grows with the longest line alone. What is in them is not looked at. */
import type { ByteSource } from '../base/byte-source.ts';

const BLOCK_BYTES = 1 << 20;
const LINE_FEED = 0x0a;

/** A line without the line feed behind it. */
export interface Line {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Whether there was a line feed; only the last line may lack it. */
  readonly isEnded: boolean;
}

/**
 * The bytes of a source in blocks, in order.
 *
 * @param onBlock called with each block before it is given out
 * @throws as the source; the reason of the signal when aborted
 */
export async function* readBlocks(
  source: ByteSource,
  signal?: AbortSignal,
  onBlock?: (bytes: Uint8Array) => void,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  for (let offset = 0; offset < source.size; offset += BLOCK_BYTES) {
    signal?.throwIfAborted();
    const block = new Uint8Array(Math.min(BLOCK_BYTES, source.size - offset));
    await source.readInto(block, offset, signal);
    onBlock?.(block);
    yield block;
  }
}

/**
 * The lines of {@link readBlocks}. What goes on for more than `mostBytes` without an end is given as it was then, and
 * nothing comes after it.
 */
export async function* readLines(
  blocks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  mostBytes: number,
): AsyncGenerator<Line> {
  let pending: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const take = (last: Uint8Array<ArrayBuffer>, isEnded: boolean): Line => {
    const bytes = pending.length === 0 ? last : joined([...pending, last], length + last.length);
    pending = [];
    length = 0;
    return { bytes, isEnded };
  };
  for await (const block of blocks) {
    let from = 0;
    for (let end = block.indexOf(LINE_FEED); end !== -1; end = block.indexOf(LINE_FEED, from)) {
      yield take(block.subarray(from, end), true);
      from = end + 1;
    }
    if (from === block.length) continue;
    pending.push(block.subarray(from));
    length += block.length - from;
    if (length <= mostBytes) continue;
    yield take(new Uint8Array(0), false);
    return;
  }
  if (pending.length > 0) yield take(new Uint8Array(0), false);
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
