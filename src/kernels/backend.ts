/**
 * A backend: a heap, the kernels bound to it for the calling thread, and what a worker needs to bind the same kernels to
 * the same heap. It is a value that the engine holds; there is no global one.
 */
import { assert } from '../base/assert.ts';
import { BitnetError } from '../base/errors.ts';
import { Heap } from './heap.ts';
import type { BackendName, Kernels } from './kernels.ts';
import { createReferenceKernels, REFERENCE_HEAP_LIMIT } from './reference/backend.ts';
import { bindWasm, wasmScratchBytes } from './wasm/bind.ts';

/** What a worker is sent (structured clone) to run a backend's kernels on its heap. */
export type BackendShare =
  | { readonly kind: 'reference'; readonly buffer: ArrayBufferLike }
  | {
      readonly kind: 'wasm';
      readonly name: 'wasm-relaxed' | 'wasm-simd';
      readonly module: WebAssembly.Module;
      readonly memory: WebAssembly.Memory;
    };

/** A backend ready for use in this thread. */
export interface Backend {
  readonly name: Exclude<BackendName, 'wasm'>;
  readonly heap: Heap;
  readonly kernels: Kernels;
  /** Whether the heap can be shared with other threads. */
  readonly isShared: boolean;
  readonly share: BackendShare;
}

/** Rows that the scratch of a wasm instance has room for, in f32 elements. */
export const LONGEST_ROW: number = 1 << 17;

/** Pages of 64 KiB that a wasm32 memory can have: 4 GiB. */
const WASM_PAGES = 65536;

/** The reference backend on a fresh heap. */
export function createReferenceBackend(isShared: boolean): Backend {
  const options = { maxByteLength: REFERENCE_HEAP_LIMIT };
  const buffer = isShared ? new SharedArrayBuffer(65536, options) : new ArrayBuffer(65536, options);
  const heap = new Heap({
    buffer: () => buffer,
    grow(bytes) {
      if (buffer instanceof ArrayBuffer) buffer.resize(bytes);
      else buffer.grow(bytes);
    },
    limitBytes: REFERENCE_HEAP_LIMIT,
    limitAdvice: 'the reference backend is for small models; use the wasm or the native backend',
  });
  return {
    name: 'reference',
    heap,
    kernels: createReferenceKernels(buffer),
    isShared,
    share: { kind: 'reference', buffer },
  };
}

/** A wasm backend on a fresh memory. */
export function createWasmBackend(
  name: 'wasm-relaxed' | 'wasm-simd',
  module: WebAssembly.Module,
  isShared: boolean,
): Backend {
  const memory = createMemory(isShared);
  const heap = new Heap(
    {
      buffer: () => memory.buffer,
      grow: (bytes) => {
        memory.grow(Math.ceil((bytes - memory.buffer.byteLength) / 65536));
      },
      limitBytes: WASM_PAGES * 65536,
      limitAdvice:
        'WebAssembly memory ends at 4 GiB: choose a smaller model, context or batch, or run this one on the native backend',
    },
    1024,
  );
  const scratch = heap.allocate(wasmScratchBytes(LONGEST_ROW));
  return {
    name,
    heap,
    kernels: bindWasm(name, module, memory, scratch),
    isShared,
    share: { kind: 'wasm', name, module, memory },
  };
}

/** @throws BitnetError `memory/exhausted` when the runtime has no address space left for another memory */
function createMemory(isShared: boolean): WebAssembly.Memory {
  try {
    return isShared
      ? new WebAssembly.Memory({ initial: 1, maximum: WASM_PAGES, shared: true })
      : new WebAssembly.Memory({ initial: 1 });
  } catch (cause) {
    throw new BitnetError(
      'memory/exhausted',
      'the runtime has no room for another WebAssembly memory; dispose of models that are no longer used',
      { cause },
    );
  }
}

/** Bytes of private scratch that {@link bindKernels} needs in each worker. */
export function workerScratchBytes(share: BackendShare): number {
  return share.kind === 'wasm' ? wasmScratchBytes(LONGEST_ROW) : 64;
}

/** In a worker: the kernels of a shared backend. `scratch` is of {@link workerScratchBytes}, the worker's own. */
export function bindKernels(share: BackendShare, scratch: number): Kernels {
  assert(scratch > 0, 'a worker needs scratch of its own');
  return share.kind === 'reference'
    ? createReferenceKernels(share.buffer)
    : bindWasm(share.name, share.module, share.memory, scratch);
}
