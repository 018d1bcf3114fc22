/**
 * The reference's KV cache and attention against the published formulas in double precision, written here a second time;
 * and attention in halves against attention whole, bit for bit, which other backends then inherit from the reference.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '#src/base/random.js';
import { createReferenceBackend } from '#src/kernels/backend.js';
import {
  attentionItems,
  attentionPartialStride,
  KvFormat,
  kvBlockCount,
  kvHeadBytes,
  rowStride,
} from '#src/kernels/kernels.js';
import { floatToHalf, halfToFloat } from '#src/tensor/half.js';
import { nameOf, prepare } from './attention-conformance.ts';
import { EXP_ERROR, near, U } from './closeness.ts';
import { assertSameBytes, GuardedHeap } from './guarded-heap.ts';
import { ATTENTION_CASES } from './kernel-cases.ts';
import { blockBytes, pageLayer, randomBlock } from './paged-cache.ts';
import { randomRows } from './random-data.ts';

const random = createRandom(21);
const heap = new GuardedHeap(createReferenceBackend(false));
const { kernels } = heap;

/** Stores one head vector as position 0 of a cache, and answers what the block then holds. */
function storeRow(values: Float32Array, format: KvFormat): Uint8Array<ArrayBuffer> {
  const D = values.length;
  const bytes = kvHeadBytes(format, D);
  const block = heap.output(bytes);
  const blocks = heap.input(Float64Array.of(block));
  kernels.storeKv(blocks, 0, format, heap.input(values), D, D, 1, D, 0, 0, 1);
  return heap.read(block, bytes);
}

test('storeKv rounds to the nearest half, ties to even, and keeps f32 as it is', () => {
  const D = 16;
  const values = Float32Array.from([
    0,
    -0,
    1,
    1 + 2 ** -11,
    1 + 3 * 2 ** -11,
    2049,
    2051,
    65504,
    65519,
    -65520,
    2 ** -25,
    1.5 * 2 ** -24,
    3e-5,
    -6.1e-5,
    0.1,
    -1e5,
  ]);
  assert.deepEqual(new Float32Array(storeRow(values, KvFormat.F32).buffer).subarray(0, D), values);
  const halves = new Uint16Array(storeRow(values, KvFormat.F16).buffer).subarray(0, D);
  const expected = [0, 0x8000, 0x3c00, 0x3c00, 0x3c02, 0x6800, 0x6802, 0x7bff, 0x7bff, 0xfc00, 0, 2];
  assert.deepEqual([...halves.subarray(0, expected.length)], expected);
  for (const [i, half] of halves.entries()) {
    const magnitude = half & 0x7fff;
    if (magnitude === 0x7c00) continue;
    const error = Math.abs(halfToFloat(half) - values[i]!);
    for (const neighbour of [magnitude - 1, magnitude + 1].filter((bits) => bits >= 0 && bits < 0x7c00)) {
      assert.ok(error <= Math.abs(halfToFloat(neighbour | (half & 0x8000)) - values[i]!), `${values[i]}`);
    }
  }
  heap.release('storeKv');
});

test('storeKv in Q8: the nearest of 255 steps of max|x| / 127, ties to even', () => {
  const values = Float32Array.from([
    127, -127, 0.5, 1.5, -0.5, 2.5, 0, -0, 63.4, 63.6, 1e-9, -126.6, 2, 3, 4, 5,
  ]);
  const stored = storeRow(values, KvFormat.Q8);
  const scaleOf = (bytes: Uint8Array<ArrayBuffer>) => new DataView(bytes.buffer).getFloat32(64 * 16, true);
  assert.equal(scaleOf(stored), 1);
  const expected = [127, -127, 0, 2, 0, 2, 0, 0, 63, 64, 0, -127, 2, 3, 4, 5];
  assert.deepEqual([...new Int8Array(stored.buffer, 0, 16)], expected);
  for (const scale of [1e-20, 0.013, 7, 1e30]) {
    const row = randomRows(random, 1, 16, scale);
    const bytes = storeRow(row, KvFormat.Q8);
    const most = Math.max(...row.map(Math.abs));
    near(scaleOf(bytes), most / 127, (U * most) / 127, 'scale');
    for (const [i, q] of new Int8Array(bytes.buffer, 0, 16).entries()) {
      near(q * scaleOf(bytes), row[i]!, (most / 127) * (0.5 + 1e-4), `element ${i} of ${scale}`);
    }
  }
  const zero = storeRow(new Float32Array(16), KvFormat.Q8);
  assert.equal(scaleOf(zero), 0);
  assert.ok(zero.subarray(0, 16).every((byte) => byte === 0));
  heap.release('storeKv');
});

test('attention: softmax(q·k / sqrt(D)) v over the positions up to the own one', () => {
  for (const { D, heads, kvHeads, position, tokens, format } of [
    { D: 16, heads: 2, kvHeads: 1, position: 0, tokens: 3, format: KvFormat.F32 },
    { D: 20, heads: 3, kvHeads: 3, position: 62, tokens: 4, format: KvFormat.F16 },
    { D: 64, heads: 4, kvHeads: 2, position: 250, tokens: 9, format: KvFormat.F16 },
    { D: 36, heads: 4, kvHeads: 2, position: 130, tokens: 3, format: KvFormat.Q8 },
  ]) {
    const padded = rowStride(D);
    const scale = 0.02;
    const contents = Array.from({ length: kvBlockCount(position, tokens) }, () => ({
      keys: randomBlock(random, kvHeads, D, 2),
      values: randomBlock(random, kvHeads, D, 1),
    }));
    const q = randomRows(random, tokens * heads, D, 2);
    const { blocks, keys, values } = pageLayer(heap, contents.length, kvHeads * kvHeadBytes(format, D), (i) =>
      heap.input(blockBytes(contents[i]!.keys, contents[i]!.values, format, D, scale)),
    );
    const read = (rows: Float32Array, kvHead: number, p: number, i: number) => {
      const value = rows[(kvHead * 64 + (p % 64)) * D + i]!;
      if (format === KvFormat.F32) return value;
      if (format === KvFormat.F16) return halfToFloat(floatToHalf(value));
      const step = Math.fround(scale * (1 + (p % 64) / 7));
      return Math.max(-127, Math.min(127, Math.round(value / step))) * step;
    };
    const out = heap.output(4 * tokens * heads * D);
    const args = { out, outStride: heads * D, q: heap.input(q), blocks, keys, values, format };
    const dims = { scale: 1 / Math.sqrt(D), heads, kvHeads, headLength: D, position, tokens };
    kernels.attention({ ...args, ...dims, scratch: heap.zeroed(64) }, 0, attentionItems(tokens, heads));
    const found = new Float32Array(heap.read(out, 4 * tokens * heads * D).buffer);
    for (let t = 0; t < tokens; t++) {
      for (let h = 0; h < heads; h++) {
        const kvHead = Math.floor(h / (heads / kvHeads));
        const scores = Array.from({ length: position + t + 1 }, (_, p) => {
          let score = 0;
          let magnitude = 0;
          for (let i = 0; i < D; i++) {
            const k = read(contents[Math.floor(p / 64)]!.keys, kvHead, p, i);
            const term = q[(t * heads + h) * padded + i]! * k;
            score += term;
            magnitude += Math.abs(term);
          }
          return { score: score / Math.sqrt(D), magnitude: magnitude / Math.sqrt(D) };
        });
        const most = Math.max(...scores.map(({ score }) => score));
        const weights = scores.map(({ score }) => Math.exp(score - most));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        // A weight is off by its score's error (a 16-lane sum, the scale, in Q8 the key's product), the subtraction's, and
        // the exponential's; the same again for the sum that it is divided by. Mixing adds one rounding a position, folds
        // a few a block. No weight is below e^-87.33 = 1.2e-38.
        const scoreError = (D / 16 + 9) * U * Math.max(...scores.map(({ magnitude }) => magnitude));
        const spread = U * Math.max(...scores.map(({ score }) => most - score));
        const roundings = 65 + 6 * Math.ceil(scores.length / 64);
        const relative = 2 * (2 * scoreError + spread + EXP_ERROR) + roundings * U;
        for (let i = 0; i < D; i++) {
          let mix = 0;
          let magnitude = 0;
          for (const [p, weight] of weights.entries()) {
            const term = (weight / total) * read(contents[Math.floor(p / 64)]!.values, kvHead, p, i);
            mix += term;
            magnitude += Math.abs(term);
          }
          const at = (t * heads + h) * D + i;
          near(found[at]!, mix, relative * magnitude + 1e-35, `D=${D}, token ${t}, head ${h}, element ${i}`);
        }
      }
    }
    heap.release('attention');
  }
});

test('attention in halves has the bits of attention', () => {
  for (const attentionCase of ATTENTION_CASES) {
    const { heads, kvHeads, headLength, position, tokens, place } = prepare(attentionCase);
    const { args, outBytes } = place(heap);
    const scratch = heap.zeroed(64);
    kernels.attention({ ...args, scratch }, 0, attentionItems(tokens, heads));
    const whole = heap.read(args.out, outBytes);
    const blocks = kvBlockCount(position, tokens);
    const out = heap.output(outBytes);
    const partials = heap.output(4 * tokens * heads * blocks * attentionPartialStride(headLength));
    kernels.attentionBlocks(partials, { ...args, out, scratch }, 0, blocks * kvHeads);
    kernels.attentionFold(partials, { ...args, out, scratch }, 0, tokens * heads);
    assertSameBytes(heap.read(out, outBytes), whole, nameOf(attentionCase));
    heap.release('attention in halves');
  }
});
