/** Seeded random numbers, the same in every runtime. Not for secrets. */

/** A stream of random numbers. */
export interface Random {
  /** Uniform in [0, 1), with 53 random bits. */
  next(): number;
  /** Uniform integer in [0, limit), limit at most 2^32. */
  below(limit: number): number;
}

/**
 * xoshiro128** seeded from one number by splitmix32; period 2^128 - 1.
 *
 * @see https://prng.di.unimi.it (Blackman, Vigna: Scrambled Linear Pseudorandom Number Generators)
 */
export function createRandom(seed: number): Random {
  const state = new Uint32Array(4);
  // Both halves of a double count, so seeds that differ beyond 32 bits differ here.
  let mix = (seed >>> 0) ^ Math.imul(Math.floor(seed / 2 ** 32) >>> 0, 0x9e3779b9);
  for (let i = 0; i < 4; i++) {
    mix = (mix + 0x9e3779b9) | 0;
    let z = mix;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    state[i] = z ^ (z >>> 15);
  }
  const bits = (): number => {
    const [a, b, c, d] = state as unknown as [number, number, number, number];
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    state[2] = c ^ a;
    state[3] = d ^ b;
    state[1] = b ^ state[2]!;
    state[0] = a ^ state[3]!;
    state[2] = state[2]! ^ (b << 9);
    state[3] = rotate(state[3]!, 11);
    return result;
  };
  return {
    next: () => ((bits() >>> 5) * 2 ** 26 + (bits() >>> 6)) / 2 ** 53,
    below: (limit) => Math.floor((bits() / 2 ** 32) * limit),
  };
}

function rotate(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}
