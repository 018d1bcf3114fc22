/** Browsers that set aside less address space for a shared memory than WebAssembly allows, as those of phones do. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { selectBackend } from '../select.ts';

/** Makes memories with a maximum above so many pages impossible for one test. */
function limitPages(t: TestContext, most: number): void {
  const { Memory } = WebAssembly;
  t.after(() => {
    WebAssembly.Memory = Memory;
  });
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      if ((descriptor.maximum ?? 0) > most) throw new RangeError('Out of memory');
      super(descriptor);
    }
  };
}

test('a shared memory is as large as the runtime allows, and its heap says where it ends', async (t) => {
  limitPages(t, 10_000);
  const { backend } = await selectBackend('wasm-simd', true);
  assert.equal(backend.isShared, true);
  assert.equal(backend.heap.u8(backend.heap.allocate(1 << 20), 1 << 20).length, 1 << 20);
  assert.throws(() => backend.heap.allocate(600 * 2 ** 20), {
    code: 'memory/limit',
    message:
      /can address 512 MiB.*WebAssembly memory ends at 4 GiB, and here at 512 MiB: choose a smaller model/,
  });
});

test('a memory of one thread has no need of a maximum', async (t) => {
  limitPages(t, 0);
  const { backend } = await selectBackend('wasm-simd', false);
  assert.equal(backend.isShared, false);
  assert.throws(() => backend.heap.allocate(2 ** 33), {
    code: 'memory/limit',
    message: /ends at 4 GiB: choose/,
  });
});

test('where there is no room at all, one sentence says so', async (t) => {
  limitPages(t, 0);
  await assert.rejects(selectBackend('wasm-simd', true), {
    code: 'memory/exhausted',
    message: /^the runtime has no room for another WebAssembly memory/,
  });
});
