/**
 * A fast stream of random elements: 12 random bits pick an entry of a table, so that a table decides the distribution
 * and a gigabyte takes about a second. The tables hold ternary bytes and normally distributed numbers. Not for secrets.
 */
import { ln, sinCos } from '../../base/elementary.ts';
import { createRandom } from '../../base/random.ts';
import { floatToHalf } from '../../tensor/half.ts';

/** Entries of every table. */
const TABLE_SIZE = 4096;
const INDEX_MASK = TABLE_SIZE - 1;
/** Probabilities of the codes 0, 1, 2: published models have 38 to 50 % zero weights, most of them near 40. */
const CODE_SHARES = [0.3, 0.4, 0.3] as const;

/**
 * Random numbers by Marsaglia's xorshift with 128 bits of state, the same in every runtime.
 *
 * @see https://doi.org/10.18637/jss.v008.i14
 */
export class RandomBytes {
  readonly #state: Uint32Array = new Uint32Array(4);

  /** Streams of different names are independent of each other. */
  constructor(seed: number, name: string) {
    const base = createRandom(seed).below(2 ** 32);
    const random = createRandom((base ^ hashOf(name)) >>> 0);
    for (let i = 0; i < 4; i++) this.#state[i] = random.below(2 ** 32);
    // The one state that never leaves itself.
    this.#state[3]! |= 1;
  }

  /** Fills `out` with random entries of a table of {@link TABLE_SIZE}. */
  fill(out: Uint8Array | Uint16Array, table: Uint8Array | Uint16Array): void {
    let [x, y, z, w] = this.#state as unknown as [number, number, number, number];
    const next = (): void => {
      const t = x ^ (x << 11);
      x = y;
      y = z;
      z = w;
      w = w ^ (w >>> 19) ^ t ^ (t >>> 8);
    };
    const pairs = out.length & ~1;
    for (let i = 0; i < pairs; i += 2) {
      next();
      out[i] = table[w & INDEX_MASK]!;
      out[i + 1] = table[(w >>> 16) & INDEX_MASK]!;
    }
    if (pairs < out.length) {
      next();
      out[pairs] = table[w & INDEX_MASK]!;
    }
    this.#state.set([x, y, z, w]);
  }
}

/** FNV-1a. */
function hashOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash;
}

/** Every byte equally often. */
export function uniformBytes(): Uint8Array {
  return Uint8Array.from({ length: TABLE_SIZE }, (_, i) => i);
}

/** Bytes of four 2-bit codes, in whatever order a packing has its fields. */
export function fieldBytes(): Uint8Array {
  return codeBytes(4, (codes) => codes.reduce((byte, code) => (byte << 2) | code, 0));
}

/** TQ1_0's bytes of `trits` (4 or 5) base-3 digits: the digits as a fraction of 243 scaled up to 256. */
export function tritBytes(trits: 4 | 5): Uint8Array {
  return codeBytes(trits, (codes) => {
    const digits = codes.reduce((value, code) => 3 * value + code, 0) * (trits === 4 ? 3 : 1);
    return Math.ceil((digits * 256) / 243);
  });
}

/** Bytes of `count` codes, each byte as often as the shares of its codes say. */
function codeBytes(count: number, byteOf: (codes: readonly number[]) => number): Uint8Array {
  const table = new Uint8Array(TABLE_SIZE);
  let filled = 0;
  let share = 0;
  for (let i = 0; i < 3 ** count; i++) {
    const codes = Array.from({ length: count }, (_, digit) => Math.floor(i / 3 ** digit) % 3);
    share += codes.reduce((product, code) => product * CODE_SHARES[code]!, 1);
    const end = Math.min(TABLE_SIZE, Math.round(share * TABLE_SIZE));
    table.fill(byteOf(codes), filled, end);
    filled = end;
  }
  return table;
}

/** Normally distributed int8 whose standard deviation is 1/3.5 of the range. */
export function normalInt8(): Uint8Array {
  const values = normal(127 / 3.5, 0).map((value) => Math.max(-127, Math.min(127, value)));
  return new Uint8Array(Int8Array.from(values, Math.round).buffer);
}

/** Normally distributed f16. */
export function normalHalves(deviation: number): Uint16Array {
  return Uint16Array.from(normal(deviation, 0), floatToHalf);
}

/** Normally distributed float32, `count` of them, one for each of the stream's numbers. */
export function normalFloats(
  random: RandomBytes,
  count: number,
  deviation: number,
  mean: number,
): Float32Array {
  const indexes = new Uint16Array(count);
  random.fill(
    indexes,
    Uint16Array.from({ length: TABLE_SIZE }, (_, i) => i),
  );
  const values = normal(deviation, mean);
  return Float32Array.from(indexes, (index) => values[index]!);
}

/** {@link TABLE_SIZE} points of a normal distribution, by Box and Muller's transform of a square grid. */
function normal(deviation: number, mean: number): number[] {
  const side = Math.sqrt(TABLE_SIZE);
  return Array.from({ length: TABLE_SIZE }, (_, i) => {
    const u = (Math.floor(i / side) + 0.5) / side;
    const v = ((i % side) + 0.5) / side;
    return mean + deviation * Math.sqrt(-2 * ln(u)) * sinCos(2 * Math.PI * v).cos;
  });
}
