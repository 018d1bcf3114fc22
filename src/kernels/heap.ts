/**
 * The memory that kernels work on: one span of addresses, byte offsets into a buffer or (native) real ones. Allocation is
 * first-fit over an address-ordered list of free spans, which suits a few hundred large, long-lived blocks.
 */
import { assert, roundUp } from '../base/assert.ts';
import { BitnetError } from '../base/errors.ts';

/** A buffer, and the address of its first byte. */
export interface HeapWindow {
  readonly buffer: ArrayBufferLike;
  readonly start: number;
}

/** What lies under a heap: memory that may grow, and then be another buffer. */
export interface HeapMemory {
  /** Address of the first byte. */
  readonly base: number;
  /** A buffer that holds the bytes [address, address + length); taken anew after growth. */
  window(address: number, length: number): HeapWindow;
  /** Makes the first `bytes` usable, zeroed, unless they are; throws what the runtime throws when it cannot. */
  grow(bytes: number): void;
  /** Zeroes a span that was used before; where absent, it is filled with zeros through a view. */
  clear?(address: number, length: number): void;
  /** Bytes that it can have at most. */
  readonly limitBytes: number;
  /** A sentence on what to do when the limit is reached. */
  readonly limitAdvice: string;
}

/** Where a heap ends. */
export type HeapLimit = Pick<HeapMemory, 'limitBytes' | 'limitAdvice'>;

/** Bytes that the runtime takes beside a heap, of those that a container allows. */
const RUNTIME_BYTES = 100 * 2 ** 20;

/**
 * The limit of a backend, or that of the container if it is lower: the kernel ends, without a word, what goes beyond.
 *
 * @param containerBytes Infinity where nothing is limited
 */
export function withinContainer(limit: HeapLimit, containerBytes: number): HeapLimit {
  const limitBytes = Math.max(0, containerBytes - RUNTIME_BYTES);
  if (limitBytes >= limit.limitBytes) return limit;
  const limitAdvice =
    `the container allows ${Math.floor(containerBytes / 2 ** 20)} MiB of memory, for the runtime too: give it more, or ` +
    'choose a smaller model, context or batch';
  return { limitBytes, limitAdvice };
}

interface Span {
  readonly start: number;
  readonly end: number;
}

/** Blocks are aligned to cache lines, which packed tiles and barriers count on. */
const ALIGNMENT = 64;
/** Blocks of at least this are given back to the system at once, where it takes them. */
const LARGE_BLOCK = 2 ** 20;

/** Hands out zeroed blocks of one {@link HeapMemory}. Views must be taken anew after an allocation. */
export class Heap {
  readonly #memory: HeapMemory;
  readonly #blocks = new Map<number, number>();
  #free: Span[] = [];
  #end: number;

  /** Address 0 is never handed out: it means "none". */
  constructor(memory: HeapMemory, reservedBytes = 0) {
    this.#memory = memory;
    this.#end = memory.base + roundUp(Math.max(reservedBytes, ALIGNMENT), ALIGNMENT);
  }

  /** Bytes in blocks that are handed out. */
  get usedBytes(): number {
    let sum = 0;
    for (const bytes of this.#blocks.values()) sum += bytes;
    return sum;
  }

  /** Bytes that could be handed out in one more block, at least. */
  get availableBytes(): number {
    return this.#memory.limitBytes - (this.#end - this.#memory.base);
  }

  /** What a user can do when {@link availableBytes} are too few. */
  get limitAdvice(): string {
    return this.#memory.limitAdvice;
  }

  /**
   * The address of a zeroed block of `bytes`, aligned to 64.
   *
   * @throws BitnetError `memory/limit` when the backend cannot address it, `memory/exhausted` when the machine has no more
   */
  allocate(bytes: number): number {
    assert(Number.isSafeInteger(bytes) && bytes >= 0, `a block of ${bytes} bytes`);
    const size = Math.max(roundUp(bytes, ALIGNMENT), ALIGNMENT);
    const index = this.#free.findIndex((span) => span.end - span.start >= size);
    const span = this.#free[index];
    if (span === undefined) return this.#extend(size);
    if (span.end - span.start === size) this.#free.splice(index, 1);
    else this.#free[index] = { start: span.start + size, end: span.end };
    this.#blocks.set(span.start, size);
    if (this.#memory.clear === undefined) this.u8(span.start, size).fill(0);
    else this.#memory.clear(span.start, size);
    return span.start;
  }

  /** Gives back a block of {@link allocate}. */
  free(address: number): void {
    const size = this.#blocks.get(address);
    assert(size !== undefined, `no block at address ${address}`);
    this.#blocks.delete(address);
    if (size >= LARGE_BLOCK) this.#memory.clear?.(address, size);
    const spans = [...this.#free, { start: address, end: address + size }].sort((a, b) => a.start - b.start);
    const merged: Span[] = [];
    for (const span of spans) {
      const last = merged.at(-1);
      if (last !== undefined && last.end === span.start)
        merged[merged.length - 1] = { start: last.start, end: span.end };
      else merged.push(span);
    }
    this.#free = merged;
  }

  u8(address: number, length: number): Uint8Array {
    return viewAt(Uint8Array, this.#memory, address, length);
  }

  i32(address: number, length: number): Int32Array {
    return viewAt(Int32Array, this.#memory, address, length);
  }

  f32(address: number, length: number): Float32Array {
    return viewAt(Float32Array, this.#memory, address, length);
  }

  f64(address: number, length: number): Float64Array {
    return viewAt(Float64Array, this.#memory, address, length);
  }

  #extend(size: number): number {
    const address = this.#end;
    const end = address + size - this.#memory.base;
    if (end > this.#memory.limitBytes) {
      throw new BitnetError(
        'memory/limit',
        `${(end / 2 ** 20).toFixed(0)} MiB are needed and this backend can address ` +
          `${(this.#memory.limitBytes / 2 ** 20).toFixed(0)} MiB; ${this.#memory.limitAdvice}`,
        { details: { neededBytes: end, limitBytes: this.#memory.limitBytes } },
      );
    }
    try {
      this.#memory.grow(end);
    } catch (cause) {
      throw new BitnetError(
        'memory/exhausted',
        `the machine gave no more memory at ${(end / 2 ** 20).toFixed(0)} MiB; close something or choose a smaller model or context`,
        { cause },
      );
    }
    this.#end = address + size;
    this.#blocks.set(address, size);
    return address;
  }
}

interface ViewConstructor<View> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): View;
}

/** A typed view of `length` elements at an address. */
export function viewAt<View>(
  View: ViewConstructor<View>,
  memory: Pick<HeapMemory, 'window'>,
  address: number,
  length: number,
): View {
  const { buffer, start } = memory.window(address, length * View.BYTES_PER_ELEMENT);
  return new View(buffer, address - start, length);
}
