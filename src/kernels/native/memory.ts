/**
 * A native heap's memory: a region of address space, seen from one thread. Addresses are real ones.
 *
 * Views are typed arrays on external buffers, each of which keeps the region's addresses alive. Making one costs
 * microseconds, so the thread keeps one for every 64 MiB that it looks at; only what lies across two gets its own.
 */
import type { HeapMemory, HeapWindow } from '../heap.ts';
import type { NativeExports, RegionHandle } from './exports.ts';

/** Bytes of a window. Small enough that V8, which counts them as its own, does not collect for their sake. */
const WINDOW_BYTES = 2 ** 26;

/** See the file's header. */
export class NativeMemory implements HeapMemory {
  readonly base: number;
  readonly limitBytes: number;
  readonly limitAdvice: string;
  readonly handle: RegionHandle;
  readonly #native: NativeExports;
  readonly #windows = new Map<number, HeapWindow>();

  constructor(
    native: NativeExports,
    handle: RegionHandle,
    limitAdvice = 'that is the memory of this machine: choose a smaller model, context or batch',
  ) {
    const { address, bytes } = native.describe(handle);
    this.#native = native;
    this.handle = handle;
    this.base = address;
    this.limitBytes = bytes;
    this.limitAdvice = limitAdvice;
  }

  /** By which another thread finds the region. */
  get region(): number {
    return this.#native.describe(this.handle).number;
  }

  window(address: number, length: number): HeapWindow {
    const index = Math.floor((address - this.base) / WINDOW_BYTES);
    const start = this.base + index * WINDOW_BYTES;
    const end = Math.min(start + WINDOW_BYTES, this.base + this.limitBytes);
    if (address + length > end) {
      return { buffer: this.#native.view(this.handle, address, length), start: address };
    }
    let window = this.#windows.get(index);
    if (window === undefined) {
      window = { buffer: this.#native.view(this.handle, start, end - start), start };
      this.#windows.set(index, window);
    }
    return window;
  }

  grow(bytes: number): void {
    if (!this.#native.grow(this.handle, bytes)) throw new RangeError('the system has no more memory');
  }

  clear(address: number, length: number): void {
    this.#native.clear(this.handle, address, length);
  }

  /** Gives the physical memory back. Views that are left read zeros and may be written, to no end. */
  release(): void {
    this.#windows.clear();
    this.#native.release(this.handle);
  }
}
