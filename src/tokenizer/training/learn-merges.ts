/**
 * The training of a byte pair encoding (arXiv:1508.07909): over and over, the most frequent pair of neighbouring tokens
 * within the pieces of a text becomes a new token. Counts of pairs are kept up to date piece by piece, and a heap knows
 * the most frequent one, so the work is in proportion to what changes. Of pairs that are equally frequent the one with
 * the smaller left id is taken, then the one with the smaller right id: the same text gives the same merges everywhere.
 */
import { nextTurn } from '#platform';
import { PairHeap, type TokenPair } from './pair-heap.ts';

/** What is to be learnt, and from what. */
export interface MergeTask {
  /** How often each piece occurs. */
  readonly pieces: ReadonlyMap<string, number>;
  /** How a vocabulary writes each of the 256 bytes; tokens 0 to 255. */
  readonly byteCharacters: readonly string[];
  /** Merges at most. */
  readonly limit: number;
  /** Rarer pairs are not merged. */
  readonly minimumCount: number;
  /** Texts that no token may have. */
  readonly reserved: ReadonlySet<string>;
  readonly signal?: AbortSignal | undefined;
  /** @param share of {@link limit}, 0 to 1 */
  readonly onProgress?: ((share: number) => void) | undefined;
}

/** What was learnt; merge i makes token 256 + i. */
export interface LearntMerges {
  /** Texts of all tokens by id, bytes first. */
  readonly tokens: readonly string[];
  /** Ids, by falling rank. */
  readonly merges: readonly (readonly [left: number, right: number])[];
}

/** Merges between two looks at whether the work is to be given up. */
const MERGES_PER_TURN = 128;
const BYTES = 256;

/** Learns merges. @throws the reason of the signal when aborted */
export async function learnMerges(task: MergeTask): Promise<LearntMerges> {
  task.onProgress?.(0);
  const learner = new MergeLearner(task);
  while (learner.merges.length < task.limit) {
    if (!learner.learnNext()) break;
    if (learner.merges.length % MERGES_PER_TURN === 0) {
      await nextTurn();
      task.signal?.throwIfAborted();
      task.onProgress?.(learner.merges.length / task.limit);
    }
  }
  return { tokens: learner.tokens, merges: learner.merges };
}

class MergeLearner {
  readonly tokens: string[];
  readonly merges: [number, number][] = [];
  readonly #minimumCount: number;
  /** Texts that no further token may have. */
  readonly #taken: Set<string>;
  /** Tokens of all pieces, one piece behind the other; as they merge, each keeps its start and gets shorter. */
  readonly #ids: Int32Array;
  readonly #starts: Int32Array;
  readonly #lengths: Int32Array;
  readonly #counts: Float64Array;
  readonly #pairs = new Map<number, TokenPair>();
  readonly #heap = new PairHeap();
  /** Pairs that became more frequent in this merge. */
  #grown: TokenPair[] = [];

  constructor(task: MergeTask) {
    this.tokens = [...task.byteCharacters];
    this.#taken = new Set([...this.tokens, ...task.reserved]);
    this.#minimumCount = task.minimumCount;
    const utf8 = new TextEncoder();
    const texts = [...task.pieces.keys()].map((piece) => utf8.encode(piece));
    this.#counts = Float64Array.from(task.pieces.values());
    this.#starts = new Int32Array(texts.length);
    this.#lengths = Int32Array.from(texts, (bytes) => bytes.length);
    this.#ids = new Int32Array(this.#lengths.reduce((sum, length) => sum + length, 0));
    let start = 0;
    for (const [piece, bytes] of texts.entries()) {
      this.#starts[piece] = start;
      this.#ids.set(bytes, start);
      start += bytes.length;
      for (let i = 1; i < bytes.length; i++) this.#increase(bytes[i - 1]!, bytes[i]!, piece);
    }
    this.#offerGrown();
  }

  /** Makes the next token; false when no pair is left that is frequent enough. */
  learnNext(): boolean {
    for (;;) {
      const pair = this.#heap.pop();
      if (pair === undefined || pair.count < this.#minimumCount) return false;
      const text = this.tokens[pair.left]! + this.tokens[pair.right]!;
      // Every token has one way to be made, so that texts are merged later as they were here.
      if (this.#taken.has(text)) continue;
      this.#taken.add(text);
      this.merges.push([pair.left, pair.right]);
      this.tokens.push(text);
      for (const piece of pair.pieces) this.#mergeIn(piece, pair.left, pair.right);
      this.#pairs.delete(keyOf(pair.left, pair.right));
      this.#offerGrown();
      return true;
    }
  }

  #mergeIn(piece: number, left: number, right: number): void {
    const ids = this.#ids;
    const merged = BYTES + this.merges.length - 1;
    const start = this.#starts[piece]!;
    const end = start + this.#lengths[piece]!;
    let to = start;
    for (let from = start; from < end; ) {
      if (ids[from] !== left || from + 1 >= end || ids[from + 1] !== right) {
        ids[to++] = ids[from++]!;
        continue;
      }
      if (to > start) {
        this.#decrease(ids[to - 1]!, left, piece);
        this.#increase(ids[to - 1]!, merged, piece);
      }
      if (from + 2 < end) {
        this.#decrease(right, ids[from + 2]!, piece);
        this.#increase(merged, ids[from + 2]!, piece);
      }
      ids[to++] = merged;
      from += 2;
    }
    this.#lengths[piece] = to - start;
  }

  #increase(left: number, right: number, piece: number): void {
    const key = keyOf(left, right);
    let pair = this.#pairs.get(key);
    if (pair === undefined) {
      pair = { left, right, count: 0, pieces: [] };
      this.#pairs.set(key, pair);
      // Only pairs with the newest token grow, and all in the merge that makes it.
      this.#grown.push(pair);
    }
    pair.count += this.#counts[piece]!;
    if (pair.pieces.at(-1) !== piece) pair.pieces.push(piece);
  }

  #decrease(left: number, right: number, piece: number): void {
    const pair = this.#pairs.get(keyOf(left, right));
    if (pair !== undefined) pair.count -= this.#counts[piece]!;
  }

  #offerGrown(): void {
    for (const pair of this.#grown) this.#heap.push(pair);
    this.#grown = [];
  }
}

/** Ids are below 2^21 (vocabulary.ts). */
function keyOf(left: number, right: number): number {
  return left * 2 ** 21 + right;
}
