/** Norms, gates, additions and rotations, bit for bit as the reference does them; and the words and counters of a heap. */
import assert from 'node:assert/strict';
import { createRandom } from '#src/base/random.js';
import { Activation } from '#src/kernels/activation.js';
import { RopeStyle, rowStride } from '#src/kernels/kernels.js';
import { fillRopeTable } from '#src/model/rope-table.js';
import { HEAD_LENGTHS, LONG_REDUCTIONS, REDUCTIONS } from './kernel-cases.ts';
import type { KernelPair } from './kernel-pair.ts';
import { randomRows } from './random-data.ts';

/** Root mean square norms, into another row and in place. */
export function norms(pair: KernelPair): void {
  const random = createRandom(11);
  const T = 9;
  for (const n of [...REDUCTIONS, ...LONG_REDUCTIONS]) {
    const x = randomRows(random, T, n, 3);
    const weights = randomRows(random, 1, n);
    const bytes = x.byteLength;
    for (const eps of [1e-5, 1e-6]) {
      pair.compare(`rmsNorm n=${n} eps=${eps}`, (heap, split) => {
        const w = heap.input(weights);
        const from = heap.input(x);
        const apart = heap.output(bytes);
        const inPlace = heap.output(bytes, x);
        for (const [t0, t1] of split(T)) {
          heap.kernels.rmsNorm(apart, from, w, eps, n, t0, t1);
          heap.kernels.rmsNorm(inPlace, inPlace, w, eps, n, t0, t1);
        }
        return [heap.read(apart, bytes), heap.read(inPlace, bytes)];
      });
    }
  }
}

/** All activations over columns that start and end anywhere, into another row and in place. */
export function gates(pair: KernelPair): void {
  const random = createRandom(12);
  const edges = [0, -0, 1e-30, -1e-30, 20, -20, 87.5, -87.5, 90, -90, 1000, -1000, 1e10, -1e10];
  for (const [name, activation] of Object.entries(Activation)) {
    for (const columns of [...REDUCTIONS, 2112]) {
      const T = 3;
      const gate = randomRows(random, T, columns, 4);
      for (const [i, edge] of edges.entries()) gate[(i * 5) % columns] = edge;
      const up = randomRows(random, T, columns, 2);
      const bytes = gate.byteLength;
      pair.compare(`gate ${name} columns=${columns}`, (heap, split) => {
        const g = heap.input(gate);
        const u = heap.input(up);
        const apart = heap.output(bytes);
        const inPlace = heap.output(bytes, gate);
        for (const [c0, c1] of split(columns)) {
          heap.kernels.gate(apart, g, u, activation, rowStride(columns), T, c0, c1);
          heap.kernels.gate(inPlace, inPlace, u, activation, rowStride(columns), T, c0, c1);
        }
        return [heap.read(apart, bytes), heap.read(inPlace, bytes)];
      });
    }
  }
}

/** Rows and biases added to rows. */
export function additions(pair: KernelPair): void {
  const random = createRandom(13);
  for (const columns of REDUCTIONS) {
    const T = 4;
    const x = randomRows(random, T, columns);
    const y = randomRows(random, T, columns);
    for (const [name, yStride] of [
      ['rows', rowStride(columns)],
      ['a bias', 0],
    ] as const) {
      pair.compare(`add ${name} columns=${columns}`, (heap, split) => {
        const to = heap.output(x.byteLength, x);
        const from = heap.input(y);
        for (const [c0, c1] of split(columns)) {
          heap.kernels.add(to, rowStride(columns), from, yStride, T, c0, c1);
        }
        return [heap.read(to, x.byteLength)];
      });
    }
  }
}

/** Rotations of both styles at positions in no order. */
export function rotations(pair: KernelPair): void {
  const random = createRandom(14);
  const T = 5;
  const positions = Int32Array.from([7, 0, 40, 1, 40]);
  for (const headLength of [2, ...HEAD_LENGTHS]) {
    const angles = new Float64Array(41 * headLength);
    fillRopeTable(angles, 41, headLength, 10000);
    for (const heads of [1, 3]) {
      const inStride = rowStride(heads * headLength);
      const values = randomRows(random, T, heads * headLength);
      const bytes = 4 * T * heads * rowStride(headLength);
      for (const [name, style] of Object.entries(RopeStyle)) {
        pair.compare(`rope ${name} D=${headLength} heads=${heads}`, (heap, split) => {
          const table = heap.input(angles);
          const x = heap.input(values);
          const at = heap.input(positions);
          // The pad between heads is nobody's to write, and zero from the start.
          const out = heap.zeroed(bytes);
          for (const [t0, t1] of split(T)) {
            heap.kernels.rope(out, x, inStride, at, table, style, heads, headLength, t0, t1);
          }
          return [heap.read(out, bytes)];
        });
      }
    }
  }
}

/** The XOR of what lies in memory, whole lines of 64 bytes. */
export function reads(pair: KernelPair): void {
  const random = createRandom(17);
  for (const lines of [1, 2, 3, 4, 7, 64, 1001]) {
    const words = Int32Array.from(
      { length: 16 * lines },
      () => random.below(2 ** 31) - random.below(2 ** 31),
    );
    pair.compare(`readWords of ${lines} lines`, (heap, split) => {
      const at = heap.input(words);
      const sums = split(64 * lines, 64).map(([from, to]) => heap.kernels.readWords(at + from, to - from));
      const sum = Int32Array.of(sums.reduce((all, one) => all ^ one, 0));
      return [new Uint8Array(sum.buffer)];
    });
  }
}

/** A counter, from its start and across the largest number that it holds. */
export function counts(pair: KernelPair): void {
  for (const start of [0, 1, 2 ** 31 - 3, -2]) {
    pair.compare(`take from ${start}`, (heap, split) => {
      const counter = heap.output(4, new Float32Array(Int32Array.of(start).buffer));
      let taken = 0;
      for (const [from, to] of split(5)) {
        for (let i = from; i < to; i++) {
          assert.equal(heap.kernels.take(counter), (start + taken++) | 0, `take from ${start}`);
        }
      }
      return [heap.read(counter, 4)];
    });
  }
}
