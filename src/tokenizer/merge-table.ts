/**
 * The merges of a byte pair encoding (arXiv:1508.07909) and the loop that applies them: of all neighbouring pairs in a
 * sequence of token ids the one of lowest rank is replaced by its merged token (leftmost first), until no pair has a
 * merge. Used for byte-level BPE with ranks from the file and for SentencePiece with ranks from scores.
 *
 * The table is a hash table in typed arrays (16 bytes a slot, at most half full): 280,000 merges take 8 MB. Short
 * sequences are merged by scanning; long ones with a linked list and a heap, in O(n log n).
 */
import { BitnetError } from '../base/errors.ts';

/** Ranks and positions share the 53 bits of a heap key. */
const MAX_MERGES = 1 << 21;
const POSITION_SPAN = 2 ** 32;
const NO_RANK = 0x7fffffff;
/** Up to this length scanning all pairs for every merge is faster than a heap. */
const SCAN_LIMIT = 48;
/** Numbers in a slot of the table. */
const SLOT = 4;

/** Pairs of token ids with their rank and merged token. */
export class MergeTable {
  /** Four numbers a slot, so that a look-up touches one cache line: left (-1 = free), right, rank, merged token. */
  readonly #slots: Int32Array;
  readonly #mask: number;
  /** Random and odd, so that no file can be made whose pairs all fall into one slot. */
  readonly #seed = (Math.random() * 0xffffffff) | 1;
  readonly #ranks = new Int32Array(SCAN_LIMIT);

  /**
   * @param capacity the largest number of pairs that will be added
   * @throws BitnetError `tokenizer/bad-merges` when that is too many
   */
  constructor(capacity: number) {
    if (capacity > MAX_MERGES) {
      throw new BitnetError(
        'tokenizer/bad-merges',
        `the tokenizer has ${capacity} merges, more than the ${MAX_MERGES} that are supported`,
      );
    }
    let count = 16;
    while (count < capacity * 2) count *= 2;
    this.#mask = count * SLOT - 1;
    this.#slots = new Int32Array(count * SLOT).fill(-1);
  }

  /** Where the slot of a pair begins, or the free slot where it belongs. */
  #slotOf(left: number, right: number): number {
    const slots = this.#slots;
    let hash = Math.imul(Math.imul(left, this.#seed) ^ right, 0x9e3779b1);
    hash ^= hash >>> 15;
    let slot = (hash * SLOT) & this.#mask;
    while (slots[slot] !== -1 && (slots[slot] !== left || slots[slot + 1] !== right)) {
      slot = (slot + SLOT) & this.#mask;
    }
    return slot;
  }

  /** Adds a pair; of equal pairs the first one stays, so pairs are added by ascending rank. */
  add(left: number, right: number, rank: number, result: number): void {
    const slot = this.#slotOf(left, right);
    if (this.#slots[slot] !== -1) return;
    this.#slots[slot] = left;
    this.#slots[slot + 1] = right;
    this.#slots[slot + 2] = rank;
    this.#slots[slot + 3] = result;
  }

  #rankOf(left: number, right: number): number {
    const slot = this.#slotOf(left, right);
    return this.#slots[slot] === -1 ? NO_RANK : this.#slots[slot + 2]!;
  }

  #merged(left: number, right: number): number {
    return this.#slots[this.#slotOf(left, right) + 3]!;
  }

  /** Merges `ids[0, count)` in place and returns how many ids are left. Ids that take part in no merge may be any ≥ 0. */
  merge(ids: Int32Array, count: number): number {
    if (count < 2) return count;
    return count <= SCAN_LIMIT ? this.#mergeByScanning(ids, count) : this.#mergeByHeap(ids, count);
  }

  #mergeByScanning(ids: Int32Array, count: number): number {
    const ranks = this.#ranks;
    for (let i = 0; i + 1 < count; i++) ranks[i] = this.#rankOf(ids[i]!, ids[i + 1]!);
    let length = count;
    while (length > 1) {
      let best = 0;
      for (let i = 1; i + 1 < length; i++) if (ranks[i]! < ranks[best]!) best = i;
      if (ranks[best] === NO_RANK) break;
      ids[best] = this.#merged(ids[best]!, ids[best + 1]!);
      ids.copyWithin(best + 1, best + 2, length);
      ranks.copyWithin(best, best + 1, length - 1);
      length--;
      if (best > 0) ranks[best - 1] = this.#rankOf(ids[best - 1]!, ids[best]!);
      if (best + 1 < length) ranks[best] = this.#rankOf(ids[best]!, ids[best + 1]!);
    }
    return length;
  }

  /** Heap entries are never removed when a neighbour changes: an entry counts only if its pair still has its rank. */
  #mergeByHeap(ids: Int32Array, count: number): number {
    const next = new Int32Array(count);
    const previous = new Int32Array(count);
    const heap = new MinHeap(3 * count);
    for (let i = 0; i < count; i++) {
      next[i] = i + 1;
      previous[i] = i - 1;
    }
    const offer = (position: number): void => {
      const right = next[position]!;
      if (right >= count) return;
      const rank = this.#rankOf(ids[position]!, ids[right]!);
      if (rank !== NO_RANK) heap.push(rank * POSITION_SPAN + position);
    };
    for (let i = 0; i + 1 < count; i++) offer(i);
    while (heap.size > 0) {
      const key = heap.pop();
      const rank = Math.floor(key / POSITION_SPAN);
      const position = key - rank * POSITION_SPAN;
      const right = next[position]!;
      const isStale =
        ids[position]! < 0 || right >= count || this.#rankOf(ids[position]!, ids[right]!) !== rank;
      if (isStale) continue;
      ids[position] = this.#merged(ids[position]!, ids[right]!);
      ids[right] = -1;
      const after = next[right]!;
      next[position] = after;
      if (after < count) previous[after] = position;
      if (previous[position]! >= 0) offer(previous[position]!);
      offer(position);
    }
    let length = 0;
    for (let i = 0; i < count; i = next[i]!) ids[length++] = ids[i]!;
    return length;
  }
}

/** A binary heap of numbers with a fixed capacity. */
class MinHeap {
  readonly #keys: Float64Array;
  size = 0;

  constructor(capacity: number) {
    this.#keys = new Float64Array(capacity);
  }

  push(key: number): void {
    const keys = this.#keys;
    let child = this.size++;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if (keys[parent]! <= key) break;
      keys[child] = keys[parent]!;
      child = parent;
    }
    keys[child] = key;
  }

  pop(): number {
    const keys = this.#keys;
    const top = keys[0]!;
    const key = keys[--this.size]!;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= this.size) break;
      if (child + 1 < this.size && keys[child + 1]! < keys[child]!) child++;
      if (keys[child]! >= key) break;
      keys[parent] = keys[child]!;
      parent = child;
    }
    keys[parent] = key;
    return top;
  }
}
