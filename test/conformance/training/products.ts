/** f32 products of training over every remainder of tiles and blocks, in every form, at strides and addresses of any kind. */
import assert from 'node:assert/strict';
import { createRandom, type Random } from '#src/base/random.js';
import { GemmForm } from '#src/kernels/training-kernels.js';
import { randomValue } from '../random-data.ts';
import type { TrainingPair } from './training-pair.ts';

/** Around tiles of 4, 6 and 8, panels of 16, and blocks of 256 and more. */
const ROWS = [1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 16, 17, 25, 33];
const COLUMNS = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 40, 65];
const DEPTHS = [1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 100];

interface Product {
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** No products at all, few rows and columns of blocks that are full or nearly so, and both dims around their blocks. */
const LARGE: readonly Product[] = [
  { M: 5, N: 9, K: 0 },
  { M: 7, N: 9, K: 255 },
  { M: 6, N: 8, K: 256 },
  { M: 13, N: 17, K: 257 },
  { M: 3, N: 5, K: 1025 },
  { M: 7, N: 255, K: 6 },
  { M: 2, N: 257, K: 5 },
  { M: 9, N: 520, K: 3 },
  { M: 70, N: 33, K: 20 },
  { M: 130, N: 9, K: 7 },
  { M: 14, N: 270, K: 261 },
];

/** How a product lies in memory: elements before each matrix, and between its rows beyond what they need. */
interface Layout {
  readonly gaps: readonly number[];
  readonly starts: readonly number[];
}

function matrix(random: Random, elements: number): Float32Array {
  return Float32Array.from({ length: elements }, () => randomValue(random));
}

/** One product in one form, into an output of its own and added to another. */
function compareProduct(
  pair: TrainingPair,
  random: Random,
  form: GemmForm,
  dims: Product,
  layout: Layout,
): void {
  const { M, N, K } = dims;
  const [gapA, gapB, gapC] = layout.gaps as [number, number, number];
  const [startA, startB, startC] = layout.starts as [number, number, number];
  const [rowsA, columnsA] = form === GemmForm.TN ? [K, M] : [M, K];
  const [rowsB, columnsB] = form === GemmForm.NT ? [N, K] : [K, N];
  const lda = columnsA + gapA;
  const ldb = columnsB + gapB;
  const ldc = N + gapC;
  const a = matrix(random, startA + rowsA * lda);
  const b = matrix(random, startB + rowsB * ldb);
  const c = matrix(random, startC + M * ldc);
  /** Σ |terms| of an element of c, to within 1e-6 of which both backends are right. */
  const tolerance = (element: number, isSum: boolean) => {
    const r = Math.floor((element - startC) / ldc);
    const column = (element - startC) % ldc;
    if (element < startC || column >= N) return 0;
    let terms = isSum ? Math.abs(c[element]!) : 0;
    for (let k = 0; k < K; k++) {
      const left = a[startA + (form === GemmForm.TN ? k * lda + r : r * lda + k)]!;
      const right = b[startB + (form === GemmForm.NT ? column * ldb + k : k * ldb + column)]!;
      terms += Math.abs(left * right);
    }
    return 1e-6 * terms;
  };
  pair.compare(`gemm form ${form} ${M}x${N}x${K} ${JSON.stringify(layout)}`, (heap, kernels, split) => {
    const from = heap.input(a) + 4 * startA;
    const by = heap.input(b) + 4 * startB;
    const to = heap.output(c.byteLength);
    const sum = heap.output(c.byteLength, c);
    const scratch = heap.output(kernels.gemmScratchBytes());
    for (const [accumulate, at] of [to, sum].entries()) {
      for (const [r0, r1] of split(M)) {
        kernels.gemm(at + 4 * startC, ldc, from, lda, by, ldb, form, N, K, accumulate, scratch, r0, r1);
      }
    }
    return [
      { bytes: heap.read(to, c.byteLength), tolerance: (i) => tolerance(i, false) },
      { bytes: heap.read(sum, c.byteLength), tolerance: (i) => tolerance(i, true) },
    ];
  });
}

/** See the file's header. */
export function products(pair: TrainingPair): void {
  const random = createRandom(51);
  const pick = (list: readonly number[]) => list[random.below(list.length)]!;
  for (const form of Object.values(GemmForm)) {
    const layout = () => ({
      gaps: [pick([0, 1, 5, 16]), pick([0, 1, 5, 16]), pick([0, 1, 5, 16])],
      starts: [random.below(5), random.below(5), random.below(5)],
    });
    for (const M of ROWS)
      compareProduct(pair, random, form, { M, N: pick(COLUMNS), K: pick(DEPTHS) }, layout());
    for (const N of COLUMNS)
      compareProduct(pair, random, form, { M: pick(ROWS), N, K: pick(DEPTHS) }, layout());
    for (const K of DEPTHS)
      compareProduct(pair, random, form, { M: pick(ROWS), N: pick(COLUMNS), K }, layout());
    for (const dims of LARGE) compareProduct(pair, random, form, dims, layout());
  }
}

/** What is measured as the peak runs, and its result depends on how often. */
export function peaks({ tested }: TrainingPair): void {
  const kernels = tested.kernels;
  const results = [0, 1, 2, 130].map((rounds) => kernels.multiplyAddPeak(rounds));
  for (const result of results) assert.ok(Number.isFinite(result), `${result}`);
  assert.notEqual(results[0], results[1], 'a round does something');
}
