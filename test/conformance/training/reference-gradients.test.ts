/**
 * The reference's backward halves against central differences of the forward formulas in double precision, written here a
 * second time; and its products and optimiser against theirs.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.js';
import { Activation } from '#src/kernels/activation.js';
import { createReferenceBackend } from '#src/kernels/backend.js';
import { rowStride } from '#src/kernels/kernels.js';
import { GemmForm, SQUARES_BLOCK } from '#src/kernels/training-kernels.js';
import { near } from '../closeness.ts';
import { GuardedHeap } from '../guarded-heap.ts';
import { randomRows } from '../random-data.ts';
import { floats } from './training-pair.ts';

const random = createRandom(81);
const heap = new GuardedHeap(createReferenceBackend(false));
const kernels = heap.kernels;

function numbers(count: number, scale = 1): Float32Array {
  return Float32Array.from({ length: count }, () => scale * (2 * random.next() - 1));
}

function floatsAt(address: number, count: number): Float32Array {
  return floats(heap.read(address, 4 * count));
}

/** d loss / d x[i] by a central difference. */
function slope(loss: (x: Float64Array) => number, x: Float32Array, i: number): number {
  const step = 1e-4;
  const moved = Float64Array.from(x);
  moved[i] = x[i]! + step;
  const above = loss(moved);
  moved[i] = x[i]! - step;
  return (above - loss(moved)) / (2 * step);
}

test('gemm multiplies what its form says', () => {
  // a = [[1, 2, 3], [4, 5, 6]], b = [[1, 2], [3, 4], [5, 6]], each also as its transpose.
  const product = [22, 28, 49, 64];
  const forms = [
    { form: GemmForm.NN, a: [1, 2, 3, 4, 5, 6], lda: 3, b: [1, 2, 3, 4, 5, 6], ldb: 2 },
    { form: GemmForm.NT, a: [1, 2, 3, 4, 5, 6], lda: 3, b: [1, 3, 5, 2, 4, 6], ldb: 3 },
    { form: GemmForm.TN, a: [1, 4, 2, 5, 3, 6], lda: 2, b: [1, 2, 3, 4, 5, 6], ldb: 2 },
  ];
  for (const { form, a, lda, b, ldb } of forms) {
    const from = heap.input(Float32Array.from(a));
    const by = heap.input(Float32Array.from(b));
    const c = heap.zeroed(16);
    kernels.gemm(c, 2, from, lda, by, ldb, form, 2, 3, 0, 0, 0, 2);
    assert.deepEqual([...floatsAt(c, 4)], product, `form ${form}`);
    kernels.gemm(c, 2, from, lda, by, ldb, form, 2, 3, 1, 0, 1, 2);
    assert.deepEqual([...floatsAt(c, 4)], [22, 28, 98, 128], `form ${form}, a row of it added`);
    heap.release('gemm');
  }
});

test('weights become the nearest of -scale, 0 and scale, and what changed is counted', () => {
  const w = heap.input(Float32Array.from([0.2, -0.3, 0.24, 0.26, -9, 9, ...new Array(10).fill(0)]));
  const codes = heap.output(6, Uint8Array.from([1, 1, 1, 1, 0, 1]));
  const values = heap.zeroed(64);
  const counts = heap.zeroed(8);
  kernels.quantizeWeights(codes, values, counts, w, 0.5, 6, 0, 1);
  assert.deepEqual([...heap.read(codes, 6)], [1, 0, 1, 2, 0, 2]);
  assert.deepEqual(
    [...floatsAt(values, 6)].map((value) => value + 0),
    [0, -0.5, 0, 0.5, -0.5, 0.5],
  );
  assert.deepEqual([...new Int32Array(heap.read(counts, 8).buffer)], [3, 2]);
  const sums = heap.zeroed(4);
  kernels.absSums(sums, w, 6, 0, 1);
  near(floatsAt(sums, 1)[0]!, 19, 1e-5, 'Σ|w|');
  heap.release('quantizeWeights');
});

test('dequantised activations are within half a step of what they were', () => {
  const K = 40;
  const x = randomRows(random, 1, K);
  const from = heap.input(x);
  const q = heap.zeroed(kernels.activationBytes(K));
  const out = heap.output(x.byteLength);
  kernels.quantize(q, from, K, 0, 1);
  kernels.dequantize(out, q, K, 0, 1);
  const most = x.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (const [i, value] of floatsAt(out, x.length).entries())
    near(value, x[i]!, (most / 127) * 0.5001, `${i}`);
  heap.release('dequantize');
});

test('gradients of a norm', () => {
  const n = 20;
  const stride = rowStride(n);
  const [x, w, dy] = [randomRows(random, 1, n), randomRows(random, 1, n), randomRows(random, 1, n)];
  const loss = (values: Float64Array, weights: ArrayLike<number>) => {
    let squares = 0;
    for (let k = 0; k < n; k++) squares += values[k]! ** 2;
    let sum = 0;
    for (let k = 0; k < n; k++) sum += (dy[k]! * values[k]! * weights[k]!) / Math.sqrt(squares / n + 1e-5);
    return sum;
  };
  const [from, weights, gradients] = [heap.input(x), heap.input(w), heap.input(dy)];
  const dx = heap.output(4 * stride);
  const inverses = heap.output(4);
  const dw = heap.zeroed(4 * n);
  kernels.rmsNormBackward(dx, inverses, gradients, from, weights, 1e-5, n, 0, 0, 1);
  kernels.rmsNormWeightGradient(dw, gradients, from, inverses, n, 1, 0, n);
  const exact = Float64Array.from(x);
  for (let k = 0; k < n; k++) {
    const byInput = slope((values) => loss(values, w), x, k);
    near(floatsAt(dx, n)[k]!, byInput, 1e-4 * (1 + Math.abs(byInput)), `dx ${k}`);
    const byWeight = slope((values) => loss(exact, values), w, k);
    near(floatsAt(dw, n)[k]!, byWeight, 1e-4 * (1 + Math.abs(byWeight)), `dw ${k}`);
  }
  heap.release('norm');
});

test('gradients of every activation', () => {
  const forward: Readonly<Record<keyof typeof Activation, (x: number) => number>> = {
    SiLU: (x) => x / (1 + Math.exp(-x)),
    ReLU2: (x) => Math.max(x, 0) ** 2,
    GeluTanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  };
  const [gate, up, dOut] = [numbers(50, 4), numbers(50), numbers(50)];
  for (const [name, activate] of Object.entries(forward)) {
    const [g, u, gradients] = [heap.input(gate), heap.input(up), heap.input(dOut)];
    const [dGate, dUp] = [heap.output(200), heap.output(200)];
    const activation = Activation[name as keyof typeof Activation];
    kernels.gateBackward(dGate, dUp, gradients, g, u, activation, 0, 50);
    for (let i = 0; i < 50; i++) {
      const expected = slope((values) => dOut[i]! * activate(values[i]!) * up[i]!, gate, i);
      near(floatsAt(dGate, 50)[i]!, expected, 1e-5, `${name}'(${gate[i]})`);
      near(floatsAt(dUp, 50)[i]!, dOut[i]! * activate(gate[i]!), 1e-6, `${name}(${gate[i]})`);
    }
    heap.release(name);
  }
});

test('gradients of a causal softmax', () => {
  const columns = 12;
  const seen = 8;
  const scale = 0.25;
  const [scores, dp] = [numbers(columns, 3), numbers(columns)];
  const weightsOf = (values: Float64Array) => {
    const all = [...values.subarray(0, seen)].map((value) => Math.exp(scale * value));
    const sum = all.reduce((total, value) => total + value, 0);
    return all.map((value) => value / sum);
  };
  const p = heap.output(4 * columns, scores);
  kernels.causalSoftmax(p, columns, scale, seen - 1, columns, 0, 1);
  const expected = weightsOf(Float64Array.from(scores));
  for (let c = 0; c < columns; c++) near(floatsAt(p, columns)[c]!, expected[c] ?? 0, 1e-7, `p ${c}`);
  const gradients = heap.output(4 * columns, dp);
  kernels.causalSoftmaxBackward(gradients, p, columns, scale, columns, 0, 1);
  const loss = (values: Float64Array) =>
    weightsOf(values).reduce((sum, weight, c) => sum + weight * dp[c]!, 0);
  for (let c = 0; c < columns; c++) {
    near(floatsAt(gradients, columns)[c]!, slope(loss, scores, c), 1e-6, `ds ${c}`);
  }
  heap.release('softmax');
});

test('losses and gradients of logits', () => {
  const V = 21;
  const stride = rowStride(V);
  const logits = randomRows(random, 2, V);
  const targets = Int32Array.from([4, -1]);
  const loss = (values: Float64Array) => {
    let sum = 0;
    for (let v = 0; v < V; v++) sum += Math.exp(values[v]!);
    return Math.log(sum) - values[4]!;
  };
  const ids = heap.input(targets);
  const rows = heap.output(logits.byteLength, logits);
  const losses = heap.output(8);
  kernels.crossEntropy(losses, rows, ids, 0, V, stride, 0, 2);
  assert.deepEqual(floatsAt(rows, logits.length), logits, 'a loss alone leaves the logits');
  near(floatsAt(losses, 2)[0]!, loss(Float64Array.from(logits)), 1e-5, 'loss');
  assert.equal(floatsAt(losses, 2)[1], 0);
  kernels.crossEntropy(losses, rows, ids, 0.5, V, stride, 0, 2);
  for (const [i, gradient] of floatsAt(rows, logits.length).entries()) {
    const expected = i < V ? 0.5 * slope(loss, logits, i) : 0;
    near(gradient, expected, 1e-6, `gradient ${i}`);
  }
  heap.release('crossEntropy');
});

test('the squares of a block end where the array ends', () => {
  const x = new Float32Array(SQUARES_BLOCK + 2).fill(2);
  const [from, sums] = [heap.input(x), heap.zeroed(8)];
  kernels.sumSquares(sums, from, x.length, 0, 2);
  assert.deepEqual([...floatsAt(sums, 2)], [4 * SQUARES_BLOCK, 8]);
  heap.release('sumSquares');
});

test('the first step of AdamW is the learning rate against the sign of the gradient, and the decay', () => {
  const [w, m, v] = [heap.output(8, Float32Array.of(1, -2)), heap.zeroed(8), heap.zeroed(8)];
  const g = heap.input(Float32Array.of(3, -0.01));
  kernels.adamw(w, m, v, g, 0.1, 0.9, 0.999, 1e-8, 0.5, 2, 1 - 0.9, 1 - 0.999, 0, 2);
  near(floatsAt(w, 2)[0]!, 1 - 0.1 - 0.1 * 0.5, 1e-5, 'w 0');
  near(floatsAt(w, 2)[1]!, -2 + 0.1 + 0.1 * 0.5 * 2, 1e-5, 'w 1');
  near(floatsAt(m, 2)[0]!, 0.1 * 6, 1e-6, 'm');
  near(floatsAt(v, 2)[0]!, 0.001 * 36, 1e-7, 'v');
  heap.release('adamw');
});
