/**
 * The pairs of tokens in training, most frequent first. A pair may become rarer while it waits; it is put back in its
 * place when it comes up, which is cheaper than finding it.
 */

/** Two neighbouring tokens and where they occur. */
export interface TokenPair {
  readonly left: number;
  readonly right: number;
  /** How often it occurs in the text; never grows while it waits in a heap. */
  count: number;
  /** Numbers of the pieces in which it was found; some may have lost it since. */
  readonly pieces: number[];
}

/** See the head of this file. */
export class PairHeap {
  readonly #pairs: TokenPair[] = [];
  /** What each pair's count was when it took its place. */
  readonly #counts: number[] = [];

  push(pair: TokenPair): void {
    const place = this.#pairs.length;
    this.#pairs.push(pair);
    this.#counts.push(pair.count);
    this.#rise(place, pair, pair.count);
  }

  /** Takes the most frequent pair out; undefined when there is none. */
  pop(): TokenPair | undefined {
    while (this.#pairs.length > 0) {
      const top = this.#pairs[0]!;
      if (this.#counts[0] !== top.count) {
        this.#sink(0, top, top.count);
        continue;
      }
      const last = this.#pairs.pop()!;
      const count = this.#counts.pop()!;
      if (this.#pairs.length > 0) this.#sink(0, last, count);
      return top;
    }
    return undefined;
  }

  #rise(from: number, pair: TokenPair, count: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(pair, count, this.#pairs[parent]!, this.#counts[parent]!)) break;
      this.#move(parent, place);
      place = parent;
    }
    this.#pairs[place] = pair;
    this.#counts[place] = count;
  }

  #sink(from: number, pair: TokenPair, count: number): void {
    const pairs = this.#pairs;
    const counts = this.#counts;
    let place = from;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= pairs.length) break;
      const right = child + 1;
      if (right < pairs.length && isBefore(pairs[right]!, counts[right]!, pairs[child]!, counts[child]!)) {
        child = right;
      }
      if (!isBefore(pairs[child]!, counts[child]!, pair, count)) break;
      this.#move(child, place);
      place = child;
    }
    pairs[place] = pair;
    counts[place] = count;
  }

  #move(from: number, to: number): void {
    this.#pairs[to] = this.#pairs[from]!;
    this.#counts[to] = this.#counts[from]!;
  }
}

function isBefore(a: TokenPair, aCount: number, b: TokenPair, bCount: number): boolean {
  if (aCount !== bCount) return aCount > bCount;
  return a.left !== b.left ? a.left < b.left : a.right < b.right;
}
