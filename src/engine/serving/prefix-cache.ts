/**
 * What ended sequences computed, for those to come: a tree of blocks of tokens. A node stands for one full block behind
 * those of its ancestors, and its keys and values lie in a cache that holds the path down to it. Sequences fork such a
 * cache, so a block is in memory once for all that begin with it. Least recently used blocks go first, leaves before
 * what they hang on. It counts blocks; how many there may be is the scheduler's business.
 */
import { ATTENTION_BLOCK } from '../../kernels/kernels.ts';
import type { KvCache } from '../../model/kv-cache.ts';
import type { Engine } from '../engine.ts';

/** Positions of a block. */
export const BLOCK: number = ATTENTION_BLOCK;

/** A cache that holds the first positions of some tokens. */
export interface Prefix {
  readonly cache: KvCache;
  readonly positions: number;
}

/** A cache that nobody writes to any more, and the nodes whose blocks are looked for in it. */
interface Holding {
  readonly cache: KvCache;
  nodes: number;
}

interface Node {
  readonly parent: Node | undefined;
  readonly key: string;
  /** Number of blocks before this one. */
  readonly depth: number;
  readonly holding: Holding;
  readonly children: Map<string, Node>;
}

/** See the file's header. */
export class PrefixCache {
  readonly #engine: Engine;
  readonly #roots = new Map<string, Node>();
  /**
   * All nodes, least recently used first. A path is marked as used from its end to its beginning, so that every node comes
   * before its parent.
   */
  readonly #byUse = new Set<Node>();
  /** How many holdings have a block, by its address. */
  readonly #holders = new Map<number, number>();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Whether a block is held here. */
  has(address: number): boolean {
    return this.#holders.has(address);
  }

  /** Number of blocks held here. */
  get size(): number {
    return this.#holders.size;
  }

  /** The longest of the first `most` tokens that are held in full blocks. */
  find(tokens: readonly number[], most: number): Prefix | undefined {
    const last = this.#path(tokens, most).at(-1);
    return last && { cache: last.holding.cache, positions: (last.depth + 1) * BLOCK };
  }

  /** Marks what it holds of the first `most` tokens as used. */
  use(tokens: readonly number[], most: number): void {
    this.#markUsed(this.#path(tokens, most));
  }

  /** Takes over a cache that holds all of `tokens`. Only full blocks that are new here are kept. */
  add(cache: KvCache, tokens: readonly number[]): void {
    const known = this.#path(tokens, tokens.length);
    const blocks = Math.floor(tokens.length / BLOCK);
    if (known.length === blocks) {
      this.#engine.freeCache(cache);
      this.#markUsed(known);
      return;
    }
    this.#engine.truncateCache(cache, blocks * BLOCK);
    for (const address of cache.blocks) this.#holders.set(address, (this.#holders.get(address) ?? 0) + 1);
    const holding = { cache, nodes: 0 };
    while (known.length < blocks) {
      const parent = known.at(-1);
      const key = keyOf(tokens, known.length);
      const node: Node = { parent, key, depth: known.length, holding, children: new Map() };
      (parent?.children ?? this.#roots).set(key, node);
      holding.nodes++;
      known.push(node);
    }
    this.#markUsed(known);
  }

  /**
   * Forgets least recently used blocks.
   *
   * @param count of blocks whose memory is to be free then
   * @param inUse addresses of blocks that sequences hold as well, so that forgetting them would free nothing
   * @returns how many blocks' memory is free now
   */
  evict(count: number, inUse: { has(address: number): boolean }): number {
    let freed = 0;
    for (const node of this.#byUse) {
      if (freed >= count) break;
      if (node.children.size > 0 || inUse.has(node.holding.cache.blocks[node.depth]!)) continue;
      freed += this.#remove(node, inUse);
    }
    return freed;
  }

  /** Forgets everything. */
  clear(): void {
    const holdings = new Set([...this.#byUse].map(({ holding }) => holding));
    for (const { cache } of holdings) this.#engine.freeCache(cache);
    this.#roots.clear();
    this.#byUse.clear();
    this.#holders.clear();
  }

  #path(tokens: readonly number[], most: number): Node[] {
    const path: Node[] = [];
    let nodes: ReadonlyMap<string, Node> = this.#roots;
    while (nodes.size > 0 && (path.length + 1) * BLOCK <= most) {
      const node = nodes.get(keyOf(tokens, path.length));
      if (node === undefined) break;
      path.push(node);
      nodes = node.children;
    }
    return path;
  }

  #markUsed(path: readonly Node[]): void {
    for (const node of path.toReversed()) {
      this.#byUse.delete(node);
      this.#byUse.add(node);
    }
  }

  /** @returns the number of blocks that are free now */
  #remove(node: Node, inUse: { has(address: number): boolean }): number {
    const { parent, key, depth, holding } = node;
    (parent?.children ?? this.#roots).delete(key);
    this.#byUse.delete(node);
    const { cache } = holding;
    // The last node of a holding takes the blocks before it along: they are other holdings' nodes.
    const from = --holding.nodes === 0 ? 0 : depth;
    let freed = 0;
    for (const address of cache.blocks.slice(from)) {
      const left = this.#holders.get(address)! - 1;
      if (left > 0) this.#holders.set(address, left);
      else {
        this.#holders.delete(address);
        if (!inUse.has(address)) freed++;
      }
    }
    if (from === 0) this.#engine.freeCache(cache);
    else this.#engine.truncateCache(cache, from * BLOCK);
    return freed;
  }
}

/** The tokens of a block, which tell it from all others behind the same ones. */
function keyOf(tokens: readonly number[], block: number): string {
  return tokens.slice(block * BLOCK, (block + 1) * BLOCK).join();
}
