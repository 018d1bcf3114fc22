/**
 * A backend's heap with watched borders: every block lies between two strips of a known pattern, which must still be
 * there when it is given back, and an input must still hold what was put in.
 */
import assert from 'node:assert/strict';
import type { Backend } from '#src/kernels/backend.js';
import type { Kernels } from '#src/kernels/kernels.js';

const BORDER_BYTES = 64;
const PATTERN = 0xa5;
/** What an output holds before it is written: a float of no special meaning. */
const UNWRITTEN = 0x5a;

interface Block {
  readonly start: number;
  readonly address: number;
  readonly bytes: number;
  /** what an input has to hold at the end */
  readonly content: Uint8Array | undefined;
}

/** Blocks of one call, and the kernels to call. */
export class GuardedHeap {
  readonly kernels: Kernels;
  readonly #backend: Backend;
  #blocks: Block[] = [];

  constructor(backend: Backend) {
    this.#backend = backend;
    this.kernels = backend.kernels;
  }

  /** An input: a copy of `values`. */
  input(values: Uint8Array | Int8Array | Float32Array | Float64Array | Int32Array | Int16Array): number {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    const address = this.#place(bytes.length, bytes.slice());
    this.#view(address, bytes.length).set(bytes);
    return address;
  }

  /** An output of a fixed pattern, or of `values` when the operation adds to what is there. */
  output(bytes: number, values?: Float32Array | Uint8Array): number {
    const address = this.#place(bytes, undefined);
    const view = this.#view(address, bytes);
    if (values === undefined) view.fill(UNWRITTEN);
    else view.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return address;
  }

  /** Memory that starts zeroed, as the heap gives it. */
  zeroed(bytes: number): number {
    const address = this.#place(bytes, undefined);
    this.#view(address, bytes).fill(0);
    return address;
  }

  /** A copy of what lies at an address. */
  read(address: number, bytes: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#view(address, bytes));
  }

  /** Checks all borders and inputs, and gives the blocks back. */
  release(what: string): void {
    for (const { start, address, bytes, content } of this.#blocks) {
      const before = this.#view(start, address - start);
      const after = this.#view(address + bytes, BORDER_BYTES);
      if (!before.every((byte) => byte === PATTERN)) assert.fail(`${what}: wrote before a block`);
      if (!after.every((byte) => byte === PATTERN)) assert.fail(`${what}: wrote past the end of a block`);
      if (content !== undefined && !Buffer.from(this.#view(address, bytes)).equals(content)) {
        assert.fail(`${what}: an input was changed`);
      }
      this.#backend.heap.free(start);
    }
    this.#blocks = [];
  }

  #place(bytes: number, content: Uint8Array | undefined): number {
    const start = this.#backend.heap.allocate(bytes + 2 * BORDER_BYTES);
    const address = start + BORDER_BYTES;
    this.#view(start, BORDER_BYTES).fill(PATTERN);
    this.#view(address + bytes, BORDER_BYTES).fill(PATTERN);
    this.#blocks.push({ start, address, bytes, content });
    return address;
  }

  #view(address: number, length: number): Uint8Array {
    return this.#backend.heap.u8(address, length);
  }
}

/** Fails with the first element that differs. */
export function assertSameBytes(found: Uint8Array, expected: Uint8Array, what: string): void {
  assert.equal(found.length, expected.length, `${what}: length`);
  if (Buffer.from(found.buffer, found.byteOffset, found.length).equals(expected)) return;
  const at = found.findIndex((byte, i) => byte !== expected[i]);
  const word = at & ~3;
  const floats = [found, expected].map((bytes) =>
    word + 4 <= bytes.length
      ? new DataView(bytes.buffer, bytes.byteOffset).getFloat32(word, true)
      : Number.NaN,
  );
  assert.fail(
    `${what}: byte ${at} is ${found[at]} and not ${expected[at]} (element ${word / 4} as f32: ${floats[0]} and not ${floats[1]})`,
  );
}
