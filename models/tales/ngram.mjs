// @ts-check
/**
 * A 5-gram model with interpolated modified Kneser-Ney smoothing (Chen and Goodman 1998), to compare a network with. All
 * n-grams are nodes of one trie in typed arrays; a node's key is its parent's number and its last token.
 */

const ORDER = 5;
const FIRST_CAPACITY = 1 << 20;
/** Counts from here on share one discount. */
const DISCOUNTS = 3;

/** N-gram counts of a text and the probabilities that follow from them. */
export class NgramModel {
  /** Nodes so far; 0 is the root, the empty n-gram. */
  #nodes = 1;
  #keys = new Float64Array(2 * FIRST_CAPACITY).fill(-1);
  #values = new Int32Array(2 * FIRST_CAPACITY);
  #parents = new Int32Array(FIRST_CAPACITY);
  #orders = new Uint8Array(FIRST_CAPACITY);
  /** Of the longest n-grams and of those that begin a text (but its first token alone): occurrences; of others: different tokens before them. */
  #counts = new Int32Array(FIRST_CAPACITY);
  /** Of a context: the sum of the counts of what follows. */
  #totals = new Float64Array(0);
  /** Of a context: how many followers have count 1, 2, 3 or more, [node][DISCOUNTS]. */
  #followers = new Int32Array(0);
  /** [order][min(count, 3)] @type {number[][]} */
  #discounts = [];

  /** @param {number} vocabularySize */
  constructor(vocabularySize) {
    this.vocabularySize = vocabularySize;
  }

  /** N-grams of all orders that were counted. */
  get size() {
    return this.#nodes - 1;
  }

  /**
   * Counts a text; its first token begins it and is never predicted.
   *
   * @param {ArrayLike<number>} tokens
   */
  add(tokens) {
    /** The n-grams of 0, 1, 2, … tokens that end here. @type {number[]} */
    let ending = [0];
    for (let i = 0; i < tokens.length; i++) {
      const next = [0];
      const longest = Math.min(ORDER, i + 1);
      for (let n = 1; n <= longest; n++) {
        const before = this.#nodes;
        const node = this.#child(/** @type {number} */ (ending[n - 1]), tokens[i] ?? 0, n);
        next.push(node);
        const isNew = this.#nodes > before;
        if (n === ORDER || (n === i + 1 && n > 1)) this.#increment(node);
        // A new n-gram is a new token before the one that is shorter by its first.
        if (isNew && n > 1) this.#increment(/** @type {number} */ (next[n - 1]));
      }
      ending = next;
    }
  }

  /** Derives discounts and sums; to be called once, when all texts are counted. */
  finish() {
    const histograms = Array.from({ length: ORDER + 1 }, () => [0, 0, 0, 0, 0]);
    this.#totals = new Float64Array(this.#nodes);
    this.#followers = new Int32Array(this.#nodes * DISCOUNTS);
    for (let node = 1; node < this.#nodes; node++) {
      const count = this.#counts[node] ?? 0;
      if (count === 0) continue;
      const histogram = histograms[this.#orders[node] ?? 0] ?? [];
      if (count <= 4) histogram[count] = (histogram[count] ?? 0) + 1;
      const parent = this.#parents[node] ?? 0;
      this.#totals[parent] = (this.#totals[parent] ?? 0) + count;
      const slot = parent * DISCOUNTS + Math.min(count, DISCOUNTS) - 1;
      this.#followers[slot] = (this.#followers[slot] ?? 0) + 1;
    }
    this.#discounts = histograms.map(discountsOf);
  }

  /**
   * Sum of -ln p over all tokens of a text but the first.
   *
   * @param {ArrayLike<number>} tokens
   */
  score(tokens) {
    let nll = 0;
    /** @type {number[]} */
    let ending = [0];
    for (let i = 0; i < tokens.length; i++) {
      if (i > 0) nll -= Math.log(this.#probability(ending, tokens[i] ?? 0));
      const next = [0];
      for (let n = 1; n < Math.min(ORDER, i + 2); n++) {
        const parent = ending[n - 1];
        const node = parent === undefined ? -1 : this.#find(parent, tokens[i] ?? 0);
        if (node < 0) break;
        next.push(node);
      }
      ending = next;
    }
    return nll;
  }

  /**
   * @param {readonly number[]} contexts nodes of 0, 1, 2, … last tokens, as far as they were seen
   * @param {number} token
   */
  #probability(contexts, token) {
    let p = 1 / this.vocabularySize;
    for (const [n, context] of contexts.entries()) {
      const total = this.#totals[context] ?? 0;
      if (total === 0) break;
      const discounts = this.#discounts[n + 1] ?? [];
      let freed = 0;
      for (let c = 1; c <= DISCOUNTS; c++) {
        freed += (discounts[c] ?? 0) * (this.#followers[context * DISCOUNTS + c - 1] ?? 0);
      }
      const node = this.#find(context, token);
      const count = node < 0 ? 0 : (this.#counts[node] ?? 0);
      const kept = Math.max(0, count - (discounts[Math.min(count, DISCOUNTS)] ?? 0));
      p = (kept + freed * p) / total;
    }
    return p;
  }

  /** @param {number} node */
  #increment(node) {
    this.#counts[node] = (this.#counts[node] ?? 0) + 1;
  }

  /** @param {number} key @returns {number} where the key is or belongs */
  #slot(key) {
    const mask = this.#keys.length - 1;
    const low = key | 0;
    const high = (key / 4294967296) | 0;
    let hash = Math.imul(low ^ Math.imul(high, 0x9e3779b1), 0x85ebca6b);
    hash ^= hash >>> 15;
    let slot = hash & mask;
    while (this.#keys[slot] !== -1 && this.#keys[slot] !== key) slot = (slot + 1) & mask;
    return slot;
  }

  /** @param {number} parent @param {number} token @returns {number} -1 where there is none */
  #find(parent, token) {
    const slot = this.#slot(parent * this.vocabularySize + token);
    return this.#keys[slot] === -1 ? -1 : (this.#values[slot] ?? -1);
  }

  /** @param {number} parent @param {number} token @param {number} order @returns {number} */
  #child(parent, token, order) {
    const key = parent * this.vocabularySize + token;
    let slot = this.#slot(key);
    if (this.#keys[slot] === key) return this.#values[slot] ?? 0;
    if (this.#nodes === this.#counts.length) {
      this.#grow();
      slot = this.#slot(key);
    }
    const node = this.#nodes++;
    this.#keys[slot] = key;
    this.#values[slot] = node;
    this.#parents[node] = parent;
    this.#orders[node] = order;
    return node;
  }

  /** Twice the room. */
  #grow() {
    const [keys, values] = [this.#keys, this.#values];
    const capacity = 2 * this.#counts.length;
    this.#keys = new Float64Array(2 * capacity).fill(-1);
    this.#values = new Int32Array(2 * capacity);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] ?? -1;
      if (key === -1) continue;
      const slot = this.#slot(key);
      this.#keys[slot] = key;
      this.#values[slot] = values[i] ?? 0;
    }
    this.#parents = enlarged(this.#parents, new Int32Array(capacity));
    this.#counts = enlarged(this.#counts, new Int32Array(capacity));
    this.#orders = enlarged(this.#orders, new Uint8Array(capacity));
  }
}

/**
 * @template {Int32Array | Uint8Array} T
 * @param {T} from
 * @param {T} to
 * @returns {T}
 */
function enlarged(from, to) {
  to.set(from);
  return to;
}

/**
 * The discounts of counts 1, 2 and more of one order, from how many n-grams have the counts 1 to 4 (Chen and Goodman,
 * equation 26). Where a count does not occur, one half.
 *
 * @param {number[]} histogram
 * @returns {number[]}
 */
function discountsOf([, n1 = 0, n2 = 0, n3 = 0, n4 = 0]) {
  const y = n1 / (n1 + 2 * n2);
  return [0, 1 - (2 * y * n2) / n1, 2 - (3 * y * n3) / n2, 3 - (4 * y * n4) / n3].map((discount, count) =>
    count === 0 ? 0 : Number.isFinite(discount) && discount > 0 && discount < count ? discount : 0.5,
  );
}
