/** The output head's screen, bit for bit as the reference does it: 4-bit planes, exact rows, and the choice of rows. */
import assert from 'node:assert/strict';
import { createRandom, type Random } from '#src/base/random.js';
import { DenseFormat, denseRowBytes, rowStride } from '#src/kernels/kernels.js';
import type { GuardedHeap } from './guarded-heap.ts';
import { DENSE_FORMATS, productShapes, REDUCTIONS } from './kernel-cases.ts';
import type { KernelPair, Split } from './kernel-pair.ts';
import { randomDense, randomRows } from './random-data.ts';

/** A plane packed in the pieces of the split, if they cover it, and what was written beside it. */
interface Plane {
  readonly w: number;
  readonly scales: number;
  readonly errors: number;
}

function packed(
  heap: GuardedHeap,
  dense: Uint8Array,
  format: DenseFormat,
  M: number,
  K: number,
  ranges: ReturnType<Split>,
): Plane {
  const { kernels } = heap;
  const source = heap.input(dense);
  const plane = {
    w: heap.zeroed(kernels.int4Bytes(M, K)),
    scales: heap.zeroed(4 * M),
    errors: heap.zeroed(4 * M),
  };
  const { w, scales, errors } = plane;
  for (const [r0, r1] of ranges) {
    kernels.packInt4Rows(w, scales, errors, source + r0 * denseRowBytes(format, K), format, K, r0, r1);
  }
  return plane;
}

/** Scales and errors of dense rows of every format; their codes are seen in the products. */
export function int4Packing(pair: KernelPair): void {
  const random = createRandom(31);
  const M = 37;
  for (const { name, format, step } of DENSE_FORMATS) {
    for (const K of [...REDUCTIONS, 2560]) {
      if (K % step !== 0) continue;
      const dense = randomDense(random, format, M, K);
      // A row of zeros has no scale to divide by.
      dense.fill(0, 0, denseRowBytes(format, K));
      pair.compare(`packInt4Rows ${name} K=${K}`, (heap, split) => {
        const { scales, errors } = packed(heap, dense, format, M, K, split(M, pair.rowStep));
        return [heap.read(scales, 4 * M), heap.read(errors, 4 * M)];
      });
    }
  }
}

/** Products with a plane over every remainder, on ties of the rounding, and at the largest sums there can be. */
export function int4Products(pair: KernelPair): void {
  const random = createRandom(32);
  for (const { M, K, T } of productShapes()) {
    int4Product(pair, `M=${M} K=${K}`, randomRows(random, M, K), M, K, randomRows(random, T, K));
  }
  for (const K of [64, 100, 516, 1024, 2112, 2560, 6912]) {
    const M = 7;
    const ties = randomRows(random, M, K).map((value) => Math.round(value * 3) / 2);
    for (let r = 0; r < M; r++) ties[r * rowStride(K)] = 7.5;
    for (let i = 0; i < ties.length; i++) if (i % rowStride(K) >= K) ties[i] = 0;
    int4Product(pair, `ties K=${K}`, ties, M, K, randomRows(random, 2, K));
    for (const sign of [
      () => 1,
      (k: number) => (k % 2 === 0 ? 1 : -1),
      (k: number) => (k % 32 < 16 ? 1 : -1),
    ]) {
      const signed = (rowSign: (r: number) => number, rowCount: number) =>
        Float32Array.from({ length: rowCount * rowStride(K) }, (_, i) => {
          const k = i % rowStride(K);
          return k < K ? sign(k) * rowSign(Math.floor(i / rowStride(K))) : 0;
        });
      const x = signed((t) => (t === 0 ? 3 : -3), 2);
      int4Product(
        pair,
        `extreme K=${K}`,
        signed((r) => (r % 2 === 0 ? 1 : -1), M),
        M,
        K,
        x,
      );
    }
  }
}

function int4Product(
  pair: KernelPair,
  what: string,
  rows: Float32Array,
  M: number,
  K: number,
  x: Float32Array,
): void {
  const T = x.length / rowStride(K);
  const dense = new Uint8Array(rows.buffer);
  pair.compare(`int4Matmul ${what} T=${T}`, (heap, split) => {
    const { kernels } = heap;
    const ranges = split(M, pair.rowStep);
    const covered = ranges.reduce((sum, [start, end]) => sum + end - start, 0) === M;
    const plane = packed(heap, dense, DenseFormat.F32, M, K, covered ? ranges : [[0, M]]);
    const q = heap.output(T * kernels.activationBytes(K));
    kernels.quantize16(q, heap.input(x), K, 0, T);
    const outStride = M % 2 === 0 ? rowStride(M) : M + 3;
    const bytes = 4 * ((T - 1) * outStride + M);
    const out = heap.output(bytes);
    for (const [r0, r1] of ranges) {
      kernels.int4Matmul(out, outStride, q, plane.w, plane.scales, K, T, r0, r1);
    }
    return [heap.read(out, bytes)];
  });
}

/** Chosen rows of every format give the bits of whole products. */
export function chosenRows(pair: KernelPair): void {
  const random = createRandom(33);
  const M = 40;
  for (const { name, format, step } of DENSE_FORMATS) {
    for (const K of [...REDUCTIONS, 2112]) {
      if (K % step !== 0) continue;
      const dense = randomDense(random, format, M, K);
      const x = randomRows(random, 1, K);
      const ids = Int32Array.from({ length: 9 }, (_, i) => (i === 0 ? M - 1 : random.below(M)));
      pair.compare(`denseRows ${name} K=${K}`, (heap, split) => {
        const w = heap.input(dense);
        const input = heap.input(x);
        const chosen = heap.input(ids);
        const out = heap.output(4 * ids.length);
        for (const [n0, n1] of split(ids.length)) {
          heap.kernels.denseRows(out, input, w, format, K, chosen, n0, n1);
        }
        const all = heap.output(4 * M);
        heap.kernels.denseMatmul(all, M, input, w, format, K, 1, 0, 0, M);
        const whole = heap.read(all, 4 * M);
        for (const [n0, n1] of split(ids.length)) {
          for (let n = n0; n < n1; n++) {
            const expected = whole.subarray(4 * ids[n]!, 4 * ids[n]! + 4);
            assert.deepEqual(
              heap.read(out + 4 * n, 4),
              new Uint8Array(expected),
              `${name} K=${K} entry ${n}`,
            );
          }
        }
        return [heap.read(out, 4 * ids.length)];
      });
    }
  }
}

/** Scores with many ties, both zeros and infinities. */
function randomScores(random: Random, count: number, levels: number): Float32Array {
  const edges = [0, -0, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return Float32Array.from({ length: count }, () => {
    if (random.below(20) === 0) return edges[random.below(4)]!;
    return levels === 0 ? random.next() - 0.5 : random.below(levels) - levels / 2;
  });
}

const SCORE_COUNTS = [1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 33, 63, 100, 257, 1000];

/** The rows with the largest scores; the best of the pieces' choices are the choice of the whole. */
export function topChoices(pair: KernelPair): void {
  const random = createRandom(34);
  for (const M of SCORE_COUNTS) {
    for (const levels of [0, 1, 2, 5, 50]) {
      const scores = randomScores(random, M, levels);
      for (const count of [1, 2, 3, 7, 40, 64, M]) {
        pair.compare(`selectTop M=${M} levels=${levels} count=${count}`, (heap, split) => {
          const from = heap.input(scores);
          const chosen: number[] = [];
          for (const [r0, r1] of split(M)) {
            const expected = Math.min(count, r1 - r0);
            const ids = heap.output(4 * Math.max(1, expected));
            const found = heap.kernels.selectTop(ids, from, count, r0, r1);
            assert.equal(found, expected);
            chosen.push(...new Int32Array(heap.read(ids, 4 * found).buffer));
          }
          assert.equal(new Set(chosen).size, chosen.length);
          const falling = (a: number, b: number) =>
            scores[a] === scores[b] ? a - b : scores[b]! - scores[a]!;
          return [new Uint8Array(Int32Array.from(chosen.sort(falling).slice(0, count)).buffer)];
        });
      }
    }
  }
}

/** Rows whose upper bounds reach a threshold, ties with it and NaN included, and no room for all of them. */
export function choicesAbove(pair: KernelPair): void {
  const random = createRandom(35);
  for (const M of SCORE_COUNTS) {
    for (const [factor, threshold] of [
      [0, 0],
      [1, 0.25],
      [0.5, 2],
      [3, Number.NEGATIVE_INFINITY],
      [1, Number.POSITIVE_INFINITY],
      [0.1, 0.3],
    ] as const) {
      const scores = randomScores(random, M, random.below(2) * 8);
      if (M > 20) scores[7] = Number.NaN;
      const errors = Float32Array.from({ length: M }, () => random.below(4) / 2 + random.next() / 1e6);
      pair.compare(`selectAbove M=${M} factor=${factor} threshold=${threshold}`, (heap, split) => {
        const s = heap.input(scores);
        const e = heap.input(errors);
        const chosen: number[] = [];
        for (const [r0, r1] of split(M)) {
          const ids = heap.output(4 * (r1 - r0));
          const capacity = r1 - r0;
          const found = heap.kernels.selectAbove(ids, s, e, factor, threshold, capacity, r0, r1);
          const own = [...new Int32Array(heap.read(ids, 4 * found).buffer)];
          assert.deepEqual(
            own,
            own.toSorted((a, b) => a - b),
          );
          // With less room the count is the same, and the first of them are written.
          const few = heap.output(4 * 3);
          assert.equal(heap.kernels.selectAbove(few, s, e, factor, threshold, 3, r0, r1), found);
          assert.deepEqual(
            [...new Int32Array(heap.read(few, 4 * Math.min(3, found)).buffer)],
            own.slice(0, 3),
          );
          chosen.push(...own);
        }
        return [new Uint8Array(Int32Array.from(chosen.sort((a, b) => a - b)).buffer)];
      });
    }
  }
}
