/**
 * Which rows of tokens a step sees: epochs one after the other, each in an order of its own, so that every row comes
 * once an epoch. A pure function of the seed and the step: a resumed run sees what the interrupted one would have seen.
 */
import { createRandom } from '../../base/random.ts';
import type { TokenRows } from '../data/token-rows.ts';
import { NO_TOKEN } from '../data/token-rows.ts';

/** Batches of one run. */
export interface Batches {
  /** Rows of step `step`, counted from 1: i32 [sequences][rowLength], overwritten by the next call. */
  read(step: number): Promise<Int32Array>;
}

/** Batches of `sequences` rows of a corpus that has at least one. */
export function createBatches(rows: TokenRows, sequences: number, seed: number): Batches {
  const out = new Int32Array(sequences * rows.rowLength);
  const order = createOrder(rows.rows, seed);
  return {
    async read(step) {
      const first = (step - 1) * sequences;
      const indexes = Array.from({ length: sequences }, (_, i) => order(first + i));
      await rows.read(indexes, out);
      return out;
    },
  };
}

/** The row at place `place` of the endless list of epochs. */
export function createOrder(rows: number, seed: number): (place: number) => number {
  const order = new Uint32Array(rows);
  let epochOfOrder = -1;
  return (place) => {
    const epoch = Math.floor(place / rows);
    if (epoch !== epochOfOrder) shuffle(order, seed, epoch);
    epochOfOrder = epoch;
    return order[place % rows]!;
  };
}

/** Fisher and Yates' permutation; seeds below 2^32 and epochs below 2^21 give numbers that are all different. */
function shuffle(order: Uint32Array, seed: number, epoch: number): void {
  const random = createRandom(epoch * 2 ** 32 + seed);
  for (let i = 0; i < order.length; i++) order[i] = i;
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const other = order[j]!;
    order[j] = order[i]!;
    order[i] = other;
  }
}

/** Targets among some rows: every token but the first of each row. */
export function countTargets(rows: Int32Array, rowLength: number): number {
  let targets = 0;
  for (let i = 0; i < rows.length; i++) {
    if (i % rowLength !== 0 && rows[i] !== NO_TOKEN) targets++;
  }
  return targets;
}
