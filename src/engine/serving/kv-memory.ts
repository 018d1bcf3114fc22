/**
 * The memory for keys and values that a scheduler may use, in blocks: what running sequences hold, what they are going to
 * need, and the prefix cache, which has what is left and yields to them. It decides who fits; whom to stop when nothing
 * does any more is decided by the scheduler.
 */
import { BitnetError } from '../../base/errors.ts';
import { kvBlockCount } from '../../kernels/kernels.ts';
import { type KvCache, kvCacheBytes } from '../../model/kv-cache.ts';
import type { Engine } from '../engine.ts';
import { BLOCK, type Prefix, PrefixCache } from './prefix-cache.ts';
import { checkWhole, type SequenceTask } from './sequence-task.ts';
import type { Chunk } from './step-plan.ts';

/** Most bytes by default, unless one full context takes more. */
const DEFAULT_BYTES = 2 ** 30;
/** Positions that a sequence is given room to grow by when it is admitted. */
const GROWTH = BLOCK;

/** See the file's header. */
export class KvMemory {
  readonly prefixes: PrefixCache;
  /** Blocks that there may be. */
  readonly total: number;
  /** Blocks of work that keeps its own caches. */
  #reserved = 0;
  readonly #engine: Engine;
  readonly #blockBytes: number;

  /**
   * @param bytes default: 1 GiB, or a quarter of what the backend can still address if that is less, but room for one full
   *   context in any case
   * @throws BitnetError `option/kvCacheBytes`
   */
  constructor(engine: Engine, bytes: number | undefined) {
    checkWhole('kvCacheBytes', bytes, 1, Number.MAX_SAFE_INTEGER);
    this.#engine = engine;
    this.#blockBytes = kvCacheBytes(engine.config, BLOCK, engine.kvFormat);
    this.prefixes = new PrefixCache(engine);
    const context = blocksFor(engine.contextLength);
    const free = engine.loaded.heap.availableBytes / 4;
    this.total =
      bytes === undefined
        ? Math.max(context, Math.floor(Math.min(DEFAULT_BYTES, free) / this.#blockBytes))
        : Math.floor(bytes / this.#blockBytes);
    if (this.total < 1) {
      throw new BitnetError(
        'option/kvCacheBytes',
        `kvCacheBytes is ${bytes}, and one block of ${BLOCK} tokens takes ${this.#blockBytes} bytes; give at least that`,
      );
    }
  }

  /** What those take. */
  get totalBytes(): number {
    return this.total * this.#blockBytes;
  }

  /** Shares of the budget, 0 to 1: of everything, and of what running sequences hold. */
  usage(running: Iterable<SequenceTask>): { readonly all: number; readonly inUse: number } {
    const held = holdersOf(running);
    const share = (blocks: number) => (blocks + this.#reserved) / this.total;
    return { all: share(this.#allBlocks(held)), inUse: share(held.size) };
  }

  /** @throws BitnetError `memory/kv-cache` when so many tokens have no room even alone */
  checkFits(tokens: number): void {
    if (blocksFor(tokens) > this.total) throw this.tooSmall(tokens);
  }

  /** The error for a sequence that there is not enough memory for. */
  tooSmall(tokens: number): BitnetError {
    const mebibytes = (blocks: number) => ((blocks * this.#blockBytes) / 2 ** 20).toFixed(1);
    const needed = blocksFor(tokens);
    return new BitnetError(
      'memory/kv-cache',
      `the KV cache of ${tokens} tokens takes ${mebibytes(needed)} MiB, and all sequences together may use ` +
        `${mebibytes(this.total)} MiB; raise kvCacheBytes, or send a shorter prompt or ask for fewer tokens`,
      { details: { neededBytes: needed * this.#blockBytes, budgetBytes: this.totalBytes } },
    );
  }

  /** Whether another sequence has room beside those that run, and all of them to grow a little. */
  fits(task: SequenceTask, prefix: Prefix | undefined, running: Iterable<SequenceTask>): boolean {
    const held = holdersOf(running);
    let wanted = held.size + this.#reserved;
    for (const other of running) {
      wanted += Math.max(0, blocksFor(other.foreseen(GROWTH)) - (other.cache?.blocks.length ?? 0));
    }
    const full = prefix?.cache.blocks.slice(0, Math.floor(prefix.positions / BLOCK)) ?? [];
    const shared = full.filter((address) => held.has(address)).length;
    return wanted + blocksFor(task.foreseen(GROWTH)) - shared <= this.total;
  }

  /** Whether work that keeps its own cache of so many positions has room. */
  hasRoomFor(positions: number, running: Iterable<SequenceTask>): boolean {
    return holdersOf(running).size + this.#reserved + blocksFor(positions) <= this.total;
  }

  /** Keeps room for work with a cache of its own. @returns what gives it back */
  reserve(positions: number, running: Iterable<SequenceTask>): () => void {
    const blocks = blocksFor(positions);
    this.#reserved += blocks;
    this.makeRoom([], running);
    return () => {
      this.#reserved -= blocks;
    };
  }

  /**
   * Gives a sequence its cache, with what `prefix` holds.
   *
   * @throws BitnetError `model/disposed`, `memory/…`
   */
  open(task: SequenceTask, prefix: Prefix | undefined): void {
    const { positions } = prefix ?? { positions: 0 };
    task.cache = prefix ? this.#engine.forkCache(prefix.cache, positions) : this.#engine.allocateCache();
    task.computed = positions;
    this.prefixes.use(task.tokens, positions);
  }

  /** Makes sure that a step has room, at the cost of the prefix cache; false when that is not enough. */
  makeRoom(chunks: readonly Chunk<SequenceTask>[], running: Iterable<SequenceTask>): boolean {
    const held = holdersOf(running);
    const excess = this.#excess(chunks, held);
    if (excess <= 0 || this.prefixes.evict(excess, held) >= excess) return true;
    // Blocks that sequences hold as well free nothing when they go, but need not be copied to be written to.
    this.prefixes.clear();
    return this.#excess(chunks, held) <= 0;
  }

  /** Lets half of the prefix cache go, where the machine has less memory than it may use; false when there is none. */
  shrink(running: Iterable<SequenceTask>): boolean {
    const held = holdersOf(running);
    const kept = this.#allBlocks(held) - held.size;
    return this.prefixes.evict(Math.ceil(kept / 2), held) > 0;
  }

  /** Takes a sequence's cache back; what it computed is kept for others unless it has to go. */
  close(task: SequenceTask, isKept: boolean): void {
    const { cache } = task;
    if (cache === undefined) return;
    task.cache = undefined;
    if (isKept) this.prefixes.add(cache, task.tokens.slice(0, task.computed));
    else this.#engine.freeCache(cache);
    task.computed = 0;
  }

  /** Blocks beyond the budget that there would be in a step. */
  #excess(chunks: readonly Chunk<SequenceTask>[], held: ReadonlyMap<number, number>): number {
    let wanted = this.#allBlocks(held) + this.#reserved;
    for (const { task, count } of chunks) wanted += this.#newBlocks(task, count, held);
    return wanted - this.total;
  }

  #allBlocks(held: ReadonlyMap<number, number>): number {
    let blocks = this.prefixes.size;
    for (const address of held.keys()) if (!this.prefixes.has(address)) blocks++;
    return blocks;
  }

  #newBlocks({ cache, computed }: SequenceTask, count: number, held: ReadonlyMap<number, number>): number {
    const { blocks } = cache as KvCache;
    const last = blocks[kvBlockCount(0, computed) - 1];
    const isShared = last !== undefined && (held.get(last)! > 1 || this.prefixes.has(last));
    const copies = computed % BLOCK !== 0 && isShared ? 1 : 0;
    return Math.max(0, blocksFor(computed + count) - blocks.length) + copies;
  }
}

/** Blocks of a cache of so many positions. */
export function blocksFor(positions: number): number {
  return kvBlockCount(0, positions);
}

/** How many of the sequences hold each block, by its address. */
function holdersOf(running: Iterable<SequenceTask>): Map<number, number> {
  const holders = new Map<number, number>();
  for (const { cache } of running) {
    for (const address of cache?.blocks ?? []) holders.set(address, (holders.get(address) ?? 0) + 1);
  }
  return holders;
}
