/** Backward halves of norm, gate and embedding, the softmaxes of attention, and the loss. */
import { createRandom } from '#src/base/random.js';
import { Activation, rowStride } from '#src/kernels/kernels.js';
import { randomRows, randomValue } from '../random-data.ts';
import type { TrainingPair } from './training-pair.ts';

const LENGTHS = [1, 3, 7, 15, 16, 17, 31, 33, 64, 65, 100, 129, 256, 1025];
const T = 9;

/** Gradients of norms apart, in place and added, to 2e-6 of their terms. */
export function normGradients(pair: TrainingPair): void {
  const random = createRandom(71);
  for (const n of LENGTHS) {
    const stride = rowStride(n);
    const [x, dy, before] = [0, 1, 2].map(() => randomRows(random, T, n, 2)) as [
      Float32Array,
      Float32Array,
      Float32Array,
    ];
    // One row without any activation, as padding has them.
    x.fill(0, stride, 2 * stride);
    const weights = randomRows(random, 1, n);
    const bytes = x.byteLength;
    for (const eps of [1e-5, 1e-6]) {
      const inverseOf = Float64Array.from({ length: T }, (_, t) => {
        let squares = 0;
        for (let k = 0; k < n; k++) squares += x[t * stride + k]! ** 2;
        return 1 / Math.sqrt(squares / n + eps);
      });
      const sums = Float64Array.from({ length: T }, (_, t) => {
        let sum = 0;
        for (let k = 0; k < n; k++) sum += Math.abs(weights[k]! * dy[t * stride + k]! * x[t * stride + k]!);
        return sum / n;
      });
      const tolerance = (i: number) => {
        const t = Math.floor(i / stride);
        const r = inverseOf[t]!;
        return 2e-6 * (r * Math.abs(weights[i % stride]! * dy[i]!) + Math.abs(x[i]!) * r ** 3 * sums[t]!);
      };
      pair.compare(`rmsNormBackward n=${n} eps=${eps}`, (heap, kernels, split) => {
        const w = heap.input(weights);
        const from = heap.input(x);
        const gradients = heap.input(dy);
        const apart = heap.output(bytes);
        const inPlace = heap.output(bytes, dy);
        const sum = heap.output(bytes, before);
        const inverses = heap.output(4 * T);
        for (const [t0, t1] of split(T)) {
          kernels.rmsNormBackward(apart, inverses, gradients, from, w, eps, n, 0, t0, t1);
          kernels.rmsNormBackward(inPlace, inverses, inPlace, from, w, eps, n, 0, t0, t1);
          kernels.rmsNormBackward(sum, inverses, gradients, from, w, eps, n, 1, t0, t1);
        }
        return [
          { bytes: heap.read(apart, bytes), tolerance },
          { bytes: heap.read(inPlace, bytes), tolerance },
          { bytes: heap.read(sum, bytes), tolerance: (i) => tolerance(i) + 2 ** -22 * Math.abs(before[i]!) },
          { bytes: heap.read(inverses, 4 * T), tolerance: (t) => 1e-6 * inverseOf[t]! },
        ];
      });
    }
  }
}

/** Gradients of a norm's weights over columns that start and end anywhere, to 1e-6 of their terms. */
export function normWeightGradients(pair: TrainingPair): void {
  const random = createRandom(72);
  for (const n of LENGTHS) {
    for (const tokens of [1, 5, 70]) {
      const stride = rowStride(n);
      const x = randomRows(random, tokens, n);
      const dy = randomRows(random, tokens, n);
      const before = Float32Array.from({ length: n }, () => randomValue(random));
      const rows = Float32Array.from({ length: tokens }, () => 0.1 + random.next());
      const terms = Float64Array.from(before, (value, c) => {
        let sum = Math.abs(value);
        for (let t = 0; t < tokens; t++) sum += Math.abs(dy[t * stride + c]! * x[t * stride + c]! * rows[t]!);
        return sum;
      });
      pair.compare(`rmsNormWeightGradient n=${n} T=${tokens}`, (heap, kernels, split) => {
        const [gradients, from, inverses] = [heap.input(dy), heap.input(x), heap.input(rows)];
        const dw = heap.output(4 * n, before);
        for (const [c0, c1] of split(n)) {
          kernels.rmsNormWeightGradient(dw, gradients, from, inverses, n, tokens, c0, c1);
        }
        return [{ bytes: heap.read(dw, 4 * n), tolerance: (c) => 1e-6 * terms[c]! }];
      });
    }
  }
}

/** Gradients of every activation over elements that start and end anywhere, apart and in place. */
export function gateGradients(pair: TrainingPair): void {
  const random = createRandom(73);
  const edges = [0, -0, 1e-30, -1e-30, 20, -20, 87.5, -87.5, 90, -90, 1000, -1000, 1e10, -1e10];
  for (const [name, activation] of Object.entries(Activation)) {
    for (const count of [1, 2, 3, 4, 5, 15, 16, 33, 100, 257]) {
      const list = (scale: number) => Float32Array.from({ length: count }, () => scale * randomValue(random));
      const gate = list(4);
      for (const [i, edge] of edges.entries()) gate[(i * 5) % count] = edge;
      const up = list(2);
      const dOut = list(1);
      const bytes = 4 * count;
      const forGate = (i: number) => 3e-6 * Math.abs(dOut[i]! * up[i]!) * (1 + Math.abs(gate[i]!));
      const forUp = (i: number) =>
        3e-6 *
        Math.abs(dOut[i]!) *
        (1 + (activation === Activation.ReLU2 ? gate[i]! ** 2 : Math.abs(gate[i]!)));
      pair.compare(`gateBackward ${name} of ${count}`, (heap, kernels, split) => {
        const [g, u, gradients] = [heap.input(gate), heap.input(up), heap.input(dOut)];
        const [dGate, dUp] = [heap.output(bytes), heap.output(bytes)];
        const [gateInPlace, otherUp] = [heap.output(bytes, dOut), heap.output(bytes)];
        const [otherGate, upInPlace] = [heap.output(bytes), heap.output(bytes, dOut)];
        for (const [e0, e1] of split(count)) {
          kernels.gateBackward(dGate, dUp, gradients, g, u, activation, e0, e1);
          kernels.gateBackward(gateInPlace, otherUp, gateInPlace, g, u, activation, e0, e1);
          kernels.gateBackward(otherGate, upInPlace, upInPlace, g, u, activation, e0, e1);
        }
        return [
          ...[dGate, gateInPlace, otherGate].map((at) => ({
            bytes: heap.read(at, bytes),
            tolerance: forGate,
          })),
          ...[dUp, otherUp, upInPlace].map((at) => ({ bytes: heap.read(at, bytes), tolerance: forUp })),
        ];
      });
    }
  }
}

/** Rows added to a table in order of tokens, some of them the same, bit for bit. */
export function embeddingGradients(pair: TrainingPair): void {
  const random = createRandom(74);
  const V = 6;
  const ids = Int32Array.from([5, 0, 3, 5, 5, 1, 0, 3, 5]);
  for (const K of LENGTHS) {
    const before = randomRows(random, V, K);
    const dx = randomRows(random, ids.length, K);
    pair.compare(`embedBackward K=${K}`, (heap, kernels, split) => {
      const [tokens, rows] = [heap.input(ids), heap.input(dx)];
      const table = heap.output(before.byteLength, before);
      for (const [c0, c1] of split(K)) kernels.embedBackward(table, tokens, rows, K, ids.length, c0, c1);
      return [{ bytes: heap.read(table, before.byteLength) }];
    });
  }
}

/** Shapes of scores: rows, the first one's position, columns, and elements between rows. */
const SCORES = [
  { rows: 1, position: 0, columns: 1, ld: 1 },
  { rows: 9, position: 0, columns: 9, ld: 9 },
  { rows: 17, position: 0, columns: 17, ld: 32 },
  { rows: 33, position: 0, columns: 33, ld: 48 },
  { rows: 8, position: 56, columns: 64, ld: 64 },
  { rows: 9, position: 3, columns: 30, ld: 35 },
  { rows: 3, position: 254, columns: 257, ld: 272 },
];

/** Softmaxes over what each row sees, and zeros behind it. */
export function softmaxes(pair: TrainingPair): void {
  const random = createRandom(75);
  for (const { rows, position, columns, ld } of SCORES) {
    for (const scale of [0.125, 1, 3]) {
      const scores = Float32Array.from({ length: rows * ld }, () => 3 * randomValue(random));
      const most = scores.reduce((most, score) => Math.max(most, Math.abs(scale * score)), 0);
      const what = `rows=${rows} position=${position} columns=${columns} ld=${ld} scale=${scale}`;
      pair.compare(`causalSoftmax ${what}`, (heap, kernels, split) => {
        const p = heap.output(scores.byteLength, scores);
        for (const [r0, r1] of split(rows)) kernels.causalSoftmax(p, ld, scale, position, columns, r0, r1);
        // An error in a score, of its share of the largest, is one in the share of the weight.
        return [{ bytes: heap.read(p, scores.byteLength), tolerance: () => 1e-6 + 3e-7 * most }];
      });
    }
  }
}

/** Gradients of softmaxes, to 2e-6 of their terms. */
export function softmaxGradients(pair: TrainingPair): void {
  const random = createRandom(76);
  for (const { rows, position, columns, ld } of SCORES) {
    const weights = new Float32Array(rows * ld);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c <= position + r; c++) weights[r * ld + c] = random.next() / (position + r + 1);
    }
    const gradients = Float32Array.from({ length: rows * ld }, () => randomValue(random));
    const terms = gradients.map((gradient, i) => {
      const row = i - (i % ld);
      let sum = Math.abs(gradient);
      for (let c = row; c < row + columns; c++) sum += Math.abs(weights[c]! * gradients[c]!);
      return i % ld < columns ? weights[i]! * sum : 0;
    });
    for (const scale of [0.125, 1]) {
      const what = `rows=${rows} columns=${columns} ld=${ld} scale=${scale}`;
      pair.compare(`causalSoftmaxBackward ${what}`, (heap, kernels, split) => {
        const p = heap.input(weights);
        const dp = heap.output(gradients.byteLength, gradients);
        for (const [r0, r1] of split(rows)) kernels.causalSoftmaxBackward(dp, p, ld, scale, columns, r0, r1);
        const bytes = heap.read(dp, gradients.byteLength);
        return [{ bytes, tolerance: (i) => 2e-6 * scale * terms[i]! }];
      });
    }
  }
}

/** Losses and gradients of logits, with tokens that count for nothing, and of losses alone, which leave the logits. */
export function losses(pair: TrainingPair): void {
  const random = createRandom(77);
  for (const V of [1, 2, 5, 15, 16, 17, 100, 257, 2051]) {
    const stride = rowStride(V);
    for (const spread of [1, 30]) {
      const logits = randomRows(random, T, V, spread);
      const targets = Int32Array.from({ length: T }, (_, t) => (t % 4 === 3 ? -1 : random.below(V)));
      const most = logits.reduce((most, logit) => Math.max(most, Math.abs(logit)), 0);
      for (const scale of [0, 1, 1 / 512]) {
        pair.compare(`crossEntropy V=${V} spread=${spread} scale=${scale}`, (heap, kernels, split) => {
          const ids = heap.input(targets);
          const rows = heap.output(logits.byteLength, logits);
          const out = heap.output(4 * T);
          for (const [t0, t1] of split(T)) kernels.crossEntropy(out, rows, ids, scale, V, stride, t0, t1);
          return [
            { bytes: heap.read(out, 4 * T), tolerance: () => 1e-6 + 3e-7 * most },
            { bytes: heap.read(rows, logits.byteLength), tolerance: () => scale * (1e-6 + 3e-7 * most) },
          ];
        });
      }
    }
  }
}
