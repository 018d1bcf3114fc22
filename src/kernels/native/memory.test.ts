/** The memory of native heaps, where there is a compiled module for this system. */
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Heap } from '../heap.ts';
import type { NativeExports } from './exports.ts';
import { loadNative } from './load.ts';
import { NativeMemory } from './memory.ts';

const MIB = 2 ** 20;
const native = loadNative();

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Collects until no more than `count` regions are left; false when they stay. */
async function fallsTo(native: NativeExports, count: number): Promise<boolean> {
  for (let i = 0; i < 50 && native.regionCount() > count; i++) {
    collectGarbage();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return native.regionCount() <= count;
}

/** Regions that are held when those of earlier tests are gone. */
async function countWithoutGarbage(native: NativeExports): Promise<number> {
  await fallsTo(native, 0);
  return native.regionCount();
}

function heapOf(native: NativeExports, bytes: number): { memory: NativeMemory; heap: Heap } {
  const memory = new NativeMemory(native, native.reserve(bytes));
  return { memory, heap: new Heap(memory) };
}

function inTemporaryFolder(use: (folder: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bitnet-native-'));
    try {
      await use(folder);
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}

if (typeof native !== 'object') {
  test('where there is no compiled module, a sentence says why', () => {
    assert.match(native ?? '', /./);
  });
} else {
  describe('a native heap', () => {
    test('hands out zeroed blocks at real addresses, multiples of 64', () => {
      const { memory, heap } = heapOf(native, 64 * MIB);
      for (const bytes of [0, 1, 64, 5 * MIB]) {
        const address = heap.allocate(bytes);
        assert.ok(address > memory.base && address % 64 === 0);
        assert.equal(heap.u8(address, bytes).length, bytes);
        assert.ok(heap.u8(address, bytes).every((byte) => byte === 0));
      }
      assert.equal(heap.f64(heap.allocate(8), 0).length, 0);
    });

    test('zeroes blocks that were used before, small ones and those whose pages go back to the system', () => {
      const { heap } = heapOf(native, 64 * MIB);
      for (const bytes of [100, 3 * MIB + 100]) {
        heap.allocate(64);
        const address = heap.allocate(bytes);
        const behind = heap.allocate(64);
        heap.u8(address, bytes).fill(7);
        heap.u8(behind, 64).fill(9);
        heap.free(address);
        assert.equal(heap.allocate(bytes), address);
        assert.ok(heap.u8(address, bytes).every((byte) => byte === 0));
        assert.ok(heap.u8(behind, 64).every((byte) => byte === 9));
      }
    });

    test('views agree across windows of 64 MiB', () => {
      const { memory, heap } = heapOf(native, 256 * MIB);
      const address = heap.allocate(200 * MIB);
      const border = memory.base + 64 * MIB;
      heap.u8(address, 200 * MIB)[border - address] = 5;
      assert.equal(heap.u8(border, 1)[0], 5);
      heap.i32(border - 4, 2).set([1, 2]);
      assert.deepEqual([heap.i32(border - 4, 1)[0], heap.i32(border, 1)[0]], [1, 2]);
    });

    test('ends where it was told to', () => {
      const { memory, heap } = heapOf(native, 64 * MIB);
      assert.equal(memory.limitBytes, 64 * MIB);
      assert.throws(() => heap.allocate(65 * MIB), { code: 'memory/limit' });
      assert.ok(heap.allocate(63 * MIB) > 0);
      assert.throws(() => native.view(memory.handle, memory.base + 64 * MIB, 1), /outside of the memory/);
      assert.throws(() => native.view(memory.handle, memory.base - 1, 1), /outside of the memory/);
      assert.equal(native.grow(memory.handle, 65 * MIB), false);
    });

    test('more address space than there is comes back as less', () => {
      const { memory } = heapOf(native, 2 ** 50);
      assert.ok(memory.limitBytes < 2 ** 50 && memory.limitBytes >= 64 * MIB);
    });
  });

  describe('a native heap that was released', () => {
    test('keeps its addresses while a view is left, and gives them back after', async () => {
      const before = await countWithoutGarbage(native);
      let view: Uint8Array | undefined;
      {
        const { memory, heap } = heapOf(native, 64 * MIB);
        view = heap.u8(heap.allocate(4 * MIB), 4 * MIB);
        view.fill(3);
        memory.release();
        assert.throws(() => memory.window(memory.base, 64), /was released/);
      }
      assert.equal(await fallsTo(native, before), false);
      assert.equal(view[0], 0, 'its pages went back to the system');
      view.fill(4);
      assert.equal(view[4 * MIB - 1], 4);
      view = undefined;
      assert.equal(await fallsTo(native, before), true);
    });

    test('is not found by another thread, nor released twice', () => {
      const { memory } = heapOf(native, 64 * MIB);
      const { region } = memory;
      native.release(native.attach(region));
      memory.release();
      assert.throws(() => native.attach(region), /was released/);
      assert.throws(() => memory.release(), /was released/);
    });

    test(
      'takes a read that comes late',
      inTemporaryFolder(async (folder) => {
        const file = join(folder, 'bytes');
        writeFileSync(file, Buffer.alloc(8 * MIB, 1));
        const handle = await open(file, 'r');
        const { memory, heap } = heapOf(native, 64 * MIB);
        const read = handle.read(heap.u8(heap.allocate(8 * MIB), 8 * MIB), 0, 8 * MIB, 0);
        memory.release();
        assert.equal((await read).bytesRead, 8 * MIB);
        await handle.close();
      }),
    );

    test('goes by itself when nobody holds it any more', async () => {
      const before = await countWithoutGarbage(native);
      (() => heapOf(native, 64 * MIB).heap.allocate(100))();
      assert.equal(await fallsTo(native, before), true);
    });
  });

  describe('a mapped file', () => {
    test(
      'has the bytes of the file from any offset, and outlives its handle as a view',
      inTemporaryFolder(async (folder) => {
        const file = join(folder, 'größe');
        writeFileSync(
          file,
          Uint8Array.from({ length: 10000 }, (_, i) => i % 251),
        );
        const descriptor = openSync(file, 'r');
        const handle = native.mapFile(descriptor, 4099, 1000);
        closeSync(descriptor);
        const { address, bytes } = native.describe(handle);
        assert.equal(bytes, 1000);
        const view = new Uint8Array(native.view(handle, address, bytes));
        native.release(handle);
        assert.ok(view.every((byte, i) => byte === (4099 + i) % 251));
      }),
    );

    test(
      'is refused where no file is open, or there is no such part of it',
      inTemporaryFolder(async (folder) => {
        const file = join(folder, 'bytes');
        writeFileSync(file, 'ten bytes.');
        assert.throws(() => native.mapFile(-1, 0, 1), /no open file/);
        const descriptor = openSync(file, 'r');
        for (const [offset, length] of [
          [0, 11],
          [10, 1],
          [11, 0],
          [0, 0],
          [5, 2 ** 52],
        ] as const) {
          assert.throws(() => native.mapFile(descriptor, offset, length), /is shorter/);
        }
        closeSync(descriptor);
      }),
    );
  });

  test('a barrier that is broken lets its threads go', () => {
    const { memory, heap } = heapOf(native, 64 * MIB);
    const barrier = heap.allocate(64);
    native.barrier(memory.handle, barrier, 1);
    heap.i32(barrier, 4)[3] = 1;
    assert.throws(() => native.barrier(memory.handle, barrier, 2), /has ended/);
  });
}
