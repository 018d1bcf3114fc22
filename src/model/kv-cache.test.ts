import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createReferenceBackend } from '../kernels/backend.ts';
import { Heap } from '../kernels/heap.ts';
import { KvFormat } from '../kernels/kernels.ts';
import type { ModelConfig } from './config.ts';
import { type KvCache, KvPool, kvCacheBytes } from './kv-cache.ts';

const CONFIG = { blockCount: 3, headCountKv: 2, headLength: 20 } as ModelConfig;
const BLOCK = 3 * 2 * 2 * 64 * 32 * 2;

function poolOn(heap: Heap): KvPool {
  return new KvPool(heap, CONFIG, KvFormat.F16, 300);
}

/** A heap that ends after so many blocks and a little. */
function heapOf(blocks: number): Heap {
  const buffer = new ArrayBuffer(blocks * BLOCK + 4096);
  const limit = { limitBytes: buffer.byteLength, limitAdvice: 'less' };
  return new Heap({ base: 0, window: () => ({ buffer, start: 0 }), grow: () => {}, ...limit });
}

describe('a pool of KV blocks', () => {
  test('sizes are those of whole blocks', () => {
    assert.equal(kvCacheBytes(CONFIG, 64, KvFormat.F16), BLOCK);
    assert.equal(kvCacheBytes(CONFIG, 65, KvFormat.F32), 4 * BLOCK);
    assert.equal(kvCacheBytes(CONFIG, 1, KvFormat.Q8), BLOCK / 2 + 3 * 2 * 2 * 4 * 64);
    assert.equal(kvCacheBytes(CONFIG, 0, KvFormat.F16), 0);
  });

  test('a cache grows and shrinks by blocks, and its table names them', () => {
    const { heap } = createReferenceBackend(false);
    const before = heap.usedBytes;
    const pool = poolOn(heap);
    const cache = pool.allocate();
    const table = () => [...heap.f64(cache.plan.blocks, 5)];
    for (const [position, count, blocks] of [
      [0, 1, 1],
      [1, 63, 1],
      [64, 1, 2],
      [65, 235, 5],
      [100, 1, 2],
      [64, 0, 1],
    ] as const) {
      pool.reserve([{ cache, position, count }]);
      assert.equal(cache.blocks.length, blocks, `${position} + ${count}`);
      assert.deepEqual(table().slice(0, blocks), cache.blocks);
      assert.ok(cache.blocks.every((address) => address > 0 && address % 64 === 0));
    }
    pool.free(cache);
    assert.equal(heap.usedBytes, before);
  });

  test('a copy holds the same in blocks of its own', () => {
    const { heap } = createReferenceBackend(false);
    const before = heap.usedBytes;
    const pool = poolOn(heap);
    const cache = pool.allocate();
    pool.reserve([{ cache, position: 0, count: 200 }]);
    for (const [i, block] of cache.blocks.entries()) heap.u8(block, BLOCK).fill(i + 1);
    const copy = pool.copy(cache, 100);
    assert.equal(copy.blocks.length, 2);
    assert.ok(copy.blocks.every((block) => !cache.blocks.includes(block)));
    assert.deepEqual(
      copy.blocks.map((block) => new Set(heap.u8(block, BLOCK))),
      [new Set([1]), new Set([2])],
    );
    pool.free(cache);
    pool.free(copy);
    assert.equal(heap.usedBytes, before);
  });

  test('a copy that does not fit leaves nothing behind', () => {
    const heap = heapOf(4);
    const pool = poolOn(heap);
    const cache = pool.allocate();
    pool.reserve([{ cache, position: 0, count: 150 }]);
    const before = heap.usedBytes;
    assert.throws(() => pool.copy(cache, 150), { code: 'memory/limit' });
    assert.equal(heap.usedBytes, before);
    pool.free(pool.copy(cache, 64));
    assert.equal(heap.usedBytes, before);
  });

  test('a shared block is copied when one of its holders writes to it, and not before', () => {
    const { heap } = createReferenceBackend(false);
    const before = heap.usedBytes;
    const pool = poolOn(heap);
    const cache = pool.allocate();
    pool.reserve([{ cache, position: 0, count: 100 }]);
    const [first, second] = cache.blocks as [number, number];
    heap.u8(second, BLOCK).fill(7);
    const fork = pool.fork(cache, 70);
    assert.deepEqual(fork.blocks, [first, second]);
    // Nothing is written to a block that ends where the fork goes on.
    const atEdge = pool.fork(cache, 64);
    pool.reserve([{ cache: atEdge, position: 64, count: 1 }]);
    assert.equal(atEdge.blocks[0], first);
    assert.ok(!cache.blocks.includes(atEdge.blocks[1]!));

    pool.reserve([{ cache: fork, position: 70, count: 1 }]);
    assert.equal(fork.blocks[0], first);
    const copy = fork.blocks[1]!;
    assert.notEqual(copy, second);
    assert.deepEqual([...heap.f64(fork.plan.blocks, 2)], [first, copy]);
    assert.ok(heap.u8(copy, BLOCK).every((byte) => byte === 7));
    // The other one is its own again.
    pool.reserve([{ cache, position: 70, count: 1 }]);
    assert.deepEqual(cache.blocks, [first, second]);

    pool.free(cache);
    assert.equal(heap.u8(copy, 1)[0], 7);
    pool.free(fork);
    pool.free(atEdge);
    assert.equal(heap.usedBytes, before);
  });

  test('when memory runs out, all caches hold what they held and nothing more', () => {
    const heap = heapOf(4);
    const pool = poolOn(heap);
    const [a, b] = [pool.allocate(), pool.allocate()];
    pool.reserve([{ cache: a, position: 0, count: 64 }]);
    pool.reserve([{ cache: b, position: 0, count: 10 }]);
    const used = heap.usedBytes;
    const held = [a, b].map(({ blocks }) => [...blocks]);
    const demands = (counts: readonly [number, number]) => [
      { cache: a, position: 64, count: counts[0] },
      { cache: b, position: 10, count: counts[1] },
    ];
    assert.throws(() => pool.reserve(demands([100, 64])), { code: 'memory/limit' });
    assert.equal(heap.usedBytes, used);
    assert.deepEqual(
      [a, b].map(({ blocks }) => blocks),
      held,
    );
    pool.reserve(demands([64, 64]));
    assert.equal(heap.usedBytes, used + 2 * BLOCK);
    assert.throws(() => pool.reserve([{ cache: a, position: 128, count: 1 }]), { code: 'memory/limit' });
    pool.free(b);
    pool.reserve([{ cache: a, position: 128, count: 1 }]);
    assert.equal(a.blocks.length, 3);
  });

  test('a failing fork leaves its parent as it is', () => {
    const buffer = new ArrayBuffer(BLOCK + 128);
    const limit = { limitBytes: buffer.byteLength, limitAdvice: 'less' };
    const heap = new Heap({ base: 0, window: () => ({ buffer, start: 0 }), grow: () => {}, ...limit });
    const pool = poolOn(heap);
    const cache: KvCache = pool.allocate();
    pool.reserve([{ cache, position: 0, count: 5 }]);
    assert.throws(() => pool.fork(cache, 5), { code: 'memory/limit' });
    pool.free(cache);
    assert.equal(heap.usedBytes, 0);
  });
});
