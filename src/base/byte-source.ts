import { BitnetError } from './errors.ts';

/**
 * Random access to bytes that lie somewhere: a Node file, a Blob, a buffer, an HTTP server that answers ranges. Model
 * readers see only this, so none of them can pull a whole file into memory by accident.
 */
export interface ByteSource {
  /** What to call it in messages: a path, a URL or a file name. */
  readonly name: string;
  /** Length in bytes; reads beyond it are errors. */
  readonly size: number;
  /** Where the bytes are a local file: the descriptor of the open file, which is good until {@link close}. */
  readonly file?: { readonly descriptor: number };
  /**
   * Fills `target` (which may lie on shared memory) with the bytes at `offset`.
   *
   * @throws BitnetError `source/out-of-range` when the span is not inside the source, `source/read-failed` when the
   *   medium gives fewer bytes than asked for; the signal's reason when aborted
   */
  readInto(target: Uint8Array, offset: number, signal?: AbortSignal): Promise<void>;
  /** Gives up handles and connections; further reads fail. Closing twice is allowed. */
  close(): Promise<void>;
}

/** A folder of named byte sources: a Hugging Face model directory, on disk, on a server or in a file picker. */
export interface SourceFolder {
  /** What to call it in messages. */
  readonly name: string;
  /** Opens one file of the folder, or answers undefined when there is none of that name. */
  open(fileName: string, signal?: AbortSignal): Promise<ByteSource | undefined>;
}

/**
 * The bytes `[offset, offset + length)` of a source as a fresh array.
 *
 * @throws BitnetError as {@link ByteSource.readInto}
 */
export async function readBytes(
  source: ByteSource,
  offset: number,
  length: number,
  signal?: AbortSignal,
): Promise<Uint8Array<ArrayBuffer>> {
  checkSpan(source, offset, length);
  const bytes = new Uint8Array(length);
  await source.readInto(bytes, offset, signal);
  return bytes;
}

/**
 * Throws unless `[offset, offset + length)` lies inside the source.
 *
 * @throws BitnetError `source/out-of-range`
 */
export function checkSpan(source: ByteSource, offset: number, length: number): void {
  const fits =
    Number.isSafeInteger(offset) &&
    Number.isSafeInteger(length) &&
    offset >= 0 &&
    length >= 0 &&
    offset + length <= source.size;
  if (!fits) {
    throw new BitnetError(
      'source/out-of-range',
      `${source.name}: bytes ${offset} to ${offset + length} lie outside its ${source.size} bytes; the file is cut short or damaged`,
      { details: { offset, length, size: source.size } },
    );
  }
}
