/**
 * The KV caches of an engine's sessions. A cache grows block by block as positions are written. A block holds the keys
 * and values of 64 positions in all layers, [layer][keys | values][kvHead][kvHeadBytes]; caches that begin alike share
 * blocks, and a shared block is copied before one of them writes to it. Kernels find the blocks by a table of addresses
 * on the heap. What it does not know is which tokens a cache holds: that is the session's business.
 */
import { assert } from '../base/assert.ts';
import type { Heap } from '../kernels/heap.ts';
import { ATTENTION_BLOCK, type KvFormat, kvBlockCount, kvHeadBytes } from '../kernels/kernels.ts';
import type { ModelConfig } from './config.ts';
import type { KvCachePlan } from './plan.ts';

/** Bytes of the keys (or the values) of one layer in a block. */
export function kvLayerBytes(config: ModelConfig, format: KvFormat): number {
  return config.headCountKv * kvHeadBytes(format, config.headLength);
}

/** Bytes of the blocks of a cache that holds `positions`. */
export function kvCacheBytes(config: ModelConfig, positions: number, format: KvFormat): number {
  return kvBlockCount(0, positions) * 2 * config.blockCount * kvLayerBytes(config, format);
}

/** The cache of one sequence. Made and changed by a {@link KvPool} alone. */
export interface KvCache {
  readonly plan: KvCachePlan;
  /** The addresses in the table. */
  readonly blocks: number[];
}

/** What a cache is to hold before a pass: positions up to `position` as they are, and room for `count` more. */
export interface KvDemand {
  readonly cache: KvCache;
  readonly position: number;
  readonly count: number;
}

/** The blocks of all caches of an engine. */
export class KvPool {
  readonly #heap: Heap;
  readonly #format: KvFormat;
  readonly #blockBytes: number;
  readonly #tableLength: number;
  /** How many caches hold a block. */
  readonly #holders = new Map<number, number>();

  /** @param contextLength positions that a cache can grow to */
  constructor(heap: Heap, config: ModelConfig, format: KvFormat, contextLength: number) {
    this.#heap = heap;
    this.#format = format;
    this.#blockBytes = kvCacheBytes(config, ATTENTION_BLOCK, format);
    this.#tableLength = kvBlockCount(0, contextLength);
  }

  /**
   * An empty cache.
   *
   * @throws BitnetError `memory/…`
   */
  allocate(): KvCache {
    const table = this.#heap.allocate(8 * this.#tableLength);
    return { plan: { blocks: table, format: this.#format }, blocks: [] };
  }

  /**
   * A cache that holds the first `positions` of another, in the same blocks.
   *
   * @throws BitnetError `memory/…`
   */
  fork(cache: KvCache, positions: number): KvCache {
    const fork = this.allocate();
    for (const block of cache.blocks.slice(0, kvBlockCount(0, positions))) {
      this.#holders.set(block, this.#holders.get(block)! + 1);
      this.#append(fork, block);
    }
    return fork;
  }

  /**
   * A cache that holds the first `positions` of another in memory of its own, as if it had computed them.
   *
   * @throws BitnetError `memory/…`
   */
  copy(cache: KvCache, positions: number): KvCache {
    const copy = this.allocate();
    try {
      for (const block of cache.blocks.slice(0, kvBlockCount(0, positions))) {
        this.#append(copy, this.#copyOf(block));
      }
    } catch (error) {
      this.free(copy);
      throw error;
    }
    return copy;
  }

  /**
   * Makes room in all caches; blocks behind their positions are given back, those that will be written to are theirs
   * alone. When memory runs out, every cache still holds its positions, and nothing more.
   *
   * @throws BitnetError `memory/…`
   */
  reserve(demands: readonly KvDemand[]): void {
    try {
      for (const { cache, position, count } of demands) this.#reserve(cache, position, count);
    } catch (error) {
      for (const { cache, position } of demands) this.truncate(cache, position);
      throw error;
    }
  }

  /** Gives back the blocks in which none of the first `positions` lies. */
  truncate({ blocks }: KvCache, positions: number): void {
    for (const block of blocks.splice(kvBlockCount(0, positions))) this.#release(block);
  }

  /** Takes a cache back. */
  free(cache: KvCache): void {
    this.truncate(cache, 0);
    this.#heap.free(cache.plan.blocks);
  }

  #reserve(cache: KvCache, position: number, count: number): void {
    assert(position <= cache.blocks.length * ATTENTION_BLOCK, `position ${position} of a shorter cache`);
    this.truncate(cache, position);
    const last = cache.blocks.at(-1);
    if (last !== undefined && position % ATTENTION_BLOCK !== 0 && this.#holders.get(last)! > 1) {
      const copy = this.#copyOf(last);
      this.#release(cache.blocks.pop()!);
      this.#append(cache, copy);
    }
    const wanted = kvBlockCount(position, count);
    assert(wanted <= this.#tableLength, `${position + count} positions are more than the context`);
    while (cache.blocks.length < wanted) this.#append(cache, this.#newBlock());
  }

  #append({ plan, blocks }: KvCache, block: number): void {
    this.#heap.f64(plan.blocks, this.#tableLength)[blocks.length] = block;
    blocks.push(block);
  }

  #copyOf(block: number): number {
    const copy = this.#newBlock();
    this.#heap.u8(copy, this.#blockBytes).set(this.#heap.u8(block, this.#blockBytes));
    return copy;
  }

  #newBlock(): number {
    const block = this.#heap.allocate(this.#blockBytes);
    this.#holders.set(block, 1);
    return block;
  }

  #release(block: number): void {
    const holders = this.#holders.get(block)! - 1;
    if (holders > 0) {
      this.#holders.set(block, holders);
      return;
    }
    this.#holders.delete(block);
    this.#heap.free(block);
  }
}
