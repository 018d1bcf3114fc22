/**
 * What is shown of a model is what its kernels multiply with: on every backend the weights that are read back are the codes of
 * the file, and a traced product is, bit for bit, the formula on the values that are shown beside it.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Engine } from '#src/engine/engine.js';
import { loadEngine } from '#src/engine/load-engine.js';
import type { EngineOptions } from '#src/engine/options.js';
import { readTensor } from '#src/formats/tensor-info.js';
import { Inside } from '#src/inside/inside.js';
import type { ValueCounts } from '#src/inside/inside-facts.js';
import { ternaryMatrices } from '#src/inside/matrices.js';
import type { RunningBackend } from '#src/kernels/backend-name.js';
import { packedLayout, weightPlace } from '#src/kernels/packed-weights.js';
import type { TernaryMatrix } from '#src/model/forward/trace.js';
import type { OpenedModel } from '#src/model/open.js';
import { elementCount, isTernary } from '#src/tensor/dtype.js';
import { unpackTernary } from '#src/tensor/ternary-tensor.js';
import { openGolden, someTokens } from '../fixtures/golden-models.ts';
import { usableBackends } from '../fixtures/usable-backends.ts';

/** Dims that fill tiles, that fill some, and that fill none. */
const MODELS = ['tiny-tales', 'bitnet-wide.i2_s', 'llama-ternary.i2_s', 'ragged-packed'];
const { main, others } = await usableBackends();
const BACKENDS: readonly RunningBackend[] = ['reference', ...main, ...others];

async function withEngine<T>(
  name: string,
  options: EngineOptions,
  use: (engine: Engine, opened: OpenedModel) => Promise<T>,
): Promise<T> {
  const opened = await openGolden(name);
  const engine = await loadEngine(opened, options);
  try {
    return await use(engine, opened);
  } finally {
    await engine.dispose();
    await opened.close();
  }
}

function insideOf(engine: Engine): Inside {
  const tokenizer = {
    encode: (text: string) => Array.from(text, (letter) => letter.charCodeAt(0) % 90),
    isSpecial: () => false,
    tokenBytes: (id: number) => new TextEncoder().encode(`<${id}>`),
  };
  return new Inside({ engine, backend: engine.backendName, tokenizer } as never);
}

async function countsOf(inside: Inside): Promise<ValueCounts[]> {
  const counts: ValueCounts[] = [];
  for await (const one of inside.counts()) counts.push(one);
  return counts;
}

/** All weights of a model, matrix by matrix, as tiles give them. */
async function weightsOf(engine: Engine): Promise<Map<string, Int8Array>> {
  const inside = insideOf(engine);
  const found = new Map<string, Int8Array>();
  for (const { layer, name, matrix } of ternaryMatrices(engine.loaded.plan)) {
    const { rows, columns } = matrix;
    const whole = { layer, name, row: 0, rows, column: 0, columns, step: 1 };
    found.set(`${layer}.${name}`, await inside.tile(whole));
  }
  return found;
}

async function codesOfFile({ architecture, tensors, config }: OpenedModel): Promise<Map<string, Int8Array>> {
  const found = new Map<string, Int8Array>();
  for (let layer = 0; layer < config.blockCount; layer++) {
    for (const name of ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] as const) {
      const info = tensors.get(architecture.layer[name].gguf.replace('{n}', String(layer)))!;
      assert.ok(isTernary(info.dtype));
      const codes = new Uint8Array(elementCount(info.shape));
      unpackTernary(info.dtype, await readTensor(info), codes.length, codes, info.name);
      found.set(
        `${layer}.${name}`,
        Int8Array.from(codes, (code) => code - 1),
      );
    }
  }
  return found;
}

for (const name of MODELS) {
  describe(name, () => {
    test('the weights that are read back are those of the file, on every backend', async () => {
      const expected = await withEngine(
        name,
        { backend: 'reference', threads: 0 },
        async (engine, opened) => {
          const weights = await weightsOf(engine);
          if (name.endsWith('i2_s') || name === 'tiny-tales') {
            assert.deepEqual(weights, await codesOfFile(opened));
          }
          return weights;
        },
      );
      assert.ok(expected.size >= 14);
      for (const backend of BACKENDS.slice(1)) {
        await withEngine(name, { backend, threads: 0 }, async (engine) => {
          assert.equal(engine.backendName, backend);
          assert.deepEqual(await weightsOf(engine), expected, backend);
        });
      }
    });

    test('a trace is the product that the kernels computed, on every backend and for any number of threads', async () => {
      let first: Awaited<ReturnType<typeof tracesOf>> | undefined;
      for (const backend of BACKENDS) {
        for (const threads of backend === 'reference' ? [0] : [0, 2]) {
          const traces = await withEngine(name, { backend, threads, batchTokens: 8 }, tracesOf);
          first ??= traces;
          assert.deepEqual(traces, first, `${backend} with ${threads} threads`);
        }
      }
    });
  });
}

/** One trace of every matrix, each checked against its own values. */
async function tracesOf(engine: Engine): Promise<unknown[]> {
  const tokens = someTokens(11, engine.config.vocabularySize);
  const weights = await weightsOf(engine);
  const expected = await lastLogits(engine, tokens);
  const traces: unknown[] = [];
  for (const { layer, name, matrix } of ternaryMatrices(engine.loaded.plan)) {
    const cache = engine.allocateCache();
    await engine.step([{ cache, position: 0, tokens: tokens.slice(0, 8), outputs: [] }]);
    const trace = await engine.trace({ cache, position: 8, tokens: tokens.slice(8) }, matrix);
    engine.freeCache(cache);
    const codes = weights.get(`${layer}.${name}`)!;
    assertFormula(trace, codes, matrix);
    traces.push(trace);
  }
  assert.deepEqual(await lastLogits(engine, tokens), expected, 'a trace changes nothing');
  return traces;
}

function assertFormula(
  { input, quantised, scale, output }: Awaited<ReturnType<Engine['trace']>>,
  weights: Int8Array,
  matrix: TernaryMatrix,
): void {
  const { rows, columns } = matrix;
  const most = input.reduce((largest, value) => Math.max(largest, Math.abs(value)), Math.fround(1e-5));
  assert.equal(scale, Math.fround(127 / most));
  assert.equal(
    quantised.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0),
    127,
  );
  const factor = Math.fround(Math.fround(matrix.scale) / scale);
  for (let r = 0; r < rows; r++) {
    let sum = 0;
    for (let k = 0; k < columns; k++) sum += quantised[k]! * weights[r * columns + k]!;
    assert.equal(output[r], Math.fround(Math.fround(sum) * factor), `row ${r}`);
  }
}

async function lastLogits(engine: Engine, tokens: readonly number[]): Promise<Float32Array> {
  const cache = engine.allocateCache();
  try {
    await engine.step([{ cache, position: 0, tokens: tokens.slice(0, 8), outputs: [] }]);
    const [row] = await engine.step([
      { cache, position: 8, tokens: tokens.slice(8), outputs: [{ index: tokens.length - 9 }] },
    ]);
    return row!.logits;
  } finally {
    engine.freeCache(cache);
  }
}

test('counts, parts of tiles, steps, shares and places agree with the whole', async () => {
  for (const backend of BACKENDS) {
    await withEngine('ragged-packed', { backend, threads: 0 }, async (engine) => {
      const inside = insideOf(engine);
      const whole = await weightsOf(engine);
      const counts = await countsOf(inside);
      assert.equal(counts.length, whole.size);
      for (const { layer, name, minusOne, zero, plusOne } of counts) {
        const weights = whole.get(`${layer}.${name}`)!;
        const of = (value: number) => weights.filter((weight) => weight === value).length;
        assert.deepEqual([minusOne, zero, plusOne], [of(-1), of(0), of(1)], `${backend} ${layer}.${name}`);
      }
      assert.deepEqual(await countsOf(inside), counts, 'a second time');

      const { rows, columns } = engine.loaded.plan.layers[1]!.down;
      const all = whole.get('1.down')!;
      const part = { layer: 1, name: 'down', row: 3, rows: 50, column: 7, columns: 101, step: 4 } as const;
      const tile = await inside.tile(part);
      const shares = await inside.shares(part);
      assert.equal(tile.length, 13 * 26);
      assert.equal(shares.length, 2 * tile.length);
      for (let y = 0; y < 13; y++) {
        for (let x = 0; x < 26; x++) {
          assert.equal(tile[y * 26 + x], all[(3 + 4 * y) * columns + 7 + 4 * x]);
          let minus = 0;
          let plus = 0;
          let size = 0;
          for (let r = 3 + 4 * y; r < Math.min(7 + 4 * y, 53); r++) {
            for (let c = 7 + 4 * x; c < Math.min(11 + 4 * x, 108); c++, size++) {
              if (all[r * columns + c] === -1) minus++;
              if (all[r * columns + c] === 1) plus++;
            }
          }
          assert.equal(shares[2 * (y * 26 + x)], Math.round((255 * minus) / size));
          assert.equal(shares[2 * (y * 26 + x) + 1], Math.round((255 * plus) / size));
        }
      }

      const layout = packedLayout(backend);
      const { address } = engine.loaded.plan.layers[1]!.down;
      const bytes = engine.loaded.heap.u8(address, engine.loaded.kernels.ternaryBytes(rows, columns));
      for (const [row, column] of [
        [0, 0],
        [5, 60],
        [rows - 1, columns - 1],
      ] as const) {
        const { byte, digit } = weightPlace(layout, columns, row, column);
        const code = {
          int8: bytes[byte]! === 255 ? 0 : bytes[byte]! + 1,
          bits: (bytes[byte]! >> (2 * digit)) & 3,
          base3: Math.floor(bytes[byte]! / 3 ** digit) % 3,
        }[layout.code];
        assert.equal(code - 1, all[row * columns + column], `${backend} at ${row}, ${column}`);
      }
    });
  }
});

test('a dot product of a text tells the sums of its row and of all rows', async () => {
  await withEngine('ragged-packed', { threads: 0, batchTokens: 4 }, async (engine) => {
    const inside = insideOf(engine);
    const product = await inside.dot({ layer: 1, name: 'o' }, 9, 'inside it');
    const { input, quantised, weights, weightScale, activationScale, sum, result } = product;
    assert.equal(product.tokens.length, 9);
    assert.equal(product.tokens[0], `<${'i'.charCodeAt(0) % 90}>`);
    assert.equal(
      sum,
      weights.reduce((total, weight, k) => total + weight * quantised[k]!, 0),
    );
    assert.equal(result, Math.fround(sum * Math.fround(weightScale / activationScale)));
    const exact = weights.reduce((total, weight, k) => total + weight * input[k]!, 0) * weightScale;
    assert.ok(Math.abs(product.unrounded - exact) < 1e-9);
    const sums = [];
    for (let row = 0; row < engine.loaded.plan.layers[1]!.o.rows; row++) {
      sums.push((await inside.dot({ layer: 1, name: 'o' }, row, 'inside it')).sum);
    }
    assert.equal(product.leastSum, Math.min(...sums));
    assert.equal(product.mostSum, Math.max(...sums));
  });
});

test('bytes: a whole model is no larger than what its heap holds, and 16 bits are 2 bytes a weight', async () => {
  await withEngine('bitnet-wide.i2_s', { threads: 0 }, async (engine) => {
    const overview = insideOf(engine).overview('wide');
    const { config, loaded } = engine;
    assert.equal(overview.modelId, 'wide');
    assert.equal(overview.matrices.length, 7 * config.blockCount);
    const here = overview.matrices.reduce((sum, { bytes }) => sum + bytes, overview.other.bytes);
    assert.ok(here < loaded.heap.usedBytes);
    for (const { rows, columns, bytes, bytes16 } of overview.matrices) {
      assert.equal(bytes16, 2 * rows * columns);
      assert.equal(bytes, loaded.kernels.ternaryBytes(rows, columns));
    }
    assert.ok(overview.other.bytes16 >= 2 * config.vocabularySize * config.embeddingLength);
  });
});

test('what is not there is refused in one sentence', async () => {
  await withEngine('ragged-packed', { threads: 0 }, async (engine) => {
    const inside = insideOf(engine);
    const tile = { layer: 0, name: 'q', row: 0, rows: 8, column: 0, columns: 8, step: 1 } as const;
    await assert.rejects(inside.tile({ ...tile, layer: 9 }), { code: 'inside/matrix', message: /layer 9/ });
    await assert.rejects(inside.tile({ ...tile, rows: 800 }), {
      code: 'inside/tile',
      message: /rows 0 to 799/,
    });
    await assert.rejects(inside.tile({ ...tile, step: 0 }), { code: 'inside/tile', message: /step is 0/ });
    await assert.rejects(inside.shares({ ...tile, row: -1 }), { code: 'inside/tile', message: /row is -1/ });
    for (const row of [999, -1, 0.5, Number.NaN]) {
      await assert.rejects(inside.dot({ layer: 0, name: 'q' }, row, 'a'), { code: 'inside/row' });
    }
    await assert.rejects(inside.dot({ layer: 0, name: 'qNorm' as 'q' }, 0, 'a'), {
      message: /no matrix qNorm/,
    });
    await assert.rejects(inside.dot({ layer: 0, name: 'q' }, 0, 'a'.repeat(2001)), { code: 'inside/text' });
    await assert.rejects(inside.dot({ layer: 0, name: 'q' }, 0, ''), { code: 'tokens/empty' });
    const before = engine.usedBytes;
    await inside.dot({ layer: 0, name: 'down' }, 0, 'nothing is kept');
    const aborted = AbortSignal.abort(new Error('gone'));
    await assert.rejects(inside.dot({ layer: 0, name: 'down' }, 0, 'nobody waits', aborted), /gone/);
    const many = Array.from({ length: 4 }, (_, row) =>
      inside.dot({ layer: 0, name: 'q' }, row, 'all at once'),
    );
    assert.deepEqual(
      (await Promise.all(many)).map(({ row }) => row),
      [0, 1, 2, 3],
    );
    assert.equal(engine.usedBytes, before);
  });
  await withEngine('llama-ternary.f16', { threads: 0 }, async (engine) => {
    const inside = insideOf(engine);
    assert.deepEqual(inside.overview('dense').matrices, []);
    assert.deepEqual(await countsOf(inside), []);
    await assert.rejects(inside.dot({ layer: 0, name: 'q' }, 0, 'a'), {
      code: 'inside/matrix',
      message: /no ternary weights/,
    });
  });
});
