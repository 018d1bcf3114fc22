/**
 * A backend: a heap, the kernels bound to it for the calling thread, and what a worker needs to bind the same kernels to
 * the same heap. It is a value that the engine holds; there is no global one.
 */
import { readCgroupLimits } from '#platform';
import { assert } from '../base/assert.ts';
import { BitnetError } from '../base/errors.ts';
import type { NativeVariant, RunningBackend } from './backend-name.ts';
import { Heap, type HeapMemory, withinContainer } from './heap.ts';
import type { Kernels } from './kernels.ts';
import { bindNative } from './native/bind.ts';
import type { NativeExports, RegionHandle } from './native/exports.ts';
import { loadNative } from './native/load.ts';
import { NativeMemory } from './native/memory.ts';
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
    }
  | {
      readonly kind: 'native';
      readonly name: NativeVariant;
      /** number of the region in this process */
      readonly region: number;
    };

/** A backend ready for use in this thread. */
export interface Backend {
  readonly name: RunningBackend;
  readonly heap: Heap;
  readonly kernels: Kernels;
  /** Whether the heap can be shared with other threads. */
  readonly isShared: boolean;
  readonly share: BackendShare;
  /**
   * The address of a part of an open file (ByteSource.file) as read-only memory, for as long as the backend is not
   * disposed of; undefined when the system does not map it. Only for kernels: the heap has no views of it.
   */
  mapFile?(descriptor: number, offset: number, length: number): number | undefined;
  /** Lets go of the heap once no thread uses it. Views that are left stay safe to touch, and mean nothing. */
  dispose(): void;
}

/** Rows that the scratch of a wasm instance has room for, in f32 elements. */
export const LONGEST_ROW: number = 1 << 17;

/**
 * Pages of 64 KiB that a wasm32 memory is asked for: up to 4 GiB. A shared one has its address space set aside at once, and
 * browsers on phones have less of it.
 */
const WASM_PAGES = [65536, 32768, 16384, 8192, 4096];

/** The reference backend on a fresh heap. */
export function createReferenceBackend(isShared: boolean): Backend {
  const options = { maxByteLength: REFERENCE_HEAP_LIMIT };
  const buffer = isShared ? new SharedArrayBuffer(65536, options) : new ArrayBuffer(65536, options);
  const window = { buffer, start: 0 };
  const heap = new Heap({
    base: 0,
    window: () => window,
    grow(bytes) {
      if (bytes <= buffer.byteLength) return;
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
    dispose: () => {},
  };
}

/** A wasm backend on a fresh memory. */
export function createWasmBackend(
  name: 'wasm-relaxed' | 'wasm-simd',
  module: WebAssembly.Module,
  isShared: boolean,
): Backend {
  const { memory, pages } = createMemory(isShared);
  const end = pages === WASM_PAGES[0] ? '' : `, and here at ${pages / 16} MiB`;
  const limit = withinContainer(
    {
      limitBytes: pages * 65536,
      limitAdvice: `WebAssembly memory ends at 4 GiB${end}: choose a smaller model, context or batch, or run this one on the native backend`,
    },
    containerBytes(),
  );
  const heap = new Heap(
    {
      base: 0,
      window: windowOf(memory),
      grow(bytes) {
        const missing = bytes - memory.buffer.byteLength;
        if (missing > 0) memory.grow(Math.ceil(missing / 65536));
      },
      ...limit,
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
    dispose: () => {},
  };
}

/** All of a wasm memory as it is now: growth makes another buffer. */
function windowOf(memory: WebAssembly.Memory): HeapMemory['window'] {
  return () => ({ buffer: memory.buffer, start: 0 });
}

/**
 * A native backend on a fresh region of address space.
 *
 * @throws BitnetError `memory/exhausted` when the system gives no address space
 */
export function createNativeBackend(name: NativeVariant, native: NativeExports): Backend {
  const memory = reserveMemory(native);
  const mapped: RegionHandle[] = [];
  return {
    name,
    heap: new Heap(memory),
    kernels: bindNative(name, native, memory.handle),
    // Threads of a process share all of its memory.
    isShared: true,
    share: { kind: 'native', name, region: memory.region },
    mapFile(descriptor, offset, length) {
      try {
        const region = native.mapFile(descriptor, offset, length);
        mapped.push(region);
        return native.describe(region).address;
      } catch {
        return undefined;
      }
    },
    dispose() {
      for (const region of mapped.splice(0)) native.release(region);
      memory.release();
    },
  };
}

function reserveMemory(native: NativeExports): NativeMemory {
  try {
    const physicalBytes = native.physicalBytes();
    const limit = withinContainer({ limitBytes: physicalBytes, limitAdvice: '' }, containerBytes());
    return new NativeMemory(native, native.reserve(limit.limitBytes), limit.limitAdvice || undefined);
  } catch (cause) {
    throw new BitnetError(
      'memory/exhausted',
      'the system gives no address space for a model; raise its limit (ulimit -v) or choose the backend wasm',
      { cause },
    );
  }
}

function containerBytes(): number {
  return readCgroupLimits().memoryBytes ?? Infinity;
}

/** @throws BitnetError `memory/exhausted` when the runtime has no address space left for another memory */
function createMemory(isShared: boolean): { memory: WebAssembly.Memory; pages: number } {
  let refusal: unknown;
  for (const pages of WASM_PAGES) {
    const size = isShared ? { initial: 1, maximum: pages, shared: true } : { initial: 1 };
    try {
      return { memory: new WebAssembly.Memory(size), pages };
    } catch (cause) {
      refusal = cause;
    }
  }
  throw new BitnetError(
    'memory/exhausted',
    'the runtime has no room for another WebAssembly memory; dispose of models that are no longer used',
    { cause: refusal },
  );
}

/** Bytes of private scratch that {@link bindWorker} needs in each worker. */
export function workerScratchBytes(share: BackendShare): number {
  return share.kind === 'wasm' ? wasmScratchBytes(LONGEST_ROW) : 64;
}

/** A shared backend as a worker has it. */
export interface WorkerBinding {
  readonly kernels: Kernels;
  readonly memory: Pick<HeapMemory, 'window'>;
}

/** In a worker: the kernels and memory of a shared backend. `scratch` is of {@link workerScratchBytes}, the worker's own. */
export function bindWorker(share: BackendShare, scratch: number): WorkerBinding {
  assert(scratch > 0, 'a worker needs scratch of its own');
  switch (share.kind) {
    case 'reference': {
      const window = { buffer: share.buffer, start: 0 };
      return { kernels: createReferenceKernels(share.buffer), memory: { window: () => window } };
    }
    case 'wasm': {
      const kernels = bindWasm(share.name, share.module, share.memory, scratch);
      return { kernels, memory: { window: windowOf(share.memory) } };
    }
    case 'native': {
      const native = loadNative();
      assert(typeof native === 'object', 'a worker finds the module that its parent has loaded');
      const memory = new NativeMemory(native, native.attach(share.region));
      return { kernels: bindNative(share.name, native, memory.handle), memory };
    }
  }
}
