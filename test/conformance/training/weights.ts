/** Weights in training: their ternary form, activations back from int8, the size of gradients, steps of the optimiser. */
import { createRandom } from '#src/base/random.js';
import { rowStride } from '#src/kernels/kernels.js';
import { SQUARES_BLOCK } from '#src/kernels/training-kernels.js';
import { randomCodes, randomRows, randomValue } from '../random-data.ts';
import { floats, type TrainingPair } from './training-pair.ts';

const LENGTHS = [1, 3, 7, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 129, 256, 1025];

/** Sums of magnitudes, to 1e-6 of themselves. */
export function magnitudes(pair: TrainingPair): void {
  const random = createRandom(61);
  const M = 9;
  for (const K of [...LENGTHS, 2560]) {
    const weights = randomRows(random, M, K);
    pair.compare(`absSums K=${K}`, (heap, kernels, split) => {
      const w = heap.input(weights);
      const sums = heap.output(4 * M);
      for (const [r0, r1] of split(M)) kernels.absSums(sums, w, K, r0, r1);
      const bytes = heap.read(sums, 4 * M);
      return [{ bytes, tolerance: (i) => 1e-6 * floats(bytes)[i]! }];
    });
  }
}

/** Codes, values and counts of weights, bit for bit, with weights halfway between codes. */
export function ternaryWeights(pair: TrainingPair): void {
  const random = createRandom(62);
  const M = 9;
  for (const K of LENGTHS) {
    for (const scale of [1, 0.0123, 1e-5]) {
      const weights = randomRows(random, M, K, scale);
      const inverse = Math.fround(1 / Math.fround(scale));
      for (const [i, edge] of [0.5, -0.5, 1.5, -1.5, 0.49999997, 0.50000006, 1e6, -0].entries()) {
        weights[((i * 5) % M) * rowStride(K) + ((i * 7) % K)] = edge / inverse;
      }
      const before = randomCodes(random, M * K);
      pair.compare(`quantizeWeights K=${K} scale=${scale}`, (heap, kernels, split) => {
        const w = heap.input(weights);
        // Codes of an earlier step, some of which change.
        const codes = heap.output(M * K, before);
        const values = heap.zeroed(weights.byteLength);
        const counts = heap.output(8 * M);
        for (const [r0, r1] of split(M)) kernels.quantizeWeights(codes, values, counts, w, scale, K, r0, r1);
        return [
          { bytes: heap.read(codes, M * K) },
          { bytes: heap.read(values, weights.byteLength) },
          { bytes: heap.read(counts, 8 * M) },
        ];
      });
    }
  }
}

/** Rows that were quantised, back as f32, bit for bit. */
export function dequantization(pair: TrainingPair): void {
  const random = createRandom(63);
  const T = 9;
  for (const K of LENGTHS) {
    const rows = randomRows(random, T, K, 3);
    rows.fill(0, 0, rowStride(K));
    pair.compare(`dequantize K=${K}`, (heap, kernels, split) => {
      const x = heap.input(rows);
      const q = heap.zeroed(T * kernels.activationBytes(K));
      const out = heap.output(rows.byteLength);
      kernels.quantize(q, x, K, 0, T);
      for (const [t0, t1] of split(T)) kernels.dequantize(out, q, K, t0, t1);
      return [{ bytes: heap.read(out, rows.byteLength) }];
    });
  }
}

/** Sums of squares of blocks, the last one of any length, to 1e-6 of themselves. */
export function squares(pair: TrainingPair): void {
  const random = createRandom(64);
  for (const count of [1, 3, 17, 4095, 4096, 4097, 4100, 3 * SQUARES_BLOCK + 31]) {
    const values = Float32Array.from({ length: count }, () => randomValue(random));
    const blocks = Math.ceil(count / SQUARES_BLOCK);
    pair.compare(`sumSquares of ${count}`, (heap, kernels, split) => {
      const x = heap.input(values);
      const sums = heap.output(4 * blocks);
      for (const [b0, b1] of split(blocks)) kernels.sumSquares(sums, x, count, b0, b1);
      const bytes = heap.read(sums, 4 * blocks);
      return [{ bytes, tolerance: (i) => 1e-6 * floats(bytes)[i]! }];
    });
  }
}

/** Hyperparameters at the first step, where corrections are smallest, and far into a run. */
const STEPS = [
  { rate: 1e-3, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, decay: 0.1, scale: 1, steps: 1 },
  { rate: 3e-4, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, decay: 0, scale: 0.03125, steps: 100 },
  { rate: 1e-2, beta1: 0, beta2: 0.98, epsilon: 1e-6, decay: 0.01, scale: 0.7, steps: 3 },
];

/** Steps of AdamW over elements that start and end anywhere. */
export function optimiserSteps(pair: TrainingPair): void {
  const random = createRandom(65);
  for (const count of [1, 2, 3, 4, 5, 8, 13, 16, 31, 33, 100, 1000]) {
    const list = (make: (value: number) => number) =>
      Float32Array.from({ length: count }, () => make(randomValue(random)));
    const weights = list((value) => value);
    const means = list((value) => 0.1 * value);
    const variances = list((value) => 0.01 * value * value);
    const gradients = list((value) => value);
    // A weight whose gradients were all 0 so far.
    for (const values of [means, variances, gradients]) values[count >> 1] = 0;
    for (const { rate, beta1, beta2, epsilon, decay, scale, steps } of STEPS) {
      const correction1 = 1 - beta1 ** steps;
      const correction2 = 1 - beta2 ** steps;
      const meanTerms = (i: number) =>
        beta1 * Math.abs(means[i]!) + (1 - beta1) * Math.abs(scale * gradients[i]!);
      const variance = (i: number) => beta2 * variances[i]! + (1 - beta2) * (scale * gradients[i]!) ** 2;
      const step = (i: number) =>
        meanTerms(i) / correction1 / (Math.sqrt(variance(i) / correction2) + epsilon);
      pair.compare(`adamw of ${count} with ${JSON.stringify({ rate, steps })}`, (heap, kernels, split) => {
        const g = heap.input(gradients);
        const [w, m, v] = [weights, means, variances].map((values) => heap.output(4 * count, values)) as [
          number,
          number,
          number,
        ];
        for (const [e0, e1] of split(count)) {
          kernels.adamw(
            ...([w, m, v, g, rate, beta1, beta2, epsilon, decay, scale] as const),
            ...([correction1, correction2, e0, e1] as const),
          );
        }
        return [
          {
            bytes: heap.read(w, 4 * count),
            tolerance: (i) =>
              2 ** -23 * Math.abs(weights[i]!) + 1e-6 * rate * (step(i) + decay * Math.abs(weights[i]!)),
          },
          { bytes: heap.read(m, 4 * count), tolerance: (i) => 2 ** -22 * meanTerms(i) },
          { bytes: heap.read(v, 4 * count), tolerance: (i) => 2 ** -21 * variance(i) },
        ];
      });
    }
  }
}
