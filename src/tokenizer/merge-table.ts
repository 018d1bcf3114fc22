/**
 * The merges of a byte pair encoding (arXiv:1508.07909) and the loop that applies them: of all neighbouring pairs in a
 * sequence of token ids the one of lowest rank is replaced by its merged token (leftmost first), until no pair has a
 * merge. Used for byte-level BPE with ranks from the file and for SentencePiece with ranks from scores.
 *
 * The merges lie in the order in which they were added, 16 bytes each, and a hash table of their places finds them (4
 * bytes a slot, at most two thirds full): 280,000 merges take 6.5 MB. Short sequences are merged by scanning; long ones
 * with a linked list and a heap, in O(n log n).
 */
import { BitnetError } from '../base/errors.ts';

/** Ranks and positions share the 53 bits of a heap key. */
const MAX_MERGES = 1 << 21;
const POSITION_SPAN = 2 ** 32;
const NO_RANK = 0x7fffffff;
/** Up to this length scanning all pairs for every merge is faster than a heap. */
const SCAN_LIMIT = 48;
/** Numbers of a merge: left, right, rank, merged token. */
const ENTRY = 4;
/** A slot holds the number of a merge counted from 1 (0 = free) in its low bits, and above them those of the hash. */
const NUMBER_MASK = (1 << 22) - 1;

/** Merges in the order of their ranks, from which a {@link MergeTable} is made. */
export class MergeList {
  /** Four numbers a merge: left, right, rank, merged token. */
  readonly entries: Int32Array;
  #length = 0;

  /**
   * @param capacity the largest number of merges that will be added
   * @throws BitnetError `tokenizer/bad-merges` when that is too many
   */
  constructor(capacity: number) {
    if (capacity > MAX_MERGES) {
      throw new BitnetError(
        'tokenizer/bad-merges',
        `the tokenizer has ${capacity} merges, more than the ${MAX_MERGES} that are supported`,
      );
    }
    this.entries = new Int32Array(capacity * ENTRY);
  }

  /** Number of merges so far. */
  get length(): number {
    return this.#length;
  }

  /** Adds a merge; of merges of equal pairs the first one counts. */
  add(left: number, right: number, rank: number, result: number): void {
    const entry = this.#length++ * ENTRY;
    this.entries[entry] = left;
    this.entries[entry + 1] = right;
    this.entries[entry + 2] = rank;
    this.entries[entry + 3] = result;
  }
}

/** Pairs of token ids with their rank and merged token. */
export class MergeTable {
  readonly #entries: Int32Array;
  readonly #slots: Int32Array;
  readonly #mask: number;
  /** Random and odd, so that no file can be made whose pairs all fall into one slot. */
  readonly #seed = (Math.random() * 0xffffffff) | 1;
  readonly #ranks = new Int32Array(SCAN_LIMIT);

  /** @param merges kept, not copied */
  constructor(merges: MergeList) {
    let slots = 16;
    while (slots < merges.length * 1.5) slots *= 2;
    this.#entries = merges.entries;
    this.#slots = new Int32Array(slots);
    this.#mask = slots - 1;
    // All at once, not one by one as they are found: so the processor waits for the memory of several at a time.
    for (let number = 1; number <= merges.length; number++) this.#putIn(number);
  }

  #putIn(number: number): void {
    const entry = entryOf(number);
    const left = this.#entries[entry]!;
    const right = this.#entries[entry + 1]!;
    const hash = this.#hash(left, right);
    const slot = this.#slotOf(left, right, hash);
    if (this.#slots[slot] === 0) this.#slots[slot] = (hash & ~NUMBER_MASK) | number;
  }

  #hash(left: number, right: number): number {
    const hash = Math.imul(Math.imul(left, this.#seed) ^ right, 0x9e3779b1);
    return hash ^ (hash >>> 15);
  }

  /** The slot of a pair, or the free slot where it belongs. */
  #slotOf(left: number, right: number, hash: number): number {
    const slots = this.#slots;
    const entries = this.#entries;
    let slot = hash & this.#mask;
    for (;;) {
      const value = slots[slot]!;
      if (value === 0) return slot;
      if (((value ^ hash) & ~NUMBER_MASK) === 0) {
        const entry = entryOf(value);
        if (entries[entry] === left && entries[entry + 1] === right) return slot;
      }
      slot = (slot + 1) & this.#mask;
    }
  }

  /** Where the entry of a pair begins, or -1. */
  #find(left: number, right: number): number {
    const value = this.#slots[this.#slotOf(left, right, this.#hash(left, right))]!;
    return value === 0 ? -1 : entryOf(value);
  }

  #rankOf(left: number, right: number): number {
    const entry = this.#find(left, right);
    return entry === -1 ? NO_RANK : this.#entries[entry + 2]!;
  }

  #merged(left: number, right: number): number {
    return this.#entries[this.#find(left, right) + 3]!;
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

/** Where the merge begins whose number is in the low bits. */
function entryOf(value: number): number {
  return ((value & NUMBER_MASK) - 1) * ENTRY;
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
