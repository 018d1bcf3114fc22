/**
 * A forward reader of little-endian values over a byte source, for the GGUF header: it fetches a window at a time, so a header is
 * read without the file behind it and without a request per field. `need` is the only asynchronous step and the only
 * place where the end of the file can be met; the getters after it work on bytes that are known to be there.
 */
import type { ByteSource } from '../../base/byte-source.ts';
import { BitnetError } from '../../base/errors.ts';
import type { TextListBuilder } from '../text-list.ts';
import { decodeUtf8 } from '../utf8.ts';

const WINDOW_BYTES = 1024 * 1024;

/** Reads a source from its start; one cursor has one reader. */
export class ByteCursor {
  readonly #source: ByteSource;
  readonly #signal: AbortSignal | undefined;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);
  #view: DataView = new DataView(this.#bytes.buffer);
  /** Offset in the source of the first byte of the window. */
  #start = 0;
  /** Read position within the window. */
  #at = 0;

  constructor(source: ByteSource, signal?: AbortSignal) {
    this.#source = source;
    this.#signal = signal;
  }

  /** Offset of the next byte in the source. */
  get offset(): number {
    return this.#start + this.#at;
  }

  /** Bytes from here to the end of the source. */
  get remaining(): number {
    return this.#source.size - this.offset;
  }

  /** True when `length` more bytes can be taken without waiting. */
  has(length: number): boolean {
    return this.#bytes.byteLength - this.#at >= length;
  }

  /**
   * Waits until the next `length` bytes are in the window. Memory grows to `length` bytes at most, and only after the
   * source is known to have them.
   *
   * @param what  what is being read, for the message
   * @throws BitnetError `gguf/truncated` when the source ends before
   */
  async need(length: number, what: string): Promise<void> {
    if (this.has(length)) return;
    if (length > this.remaining) {
      throw new BitnetError(
        'gguf/truncated',
        `${this.#source.name}: ${what} at byte ${this.offset} needs ${length} bytes, but the file ends after ` +
          `${this.remaining}; the download is incomplete or the file is damaged`,
        { details: { offset: this.offset, needed: length, size: this.#source.size } },
      );
    }
    const start = this.offset;
    const kept = this.#bytes.subarray(this.#at);
    const wanted = Math.min(Math.max(length, WINDOW_BYTES), this.remaining);
    const fits = wanted <= this.#bytes.buffer.byteLength;
    const buffer = fits ? this.#bytes.buffer : new ArrayBuffer(wanted);
    const bytes = new Uint8Array(buffer, 0, wanted);
    bytes.set(kept);
    await this.#source.readInto(bytes.subarray(kept.byteLength), start + kept.byteLength, this.#signal);
    this.#bytes = bytes;
    this.#view = new DataView(buffer, 0, wanted);
    this.#start = start;
    this.#at = 0;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  i8(): number {
    return this.#view.getInt8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  i16(): number {
    return this.#view.getInt16(this.#advance(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  i32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  f32(): number {
    return this.#view.getFloat32(this.#advance(4), true);
  }

  f64(): number {
    return this.#view.getFloat64(this.#advance(8), true);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true);
  }

  i64(): bigint {
    return this.#view.getBigInt64(this.#advance(8), true);
  }

  /** A u64 as a number: exact below 2^53, and larger than any file from there on. */
  length(): number {
    const at = this.#advance(8);
    return this.#view.getUint32(at, true) + this.#view.getUint32(at + 4, true) * 0x1_0000_0000;
  }

  /** A copy of the next `length` bytes, at the start of its own buffer. */
  bytes(length: number): Uint8Array<ArrayBuffer> {
    const at = this.#advance(length);
    return this.#bytes.slice(at, at + length);
  }

  /** The next `length` bytes as UTF-8, or undefined when they are not. */
  text(length: number): string | undefined {
    const at = this.#advance(length);
    return decodeUtf8(this.#bytes, at, at + length);
  }

  /** Adds the next `length` bytes to a list of texts; answers false when they are not UTF-8. */
  textInto(list: TextListBuilder, length: number): boolean {
    const at = this.#advance(length);
    return list.addBytes(this.#bytes, at, length);
  }

  /**
   * Adds strings to a list of texts until it has `count`, or the next string is not wholly in the window or no UTF-8.
   */
  textsInto(list: TextListBuilder, count: number): void {
    const bytes = this.#bytes;
    const view = this.#view;
    let at = this.#at;
    while (list.length < count && at + 8 <= bytes.length) {
      const length = view.getUint32(at, true);
      const isWhole = length <= bytes.length - at - 8 && view.getUint32(at + 4, true) === 0;
      if (!isWhole || !list.addBytes(bytes, at + 8, length)) break;
      at += 8 + length;
    }
    this.#at = at;
  }

  #advance(length: number): number {
    const at = this.#at;
    this.#at = at + length;
    return at;
  }
}
