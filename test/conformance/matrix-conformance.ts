/** Packing, quantisation and matrix products, bit for bit as the reference does them. */
import { createRandom } from '#src/base/random.js';
import { denseRowBytes, rowStride } from '#src/kernels/kernels.js';
import type { GuardedHeap } from './guarded-heap.ts';
import { DENSE_FORMATS, LONG_REDUCTIONS, productShapes, REDUCTIONS } from './kernel-cases.ts';
import type { KernelPair, Split } from './kernel-pair.ts';
import { randomCodes, randomDense, randomRows } from './random-data.ts';

/** A product of T tokens by a matrix [M, K]. */
interface Product {
  readonly M: number;
  readonly K: number;
  readonly T: number;
  readonly x: Float32Array;
}

/** Ternary products over every remainder, with results overwritten and added. */
export function ternaryProducts(pair: KernelPair): void {
  const random = createRandom(1);
  for (const { M, K, T } of productShapes()) {
    const codes = randomCodes(random, M * K);
    const x = randomRows(random, T, K);
    for (const accumulate of [0, 1]) ternaryProduct(pair, codes, { M, K, T, x }, accumulate);
  }
  for (const K of LONG_REDUCTIONS) {
    for (const T of [1, 2, 4, 5]) {
      ternaryProduct(pair, randomCodes(random, 6 * K), { M: 6, K, T, x: randomRows(random, T, K) }, 0);
    }
  }
}

/** The largest sums there can be: all weights of one sign, all activations at ±127. */
export function extremeTernaryProducts(pair: KernelPair): void {
  const signs: Record<string, (k: number) => number> = {
    'all of one sign': () => 1,
    'signs by turns': (k) => (k % 2 === 0 ? 1 : -1),
    'signs by halves of 64': (k) => (k % 64 < 32 ? 1 : -1),
  };
  for (const K of [1, 63, 64, 128, ...LONG_REDUCTIONS]) {
    for (const sign of Object.values(signs)) {
      for (const flip of [1, -1]) {
        for (const T of [1, 4, 5]) {
          const M = 5;
          const x = new Float32Array(T * rowStride(K));
          for (let t = 0; t < T; t++) {
            for (let k = 0; k < K; k++) x[t * rowStride(K) + k] = 127 * flip * sign(k);
          }
          // Row by row: as the activations, against them, all ones, all minus ones, zeros.
          const codes = Uint8Array.from({ length: M * K }, (_, i) => {
            const row = Math.floor(i / K);
            return [1 + sign(i % K), 1 - sign(i % K), 2, 0, 1][row]!;
          });
          ternaryProduct(pair, codes, { M, K, T, x }, 0);
        }
      }
    }
  }
}

function ternaryProduct(
  pair: KernelPair,
  codes: Uint8Array,
  { M, K, T, x }: Product,
  accumulate: number,
): void {
  const scale = 0.0371;
  pair.compare(`ternaryMatmul M=${M} K=${K} T=${T} accumulate=${accumulate}`, (heap, split) => {
    const { kernels } = heap;
    const w = packedTernary(heap, codes, M, K, split);
    const q = quantized(heap, x, K, T, split);
    return product(heap, M, T, accumulate, split, pair.rowStep, (out, stride, r0, r1) =>
      kernels.ternaryMatmul(out, stride, q, w, scale, K, T, accumulate, r0, r1),
    );
  });
}

/** Every value that an activation can take, and ties, seen through a matrix that is the identity. */
export function quantization(pair: KernelPair): void {
  const random = createRandom(2);
  for (const K of REDUCTIONS) {
    const rows = {
      random: randomRows(random, 9, K, 5),
      ties: randomRows(random, 9, K).map((value, i) =>
        i % rowStride(K) === 0 ? 127 : Math.round(value * 40) / 2,
      ),
      tiny: randomRows(random, 9, K, 1e-7),
      huge: randomRows(random, 9, K, 1e35),
      zero: new Float32Array(9 * rowStride(K)),
    };
    const identity = new Uint8Array(K * K).fill(1);
    for (let k = 0; k < K; k++) identity[k * K + k] = 2;
    for (const [name, x] of Object.entries(rows)) {
      // The pad is zero whatever the row was made from.
      for (let i = 0; i < x.length; i++) if (i % rowStride(K) >= K) x[i] = 0;
      pair.compare(`quantize K=${K} ${name}`, (heap, split) => {
        const w = packedTernary(heap, identity, K, K, () => [[0, K]]);
        const q = quantized(heap, x, K, 9, split);
        const out = heap.output(4 * 9 * K);
        // Only rows that this split quantised may be read.
        for (const [t0, t1] of split(9)) {
          const from = q + t0 * heap.kernels.activationBytes(K);
          heap.kernels.ternaryMatmul(out + 4 * t0 * K, K, from, w, 1, K, t1 - t0, 0, 0, K);
        }
        return [heap.read(out, 4 * 9 * K)];
      });
      pair.compare(`quantize16 K=${K} ${name}`, (heap, split) => {
        const source = heap.input(x);
        const w = heap.input(int8Identity(K));
        const scales = heap.input(new Float32Array(K).fill(1));
        const bytes = heap.kernels.activationBytes(K);
        const q = heap.output(9 * bytes);
        const out = heap.output(4 * 9 * K);
        // Each backend has its own layout, so the values are read by a product; only of rows that this split quantised.
        for (const [t0, t1] of split(9)) {
          heap.kernels.quantize16(q, source, K, t0, t1);
          heap.kernels.int8Matmul(out + 4 * t0 * K, K, q + t0 * bytes, w, scales, K, t1 - t0, 0, K);
        }
        return [heap.read(out, 4 * 9 * K)];
      });
    }
  }
}

/** Rows that give back what they are multiplied with. */
function int8Identity(K: number): Int8Array {
  const rows = new Int8Array(K * rowStride(K));
  for (let k = 0; k < K; k++) rows[k * rowStride(K) + k] = 1;
  return rows;
}

/** Dense products in every format. */
export function denseProducts(pair: KernelPair): void {
  const random = createRandom(3);
  for (const { name, format, step } of DENSE_FORMATS) {
    for (const { M, K, T } of [...productShapes(), { M: 3, K: 2112, T: 2 }]) {
      if (K % step !== 0) continue;
      const weights = randomDense(random, format, M, K);
      const x = randomRows(random, T, K);
      const accumulate = (M + K) % 2;
      pair.compare(`denseMatmul ${name} M=${M} K=${K} T=${T} accumulate=${accumulate}`, (heap, split) => {
        const w = heap.input(weights);
        const input = heap.input(x);
        return product(heap, M, T, accumulate, split, pair.rowStep, (out, stride, r0, r1) =>
          heap.kernels.denseMatmul(out, stride, input, w, format, K, T, accumulate, r0, r1),
        );
      });
    }
  }
}

/** Products with int8 rows, at random and at the bounds of int32. */
export function int8Products(pair: KernelPair): void {
  const random = createRandom(4);
  const long = [2560, 6912].map((K) => ({ M: 5, K, T: 2 }));
  for (const { M, K, T } of [...productShapes(), ...long]) {
    const stride = rowStride(K);
    const isExtreme = K >= 2560;
    const rows = new Int8Array(M * stride);
    for (let i = 0; i < rows.length; i++) {
      if (i % stride < K) rows[i] = isExtreme ? (i < stride ? -127 : 127) : random.below(255) - 127;
    }
    const scales = Float32Array.from({ length: M }, () => random.next() / 100);
    const x = isExtreme ? constantRows(T, K, 3) : randomRows(random, T, K);
    pair.compare(`int8Matmul M=${M} K=${K} T=${T}`, (heap, split) => {
      const { kernels } = heap;
      const w = heap.input(rows);
      const s = heap.input(scales);
      const input = heap.input(x);
      const q = heap.output(T * kernels.activationBytes(K));
      kernels.quantize16(q, input, K, 0, T);
      return product(heap, M, T, 0, split, pair.rowStep, (out, outStride, r0, r1) =>
        kernels.int8Matmul(out, outStride, q, w, s, K, T, r0, r1),
      );
    });
  }
}

/** Dense rows to int8 rows and scales. */
export function int8Packing(pair: KernelPair): void {
  const random = createRandom(5);
  for (const { name, format, step } of DENSE_FORMATS) {
    for (const K of [...REDUCTIONS, 2560]) {
      if (K % step !== 0) continue;
      const M = 9;
      const weights = randomDense(random, format, M, K);
      // A row of zeros has no scale to divide by.
      weights.fill(0, 0, denseRowBytes(format, K));
      pair.compare(`packInt8Rows ${name} K=${K}`, (heap, split) => {
        const source = heap.input(weights);
        const w = heap.output(M * rowStride(K));
        const scales = heap.output(4 * M);
        for (const [r0, r1] of split(M)) {
          const from = source + r0 * denseRowBytes(format, K);
          heap.kernels.packInt8Rows(w, scales, from, format, K, r0, r1);
        }
        return [heap.read(w, M * rowStride(K)), heap.read(scales, 4 * M)];
      });
    }
  }
}

/** Looked-up rows of dense and int8 tables. */
export function embeddings(pair: KernelPair): void {
  const random = createRandom(6);
  const T = 9;
  const M = 40;
  const ids = Int32Array.from({ length: T }, (_, t) => (t === 0 ? M - 1 : random.below(M)));
  for (const scale of [1, 1.7]) {
    for (const K of REDUCTIONS) {
      const bytes = 4 * T * rowStride(K);
      for (const { name, format, step } of DENSE_FORMATS) {
        if (K % step !== 0) continue;
        const weights = randomDense(random, format, M, K);
        pair.compare(`embed ${name} K=${K} scale=${scale}`, (heap, split) => {
          const table = heap.input(weights);
          const rows = heap.input(ids);
          const out = heap.output(bytes);
          for (const [t0, t1] of split(T)) heap.kernels.embed(out, rows, table, format, scale, K, t0, t1);
          return [heap.read(out, bytes)];
        });
      }
      const int8 = Int8Array.from({ length: M * rowStride(K) }, (_, i) =>
        i % rowStride(K) < K ? random.below(255) - 127 : 0,
      );
      const scales = Float32Array.from({ length: M }, () => random.next());
      pair.compare(`embedInt8 K=${K} scale=${scale}`, (heap, split) => {
        const table = heap.input(int8);
        const s = heap.input(scales);
        const rows = heap.input(ids);
        const out = heap.output(bytes);
        for (const [t0, t1] of split(T)) heap.kernels.embedInt8(out, rows, table, s, scale, K, t0, t1);
        return [heap.read(out, bytes)];
      });
    }
  }
}

/** Runs a product onto a pattern or numbers, into rows that are padded or, for every other M, lie three apart. */
function product(
  heap: GuardedHeap,
  M: number,
  T: number,
  accumulate: number,
  split: Split,
  rowStep: number,
  multiply: (out: number, outStride: number, r0: number, r1: number) => void,
): Uint8Array[] {
  const stride = M % 2 === 0 ? rowStride(M) : M + 3;
  // The last row of the result ends with its last column.
  const bytes = 4 * ((T - 1) * stride + M);
  const before = Float32Array.from({ length: bytes / 4 }, (_, i) => (i % 7) - 3.3);
  const out = accumulate === 1 ? heap.output(bytes, before) : heap.output(bytes);
  for (const [r0, r1] of split(M, rowStep)) multiply(out, stride, r0, r1);
  return [heap.read(out, bytes)];
}

/** A packed matrix, its rows packed in the pieces of the split, whole when that covers a part only. */
function packedTernary(heap: GuardedHeap, codes: Uint8Array, M: number, K: number, split: Split): number {
  const { kernels } = heap;
  const source = heap.input(codes);
  const w = heap.zeroed(kernels.ternaryBytes(M, K));
  for (const [row0, row1] of coverAll(split, M)) kernels.packTernary(w, source + row0 * K, K, row0, row1);
  return w;
}

function quantized(heap: GuardedHeap, x: Float32Array, K: number, T: number, split: Split): number {
  const source = heap.input(x);
  const q = heap.output(T * heap.kernels.activationBytes(K));
  for (const [t0, t1] of coverAll(split, T)) heap.kernels.quantize(q, source, K, t0, t1);
  return q;
}

/** The split's ranges when they cover everything; else the whole, for what a product needs as its input. */
function coverAll(split: Split, length: number): ReturnType<Split> {
  const ranges = split(length);
  const covered = ranges.reduce((sum, [start, end]) => sum + end - start, 0);
  return covered === length ? ranges : [[0, length]];
}

function constantRows(T: number, K: number, value: number): Float32Array {
  const rows = new Float32Array(T * rowStride(K));
  for (let t = 0; t < T; t++) rows.fill(value, t * rowStride(K), t * rowStride(K) + K);
  return rows;
}
