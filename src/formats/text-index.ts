/**
 * Finds texts of a list by their bytes: a hash table with open addressing (4 bytes a slot, at most half full), which
 * makes no string for a look-up and none for its keys.
 */
import { assert } from '../base/assert.ts';
import type { TextList } from './text-list.ts';
import { utf8Bound, writeUtf8 } from './utf8.ts';

/** A slot holds the index of a text + 1 (0 = free) in its low bits, and above them those of the hash. */
const NUMBER_MASK = (1 << 22) - 1;
/** Longer lists would need more bits for the index. */
const MAX_TEXTS = NUMBER_MASK;

/** Indexes by text, for those texts of a list that have been added. */
export class TextIndex {
  readonly #texts: TextList;
  readonly #slots: Int32Array;
  readonly #mask: number;
  readonly #seed: number;
  /** 1 for the texts that look-ups answer with: those that were added and are the first of their kind. */
  readonly #isFound: Uint8Array;
  #scratch = new Uint8Array(256);

  /**
   * @param texts at most 2^22 - 1
   * @param seed an odd number; random, so that no file can be made whose texts all have one hash
   */
  constructor(texts: TextList, seed: number = (Math.random() * 0xffffffff) | 1) {
    assert(texts.length <= MAX_TEXTS, `an index of ${texts.length} texts`);
    let slots = 16;
    while (slots < texts.length * 2) slots *= 2;
    this.#texts = texts;
    this.#slots = new Int32Array(slots);
    this.#mask = slots - 1;
    this.#seed = seed;
    this.#isFound = new Uint8Array(texts.length);
  }

  /** Makes the text at an index of the list findable; of equal texts the first one stays. */
  add(index: number): void {
    const { bytes, offsets } = this.#texts;
    const from = offsets[index]!;
    const end = offsets[index + 1]!;
    const hash = this.#hash(bytes, from, end, 0);
    const slot = this.#slotOf(hash, bytes, from, end, end, end);
    if (this.#slots[slot] !== 0) return;
    this.#slots[slot] = (hash & ~NUMBER_MASK) | (index + 1);
    this.#isFound[index] = 1;
  }

  /** The index of a text, or -1. Lone surrogates count as U+FFFD, as in {@link TextList.of}. */
  indexOf(text: string): number {
    if (this.#scratch.length < utf8Bound(text)) this.#scratch = new Uint8Array(2 * utf8Bound(text));
    return this.indexOfBytes(this.#scratch, 0, writeUtf8(text, this.#scratch, 0));
  }

  /** The index of the text with the bytes `[from, end)`, or -1. */
  indexOfBytes(bytes: Uint8Array, from: number, end: number): number {
    const hash = this.#hash(bytes, from, end, 0);
    return (this.#slots[this.#slotOf(hash, bytes, from, end, end, end)]! & NUMBER_MASK) - 1;
  }

  /**
   * The index of the text that is the bytes `[from, end)` and behind them `[from2, end2)`, or -1.
   *
   * @param guess an index that is tried first, with the next one: a right guess costs no look-up
   */
  indexOfJoined(
    bytes: Uint8Array,
    from: number,
    end: number,
    from2: number,
    end2: number,
    guess: number,
  ): number {
    for (let index = guess; index <= guess + 1; index++) {
      if (this.#isFound[index] === 1 && this.#isJoined(index, bytes, from, end, from2, end2)) return index;
    }
    const hash = this.#hash(bytes, from2, end2, this.#hash(bytes, from, end, 0));
    return (this.#slots[this.#slotOf(hash, bytes, from, end, from2, end2)]! & NUMBER_MASK) - 1;
  }

  /** The hash of what `start` is the hash of and of the bytes behind that. */
  #hash(bytes: Uint8Array, from: number, end: number, start: number): number {
    const seed = this.#seed;
    let hash = start;
    for (let i = from; i < end; i++) {
      hash = Math.imul(hash ^ (bytes[i]! + 1), seed);
      hash ^= hash >>> 15;
    }
    return hash;
  }

  /** The slot of a text in two parts, or the free slot where it belongs. */
  #slotOf(hash: number, bytes: Uint8Array, from: number, end: number, from2: number, end2: number): number {
    const slots = this.#slots;
    const mask = this.#mask;
    let slot = hash & mask;
    for (;;) {
      const value = slots[slot]!;
      if (value === 0) return slot;
      if (((value ^ hash) & ~NUMBER_MASK) === 0) {
        const index = (value & NUMBER_MASK) - 1;
        if (this.#isJoined(index, bytes, from, end, from2, end2)) return slot;
      }
      slot = (slot + 1) & mask;
    }
  }

  #isJoined(
    index: number,
    bytes: Uint8Array,
    from: number,
    end: number,
    from2: number,
    end2: number,
  ): boolean {
    const own = this.#texts.bytes;
    const { offsets } = this.#texts;
    let at = offsets[index]!;
    if (offsets[index + 1]! - at !== end - from + end2 - from2) return false;
    for (let i = from; i < end; i++) if (own[at++] !== bytes[i]) return false;
    for (let i = from2; i < end2; i++) if (own[at++] !== bytes[i]) return false;
    return true;
  }
}
