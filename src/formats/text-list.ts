/**
 * A list of texts as a model file has it, several hundred thousand of a few bytes each: the UTF-8 bytes of all in one
 * array, with the place of each. A text becomes a string only when it is asked for, so a vocabulary takes a fraction of
 * the memory of its strings and no time to decode. text-index.ts finds texts by their bytes.
 */
import { isUtf8, utf8Bound, writeUtf8 } from './utf8.ts';

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** Texts in their order; made by {@link TextList.of} or a {@link TextListBuilder}. */
export class TextList implements Iterable<string> {
  /** All texts one after the other, valid UTF-8 each. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Text i is the bytes `[offsets[i], offsets[i + 1])`. */
  readonly offsets: Uint32Array<ArrayBuffer>;

  /** @param offsets ascending from 0 to the number of bytes, one more than there are texts */
  constructor(bytes: Uint8Array<ArrayBuffer>, offsets: Uint32Array<ArrayBuffer>) {
    this.bytes = bytes;
    this.offsets = offsets;
  }

  /** The list of these strings, with U+FFFD for lone surrogates. */
  static of(texts: readonly string[]): TextList {
    const builder = new TextListBuilder(texts.length, 8 * texts.length);
    for (const text of texts) builder.addText(text);
    return builder.finish();
  }

  /** Number of texts. */
  get length(): number {
    return this.offsets.length - 1;
  }

  /** The text at an index, undefined where there is none. */
  textAt(index: number): string | undefined {
    const from = this.offsets[index];
    const end = this.offsets[index + 1];
    if (from === undefined || end === undefined) return undefined;
    return decoder.decode(this.bytes.subarray(from, end));
  }

  /** All texts as strings. */
  *[Symbol.iterator](): Generator<string> {
    for (let i = 0; i < this.length; i++) yield this.textAt(i)!;
  }
}

/** Makes a {@link TextList} of a known number of texts, one after the other. */
export class TextListBuilder {
  #bytes: Uint8Array<ArrayBuffer>;
  readonly #offsets: Uint32Array<ArrayBuffer>;
  #count = 0;
  #byteLength = 0;

  /**
   * @param count number of texts
   * @param byteCapacity bytes to make room for at first; more are made as they come
   */
  constructor(count: number, byteCapacity: number) {
    this.#bytes = new Uint8Array(byteCapacity);
    this.#offsets = new Uint32Array(count + 1);
  }

  /** Number of texts so far. */
  get length(): number {
    return this.#count;
  }

  /** Bytes of the texts so far. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Adds the bytes `[from, from + length)` as a text, unless they are not valid UTF-8: then answers false. */
  addBytes(source: Uint8Array, from: number, length: number): boolean {
    const at = this.#byteLength;
    this.#makeRoom(length);
    const bytes = this.#bytes;
    let seen = 0;
    for (let i = 0; i < length; i++) {
      const byte = source[from + i]!;
      seen |= byte;
      bytes[at + i] = byte;
    }
    if (seen >= 0x80 && !isUtf8(bytes, at, at + length)) return false;
    this.#close(at + length);
    return true;
  }

  /** Adds a string, with U+FFFD for lone surrogates. */
  addText(text: string): void {
    this.#makeRoom(utf8Bound(text));
    this.#close(writeUtf8(text, this.#bytes, this.#byteLength));
  }

  /** The list; the builder is not used afterwards. */
  finish(): TextList {
    return new TextList(this.#bytes.subarray(0, this.#byteLength), this.#offsets);
  }

  #makeRoom(length: number): void {
    const needed = this.#byteLength + length;
    if (needed <= this.#bytes.byteLength) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.byteLength));
    larger.set(this.#bytes.subarray(0, this.#byteLength));
    this.#bytes = larger;
  }

  #close(end: number): void {
    this.#byteLength = end;
    this.#offsets[++this.#count] = end;
  }
}
