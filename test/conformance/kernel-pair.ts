/** Two backends side by side: the reference and the one under test, given the same inputs and held to the same bytes. */
import type { Backend } from '#src/kernels/backend.js';
import { createReferenceBackend } from '#src/kernels/backend.js';
import { assertSameBytes, GuardedHeap } from './guarded-heap.ts';
import { unevenRanges } from './kernel-cases.ts';

type Range = readonly [start: number, end: number];

/** Gives the ranges of `length` that an operation is to be called with, starting at multiples of `step`. */
export type Split = (length: number, step?: number) => readonly Range[];

/** Places inputs, runs one kernel once for each range, and answers all that it wrote. */
export type Operation = (heap: GuardedHeap, split: Split) => Uint8Array[];

/** See the file's header. */
export class KernelPair {
  readonly tested: GuardedHeap;
  readonly #reference = new GuardedHeap(createReferenceBackend(false));

  constructor(backend: Backend) {
    this.tested = new GuardedHeap(backend);
  }

  /** Rows of outputs are split at multiples of this. */
  get rowStep(): number {
    return this.tested.kernels.rowStep;
  }

  /**
   * Runs an operation three ways, each against the reference bit for bit: on the whole of its work; on uneven pieces, the
   * last first, which must make up the same; and on one piece from the middle, which must leave the rest alone.
   */
  compare(what: string, operation: Operation): void {
    const whole: Split = (length) => [[0, length]];
    const part: Split = (length, step = 1) => {
      const ranges = unevenRanges(length, step);
      return [ranges[Math.floor(ranges.length / 2)] ?? [0, 0]];
    };
    const expected = this.#run(this.#reference, what, operation, whole);
    // The reference gives itself the same whole; its pieces are of interest.
    if (this.tested.kernels.name !== 'reference') this.#expect(`${what}, whole`, operation, whole, expected);
    this.#expect(`${what}, in pieces`, operation, (length, step = 1) => unevenRanges(length, step), expected);
    this.#expect(`${what}, a part`, operation, part, this.#run(this.#reference, what, operation, part));
  }

  #expect(what: string, operation: Operation, split: Split, expected: readonly Uint8Array[]): void {
    const found = this.#run(this.tested, what, operation, split);
    for (const [i, bytes] of found.entries()) assertSameBytes(bytes, expected[i]!, `${what}, output ${i}`);
  }

  #run(heap: GuardedHeap, what: string, operation: Operation, split: Split): Uint8Array[] {
    const written = operation(heap, split);
    heap.release(what);
    return written;
  }
}
