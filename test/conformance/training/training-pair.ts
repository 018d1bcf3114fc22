/**
 * A backend's training operations beside the reference's, given the same inputs: close to them within a stated tolerance,
 * and the same bits, whatever the split of the work.
 */
import assert from 'node:assert/strict';
import { type Backend, createReferenceBackend } from '#src/kernels/backend.js';
import type { Kernels } from '#src/kernels/kernels.js';
import { assertSameBytes, GuardedHeap } from '../guarded-heap.ts';
import { unevenRanges } from '../kernel-cases.ts';
import type { Split } from '../kernel-pair.ts';

/** What an operation wrote. */
export interface Output {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** By how much element i, a f32, may differ from the reference's; where absent, all bytes are the same. */
  readonly tolerance?: (element: number) => number;
}

/** Places inputs, runs one kernel once for each range, and answers all that it wrote. */
export type TrainingOperation = (heap: GuardedHeap, kernels: Kernels, split: Split) => readonly Output[];

/** See the file's header. */
export class TrainingPair {
  readonly tested: GuardedHeap;
  readonly #reference = new GuardedHeap(createReferenceBackend(false));

  constructor(backend: Backend) {
    this.tested = new GuardedHeap(backend);
  }

  /**
   * Runs an operation on the whole of its work, which must come close to the reference; on uneven pieces, the last first,
   * which must give the same bits as the whole; and on one piece from the middle, which must come close as well and leave
   * all else as it was.
   */
  compare(what: string, operation: TrainingOperation): void {
    const part: Split = (length, step = 1) => {
      const ranges = unevenRanges(length, step);
      return [ranges[Math.floor(ranges.length / 2)] ?? [0, 0]];
    };
    const whole = this.#near(`${what}, whole`, operation, (length) => [[0, length]]);
    const pieces = this.#run(this.tested, what, operation, (length, step = 1) => unevenRanges(length, step));
    for (const [i, { bytes }] of pieces.entries()) {
      assertSameBytes(bytes, whole[i]!.bytes, `${what}, in pieces, output ${i}`);
    }
    const middle = this.#near(`${what}, a part`, operation, part);
    const untouched = this.#run(this.tested, what, operation, () => []);
    for (const [i, { bytes }] of middle.entries()) {
      const either = bytes.every(
        (byte, at) => byte === whole[i]!.bytes[at] || byte === untouched[i]!.bytes[at],
      );
      if (!either) assert.fail(`${what}, a part, output ${i}: neither as before nor as in the whole`);
    }
  }

  /** What the tested backend wrote, after it was found close to what the reference did. */
  #near(what: string, operation: TrainingOperation, split: Split): readonly Output[] {
    const expected = this.#run(this.#reference, what, operation, split);
    const found = this.#run(this.tested, what, operation, split);
    for (const [i, { bytes, tolerance }] of found.entries()) {
      const name = `${what}, output ${i}`;
      if (tolerance === undefined) assertSameBytes(bytes, expected[i]!.bytes, name);
      else assertNear(floats(bytes), floats(expected[i]!.bytes), tolerance, name);
    }
    return found;
  }

  #run(heap: GuardedHeap, what: string, operation: TrainingOperation, split: Split): readonly Output[] {
    const written = operation(heap, heap.kernels, split);
    heap.release(what);
    return written;
  }
}

/** The f32 that bytes hold. */
export function floats(bytes: Uint8Array<ArrayBuffer>): Float32Array {
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}

function assertNear(
  found: Float32Array,
  expected: Float32Array,
  tolerance: (element: number) => number,
  what: string,
): void {
  assert.equal(found.length, expected.length, `${what}: length`);
  for (const [i, value] of found.entries()) {
    if (value === expected[i]) continue;
    const allowed = tolerance(i);
    if (!(Math.abs(value - expected[i]!) <= allowed)) {
      assert.fail(`${what}: element ${i} is ${value} and not ${expected[i]}, off by more than ${allowed}`);
    }
  }
}
