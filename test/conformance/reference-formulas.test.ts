/**
 * The reference kernels against the published formulas in double precision, written here a second time. Attention is in
 * reference-attention.test.ts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.js';
import { Activation } from '#src/kernels/activation.js';
import { createReferenceBackend } from '#src/kernels/backend.js';
import { RopeStyle, rowStride } from '#src/kernels/kernels.js';
import { dotLanes, expF32, roundTiesToEven } from '#src/kernels/reference/arithmetic.js';
import { fillRopeTable } from '#src/model/rope-table.js';
import { EXP_ERROR, near, U } from './closeness.ts';
import { GuardedHeap } from './guarded-heap.ts';
import { REDUCTIONS } from './kernel-cases.ts';
import { randomCodes, randomRows } from './random-data.ts';

const random = createRandom(21);
const heap = new GuardedHeap(createReferenceBackend(false));
const { kernels } = heap;

function floatsAt(address: number, count: number): Float32Array {
  return new Float32Array(heap.read(address, 4 * count).buffer);
}

test('exp has a relative error below 2e-7 over the range of normal results, and is clamped outside', () => {
  for (let i = 0; i < 200_000; i++) {
    const x = Math.fround(-87.33 + (i / 200_000) * 175.33);
    near(expF32(x), Math.exp(x), EXP_ERROR * Math.exp(x), `exp(${x})`);
  }
  assert.equal(expF32(0), 1);
  assert.equal(expF32(-0), 1);
  assert.equal(expF32(-1000), expF32(Math.fround(-87.33)));
  assert.equal(expF32(1000), expF32(88));
  assert.ok(Number.isNaN(expF32(Number.NaN)));
});

test('rounding sends ties to even', () => {
  for (const [x, expected] of [
    [0.5, 0],
    [1.5, 2],
    [2.5, 2],
    [-0.5, 0],
    [-1.5, -2],
    [-2.5, -2],
    [126.5, 126],
    [0.49999997, 0],
    [0.50000006, 1],
  ] as const) {
    assert.equal(roundTiesToEven(x) + 0, expected, `${x}`);
  }
});

test('a 16-lane sum is within its rounding bound of the exact one', () => {
  for (const count of [1, 15, 16, 17, 100, 2112, 6912]) {
    const a = randomRows(random, 1, count);
    const b = randomRows(random, 1, count);
    let exact = 0;
    let magnitude = 0;
    for (let i = 0; i < count; i++) {
      exact += a[i]! * b[i]!;
      magnitude += Math.abs(a[i]! * b[i]!);
    }
    // One rounding for each product, one for each addition into a lane, four for the folds.
    const bound = (Math.ceil(count / 16) + 5) * U * magnitude * 1.001;
    near(dotLanes(a, 0, b, 0, count), exact, bound, `${count} terms`);
  }
});

test('quantize: s = 127 / max(max|x|, 1e-5), q = x * s rounded with ties to even', () => {
  for (const K of [1, 5, 16, 100]) {
    const rows = [
      randomRows(random, 1, K, 3),
      randomRows(random, 1, K, 1e-7),
      Float32Array.from({ length: rowStride(K) }, (_, k) => (k >= K ? 0 : k === 0 ? 127 : (k % 250) - 120.5)),
    ];
    for (const x of rows) {
      const q = heap.output(kernels.activationBytes(K));
      kernels.quantize(q, heap.input(x), K, 0, 1);
      const largest = x.subarray(0, K).reduce((most, value) => Math.max(most, Math.abs(value)), 1e-5);
      const s = Math.fround(127 / Math.fround(largest));
      assert.equal(floatsAt(q, 1)[0], s);
      const values = new Int8Array(heap.read(q + 16, K).buffer);
      for (let k = 0; k < K; k++) {
        const exact = Math.fround(x[k]! * s);
        const below = Math.floor(exact);
        const tie = exact - below === 0.5;
        const expected = tie ? (below % 2 === 0 ? below : below + 1) : Math.round(exact);
        assert.equal(values[k], Math.max(-128, Math.min(127, expected)) + 0, `x = ${x[k]}`);
      }
      heap.release('quantize');
    }
  }
});

test('ternaryMatmul: the exact integer product, times weightScale / s in that order', () => {
  for (const K of REDUCTIONS) {
    const [M, T] = [3, 2];
    const codes = randomCodes(random, M * K);
    const x = randomRows(random, T, K);
    const w = heap.zeroed(kernels.ternaryBytes(M, K));
    const bytes = kernels.activationBytes(K);
    const q = heap.output(T * bytes);
    const out = heap.output(4 * T * M);
    kernels.packTernary(w, heap.input(codes), K, 0, M);
    kernels.quantize(q, heap.input(x), K, 0, T);
    kernels.ternaryMatmul(out, M, q, w, 0.7, K, T, 0, 0, M);
    const found = floatsAt(out, T * M);
    for (let t = 0; t < T; t++) {
      const s = floatsAt(q + t * bytes, 1)[0]!;
      const values = new Int8Array(heap.read(q + t * bytes + 16, K).buffer);
      for (let r = 0; r < M; r++) {
        let sum = 0;
        for (let k = 0; k < K; k++) sum += (codes[r * K + k]! - 1) * values[k]!;
        assert.equal(found[t * M + r], Math.fround(sum * Math.fround(Math.fround(0.7) / s)));
      }
    }
    heap.release('ternaryMatmul');
  }
});

test('int8 rows are within half a step of their weights, and their product is that of the integers', () => {
  const [M, K] = [4, 100];
  const stride = rowStride(K);
  const weights = randomRows(random, M, K);
  const w = heap.output(M * stride);
  const scales = heap.output(4 * M);
  kernels.packInt8Rows(w, scales, heap.input(weights), 0, K, 0, M);
  const rows = new Int8Array(heap.read(w, M * stride).buffer);
  const steps = floatsAt(scales, M);
  for (const [i, weight] of weights.entries()) {
    const step = steps[Math.floor(i / stride)]!;
    // The reciprocal, the product and the scale are rounded once each.
    near(rows[i]! * step, weight, step / 2 + 127 * step * 4 * U, `weight ${i}`);
  }
  const x = randomRows(random, 1, K);
  const q = heap.output(kernels.activationBytes(K));
  const out = heap.output(4 * M);
  kernels.quantize16(q, heap.input(x), K, 0, 1);
  kernels.int8Matmul(out, M, q, w, scales, K, 1, 0, M);
  const s = floatsAt(q, 1)[0]!;
  const values = new Int16Array(heap.read(q + 16, 2 * stride).buffer);
  const found = floatsAt(out, M);
  for (let r = 0; r < M; r++) {
    let sum = 0;
    for (let k = 0; k < K; k++) {
      near(values[k]! / s, x[k]!, 0.5001 / s, `activation ${k}`);
      sum += rows[r * stride + k]! * values[k]!;
    }
    assert.equal(found[r], Math.fround(Math.fround(sum) * Math.fround(steps[r]! / s)));
  }
  heap.release('int8');
});

test('rmsNorm: x * w / sqrt(mean(x²) + eps)', () => {
  for (const n of REDUCTIONS) {
    const x = randomRows(random, 1, n, 2);
    const w = randomRows(random, 1, n);
    const out = heap.output(x.byteLength);
    kernels.rmsNorm(out, heap.input(x), heap.input(w), 1e-5, n, 0, 1);
    const found = floatsAt(out, n);
    const meanSquare = x.reduce((sum, value) => sum + value * value, 0) / n;
    const scale = 1 / Math.sqrt(meanSquare + 1e-5);
    // The root halves the error of the sum; then scale, w * scale and the product are rounded.
    const bound = ((Math.ceil(n / 16) + 5) / 2 + 3) * U * 1.001;
    for (let k = 0; k < n; k++) {
      const expected = x[k]! * w[k]! * scale;
      near(found[k]!, expected, bound * Math.abs(expected) + 1e-44, `n=${n}, element ${k}`);
    }
    heap.release('rmsNorm');
  }
});

test('gate: SiLU, squared ReLU and GELU (tanh) of the gate, times up', () => {
  const exact: Record<keyof typeof Activation, (x: number) => number> = {
    SiLU: (x) => x / (1 + Math.exp(-x)),
    ReLU2: (x) => Math.max(x, 0) ** 2,
    GeluTanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  };
  const n = 4096;
  const x = Float32Array.from({ length: n }, (_, i) => (i - n / 2) / 40);
  const up = randomRows(random, 1, n);
  for (const [name, activation] of Object.entries(Activation)) {
    const out = heap.output(4 * n);
    kernels.gate(out, heap.input(x), heap.input(up), activation, n, 1, 0, n);
    for (const [i, found] of floatsAt(out, n).entries()) {
      const expected = exact[name as keyof typeof Activation](x[i]!) * up[i]!;
      // SiLU and squared ReLU: the exponential's error and four roundings, relative. GELU takes a number near 1 from 1
      // for negative x, and its exponent is about 2u, whose own error grows with it: relative to |x| there.
      const relative = EXP_ERROR + 4 * U;
      const bound =
        name === 'GeluTanh'
          ? (relative + 2e-7) * Math.abs(x[i]! * up[i]!)
          : relative * Math.abs(expected) + 1e-35 * Math.abs(up[i]!);
      near(found, expected, bound, `${name}(${x[i]}) * ${up[i]}`);
    }
    heap.release('gate');
  }
});

test('rope: pairs turned by position * base^(-2i/D), rounded once', () => {
  const D = 12;
  const positions = [0, 1, 100, 4095];
  const angles = new Float64Array(4096 * D);
  fillRopeTable(angles, 4096, D, 10000);
  for (const style of Object.values(RopeStyle)) {
    const x = randomRows(random, positions.length, D);
    const out = heap.zeroed(4 * positions.length * rowStride(D));
    const ids = heap.input(Int32Array.from(positions));
    kernels.rope(out, heap.input(x), rowStride(D), ids, heap.input(angles), style, 1, D, 0, positions.length);
    const found = floatsAt(out, positions.length * rowStride(D));
    for (const [t, position] of positions.entries()) {
      for (let i = 0; i < D / 2; i++) {
        const angle = position * 10000 ** ((-2 * i) / D);
        const [first, second] = style === RopeStyle.Half ? [i, i + D / 2] : [2 * i, 2 * i + 1];
        const at = t * rowStride(D);
        const [a, b] = [x[at + first]!, x[at + second]!];
        const turned = [
          a * Math.cos(angle) - b * Math.sin(angle),
          a * Math.sin(angle) + b * Math.cos(angle),
        ] as const;
        // The angle itself is off by a few 1e-16 of its size; beside that there is one rounding.
        const slack = 1e-11 * (Math.abs(a) + Math.abs(b));
        near(
          found[at + first]!,
          turned[0],
          U * Math.abs(turned[0]) + slack,
          `position ${position}, pair ${i}`,
        );
        near(
          found[at + second]!,
          turned[1],
          U * Math.abs(turned[1]) + slack,
          `position ${position}, pair ${i}`,
        );
      }
    }
    heap.release('rope');
  }
});
