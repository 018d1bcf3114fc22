// @ts-check
/**
 * Seeded random numbers of the tales: integer arithmetic only, so that one seed gives the same bytes on every machine.
 * The generator is sfc32 (Chris Doty-Humphrey, PractRand).
 */

/** A stream of random choices. */
export class Random {
  /** @type {Int32Array} */
  #state;
  /** Entropy of all choices so far, in nats; options that are the same object count as one. */
  nats = 0;

  /** @param {string} seed any text; texts that differ give streams that differ */
  constructor(seed) {
    this.#state = Int32Array.of(hashOf(seed), hashOf(`${seed}#b`), hashOf(`${seed}#c`), 1);
    for (let i = 0; i < 15; i++) this.#next();
  }

  #next() {
    const s = this.#state;
    const a = /** @type {number} */ (s[0]);
    const b = /** @type {number} */ (s[1]);
    const c = /** @type {number} */ (s[2]);
    const d = /** @type {number} */ (s[3]);
    const sum = (a + b + d) | 0;
    s[3] = (d + 1) | 0;
    s[0] = b ^ (b >>> 9);
    s[1] = (c + (c << 3)) | 0;
    s[2] = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /**
   * A whole number from 0 to below `limit`.
   *
   * @param {number} limit
   */
  below(limit) {
    this.nats += Math.log(limit);
    return this.#next() % limit;
  }

  /**
   * True in `percent` of a hundred cases.
   *
   * @param {number} percent
   */
  chance(percent) {
    const isSo = this.#next() % 100 < percent;
    this.nats -= Math.log((isSo ? percent : 100 - percent) / 100);
    return isSo;
  }

  /**
   * One of the items.
   *
   * @template T
   * @param {readonly T[]} items
   * @returns {T}
   */
  pick(items) {
    const item = /** @type {T} */ (items[this.#next() % items.length]);
    this.nats += Math.log(items.length / items.filter((other) => other === item).length);
    return item;
  }

  /**
   * `count` different items, in random order.
   *
   * @template T
   * @param {readonly T[]} items
   * @param {number} count
   * @returns {T[]}
   */
  sample(items, count) {
    const rest = [...items];
    for (let i = 0; i < count; i++) {
      const j = i + this.below(rest.length - i);
      const item = /** @type {T} */ (rest[j]);
      rest[j] = /** @type {T} */ (rest[i]);
      rest[i] = item;
    }
    return rest.slice(0, count);
  }
}

/**
 * FNV-1a of a text with a final mix, 32 bits.
 *
 * @param {string} text
 */
export function hashOf(text) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c1b3c6d);
  return (hash ^ (hash >>> 12)) >>> 0;
}
