/**
 * Seeded damage for parsers of binary files: what broken downloads, bad disks and hostile authors do to a file that was
 * right. Each mutation keeps most of the file, so that the damage reaches the depths of a parser instead of its first
 * check. The same random numbers give the same mutations.
 */

/** A source of random numbers in [0, 1). */
export type Random = () => number;

/** A small generator (mulberry32): enough variety for tests, and the same everywhere. */
export function seededRandom(seed: number): Random {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

type Mutation = (bytes: Uint8Array, random: Random) => Uint8Array;

/** Lengths and counts that parsers trip over. */
const NASTY_NUMBERS = [
  0n,
  1n,
  7n,
  255n,
  2n ** 16n,
  2n ** 24n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 32n,
  2n ** 53n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

/** A whole number in [0, limit). */
export const below = (limit: number, random: Random): number => Math.floor(random() * limit);

/** One of some items. */
export function pick<T>(items: readonly T[], random: Random): T {
  return items[below(items.length, random)]!;
}

/** Positions near the start are likelier: that is where headers are. */
const position = (length: number, random: Random): number => Math.floor(random() ** 2 * length);

const flipBits: Mutation = (bytes, random) => {
  const changed = bytes.slice();
  for (let i = 1 + below(4, random); i > 0; i--) {
    const at = position(bytes.length, random);
    changed[at] = (changed[at] ?? 0) ^ (1 << below(8, random));
  }
  return changed;
};

const replaceByte: Mutation = (bytes, random) => {
  const changed = bytes.slice();
  changed[position(bytes.length, random)] = below(256, random);
  return changed;
};

const editNumber: Mutation = (bytes, random) => {
  const changed = bytes.slice();
  const wide = random() < 0.6;
  const width = wide ? 8 : 4;
  if (bytes.length < width) return changed;
  const at = position(bytes.length - width + 1, random);
  const view = new DataView(changed.buffer);
  const nasty = pick(NASTY_NUMBERS, random);
  const near = view.getUint32(at, true) + below(9, random) - 4;
  const value = random() < 0.5 ? nasty : BigInt(near);
  if (wide) view.setBigUint64(at, BigInt.asUintN(64, value), true);
  else view.setUint32(at, Number(BigInt.asUintN(32, value)), true);
  return changed;
};

const truncate: Mutation = (bytes, random) => bytes.slice(0, below(bytes.length, random));

const extend: Mutation = (bytes, random) => {
  const changed = new Uint8Array(bytes.length + 1 + below(100, random));
  changed.set(bytes);
  return changed;
};

const duplicate: Mutation = (bytes, random) => {
  const from = position(bytes.length, random);
  const end = Math.min(bytes.length, from + 1 + below(80, random));
  return joined(bytes.subarray(0, end), bytes.subarray(from, end), bytes.subarray(end));
};

const remove: Mutation = (bytes, random) => {
  const from = position(bytes.length, random);
  return joined(bytes.subarray(0, from), bytes.subarray(from + 1 + below(40, random)));
};

const splice: Mutation = (bytes, random) => {
  const from = position(bytes.length, random);
  const to = position(bytes.length, random);
  const changed = bytes.slice();
  changed.set(bytes.subarray(from, from + Math.min(1 + below(40, random), bytes.length - to)), to);
  return changed;
};

const editText: Mutation = (bytes, random) => {
  const changed = bytes.slice();
  const pieces = ['"', '\\', '{', '}', '[', ']', ',', ':', '-1', '1e9', '0.5', '\0', '\xff'];
  const piece = pick(pieces, random);
  const at = position(bytes.length, random);
  for (let i = 0; i < piece.length && at + i < changed.length; i++) changed[at + i] = piece.charCodeAt(i);
  return changed;
};

const MUTATIONS: readonly Mutation[] = [
  flipBits,
  flipBits,
  replaceByte,
  editNumber,
  editNumber,
  editNumber,
  truncate,
  extend,
  duplicate,
  remove,
  splice,
  editText,
];

/** `count` damaged copies of `seed`. */
export function* mutations(seed: Uint8Array, random: Random, count: number): Generator<Uint8Array> {
  for (let i = 0; i < count; i++) yield mutated(seed, random);
}

/** A copy of `seed`, changed in one to three ways. */
export function mutated(seed: Uint8Array, random: Random): Uint8Array {
  let bytes: Uint8Array = seed.slice();
  for (let rounds = 1 + below(3, random); rounds > 0 && bytes.length > 0; rounds--) {
    bytes = pick(MUTATIONS, random)(bytes, random);
  }
  return bytes;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
