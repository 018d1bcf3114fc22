import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BitnetError } from '../base/errors.ts';
import { Heap, type HeapMemory, withinContainer } from './heap.ts';

/** Memory that may grow to `limitBytes`, and is another buffer after each growth as WebAssembly's is. */
function memoryOf(limitBytes: number, canGrow = true): HeapMemory {
  let buffer = new ArrayBuffer(256);
  return {
    base: 0,
    window: () => ({ buffer, start: 0 }),
    grow(bytes) {
      if (bytes <= buffer.byteLength) return;
      if (!canGrow) throw new RangeError('no');
      const larger = new ArrayBuffer(bytes);
      new Uint8Array(larger).set(new Uint8Array(buffer));
      buffer = larger;
    },
    limitBytes,
    limitAdvice: 'do with less',
  };
}

const MIB = 2 ** 20;

test('a container that allows less than the backend is what a heap ends at, and less what the runtime takes', () => {
  const limit = { limitBytes: 1024 * MIB, limitAdvice: 'do with less' };
  assert.deepEqual(withinContainer(limit, Infinity), limit);
  assert.deepEqual(withinContainer(limit, 2048 * MIB), limit);
  const inside = withinContainer(limit, 512 * MIB);
  assert.equal(inside.limitBytes, 412 * MIB);
  assert.match(inside.limitAdvice, /^the container allows 512 MiB of memory/);
  assert.equal(withinContainer(limit, 10 * MIB).limitBytes, 0);
});

describe('a heap', () => {
  test('hands out zeroed blocks at multiples of 64, never address 0', () => {
    const heap = new Heap(memoryOf(MIB));
    for (const bytes of [0, 1, 63, 64, 65, 1000]) {
      const address = heap.allocate(bytes);
      assert.ok(address > 0 && address % 64 === 0);
      assert.ok(heap.u8(address, bytes).every((byte) => byte === 0));
      heap.u8(address, bytes).fill(255);
    }
  });

  test('keeps its first bytes to itself when asked to', () => {
    assert.equal(new Heap(memoryOf(MIB), 1000).allocate(1), 1024);
  });

  test('zeroes a block that was used before', () => {
    const heap = new Heap(memoryOf(MIB));
    const address = heap.allocate(100);
    heap.u8(address, 100).fill(7);
    heap.free(address);
    assert.equal(heap.allocate(128), address);
    assert.ok(heap.u8(address, 128).every((byte) => byte === 0));
  });

  test('joins neighbours that are given back, in any order', () => {
    const heap = new Heap(memoryOf(MIB));
    const blocks = Array.from({ length: 4 }, () => heap.allocate(64));
    heap.allocate(64);
    for (const index of [2, 0, 3, 1]) heap.free(blocks[index]!);
    assert.equal(heap.allocate(4 * 64), blocks[0]);
  });

  test('counts what is handed out', () => {
    const heap = new Heap(memoryOf(MIB));
    const before = heap.availableBytes;
    const address = heap.allocate(100);
    assert.equal(heap.usedBytes, 128);
    assert.equal(heap.availableBytes, before - 128);
    heap.free(address);
    assert.equal(heap.usedBytes, 0);
  });

  test('refuses what the backend cannot address, with the numbers and what to do', () => {
    const heap = new Heap(memoryOf(4 * MIB));
    heap.allocate(3 * MIB);
    assert.throws(
      () => heap.allocate(2 * MIB),
      (error) => {
        assert.ok(error instanceof BitnetError);
        assert.equal(error.code, 'memory/limit');
        assert.match(error.message, /^5 MiB are needed and this backend can address 4 MiB; do with less$/);
        return true;
      },
    );
    assert.equal(heap.usedBytes, 3 * MIB);
    assert.ok(heap.allocate(MIB / 2) > 0, 'what fits is still handed out');
  });

  test('says when the machine has no more', () => {
    const heap = new Heap(memoryOf(MIB, false));
    assert.throws(
      () => heap.allocate(1000),
      (error) => error instanceof BitnetError && error.code === 'memory/exhausted',
    );
    assert.equal(heap.usedBytes, 0);
  });

  test('a block that is not handed out cannot be given back', () => {
    const heap = new Heap(memoryOf(MIB));
    const address = heap.allocate(64);
    heap.free(address);
    assert.throws(() => heap.free(address), /internal error: no block at address/);
  });

  test('views see the same bytes, also after growth', () => {
    const heap = new Heap(memoryOf(MIB));
    const address = heap.allocate(16);
    heap.f32(address, 1)[0] = 1;
    heap.allocate(MIB / 2);
    assert.equal(heap.i32(address, 1)[0], 0x3f800000);
    assert.deepEqual([...heap.u8(address, 4)], [0, 0, 0x80, 0x3f]);
    assert.equal(heap.f64(address, 2)[1], 0);
  });

  test('never hands out a byte twice, whatever the order of calls', () => {
    const calls = fc.array(fc.record({ size: fc.nat(500), free: fc.option(fc.nat(20)) }), { maxLength: 60 });
    fc.assert(
      fc.property(calls, (list) => {
        const heap = new Heap(memoryOf(MIB));
        const live: { address: number; size: number; mark: number }[] = [];
        for (const [i, { size, free }] of list.entries()) {
          const gone = free === null ? undefined : live.splice(free % Math.max(live.length, 1), 1)[0];
          if (gone !== undefined) heap.free(gone.address);
          const address = heap.allocate(size);
          assert.ok(heap.u8(address, size).every((byte) => byte === 0));
          heap.u8(address, size).fill(i + 1);
          live.push({ address, size, mark: i + 1 });
          for (const block of live) {
            assert.ok(heap.u8(block.address, block.size).every((byte) => byte === block.mark));
          }
        }
      }),
      { numRuns: 100 },
    );
  });
});
