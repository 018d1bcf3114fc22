/**
 * A head that is screened gives what the whole head gives: the same logits for any threads, requests and mixtures of
 * them, the same tokens from generations, and no difference over many positions (npm run head:check has more of them).
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GenerateOptions } from '#src/engine/generation/generate.js';
import { loadEngine } from '#src/engine/load-engine.js';
import { loadModel } from '#src/engine/model.js';
import type { TokenLogits } from '#src/engine/step-outputs.js';
import { createReferenceBackend } from '#src/kernels/backend.js';
import { DenseFormat, rowStride } from '#src/kernels/kernels.js';
import { selectBackend } from '#src/kernels/select.js';
import { outputHead } from '#src/model/forward/output-head.js';
import { openGolden, someTokens } from '../fixtures/golden-models.ts';
import { checkModel, checkRandomHead } from '../fixtures/head-check.ts';
import { ROW_KINDS, randomHead } from '../fixtures/random-heads.ts';
import { usableBackends } from '../fixtures/usable-backends.ts';

const MODEL = new URL('../../../test/golden/tiny-tales/tiny-tales.i2_s.gguf', import.meta.url);

/** The tokens with the largest logits below `end`, lowest ids first among equals. */
function best({ logits, ids }: TokenLogits, count: number, end: number): [id: number, logit: number][] {
  const pairs = Array.from(logits, (logit, i): [number, number] => [ids?.[i] ?? i, logit]);
  return pairs
    .filter(([id]) => id < end)
    .sort(([a, x], [b, y]) => y - x || a - b)
    .slice(0, count);
}

describe('outputs of one step', () => {
  for (const name of ['tiny-tales', 'llama-ternary.f16', 'ragged-masters']) {
    for (const threads of [0, 1, 2, 3]) {
      test(`${name}, ${threads} workers: any mixture of requests has the logits of the whole head`, async () => {
        const opened = await openGolden(name);
        const engine = await loadEngine(opened, {
          threads,
          head: 'fast',
          contextLength: 16,
          batchTokens: 16,
        });
        assert.equal(engine.headKind, 'fast');
        const { vocabularySize: V } = engine.config;
        const cache = engine.allocateCache();
        const requests = [
          { top: 1 },
          {},
          { top: 2, include: [V - 1, 0, 3] },
          { top: 5, below: Math.ceil(V / 2) },
          { include: [1] },
          { top: Math.min(V, 40), include: [4, 5] },
          { top: 1, below: 1 },
        ];
        const tokens = someTokens(requests.length, V);
        const outputs = requests.map((request, index) => ({ ...request, index })).reverse();
        const [found, whole] = [
          await engine.step([{ cache, position: 0, tokens, outputs }]),
          await engine.step([
            { cache, position: 0, tokens, outputs: outputs.map(({ index }) => ({ index })) },
          ]),
        ];
        for (const [o, { top = V, below = V, include = [] }] of outputs.entries()) {
          const row = found[o]!;
          const { logits } = whole[o]!;
          assert.deepEqual(best(row, top, below), best({ logits }, top, below), `output ${o}`);
          const ids = row.ids ?? Int32Array.from(logits.keys());
          assert.deepEqual(
            [...ids],
            [...new Set(ids)].sort((a, b) => a - b),
          );
          for (const id of include) assert.ok(ids.includes(id), `output ${o}, token ${id}`);
          for (const [i, id] of ids.entries())
            assert.equal(row.logits[i], logits[id], `output ${o}, token ${id}`);
        }
        const { outputs: counted, fallbacks } = engine.headStatistics;
        assert.equal(counted, requests.filter(({ top }) => top !== undefined).length);
        assert.equal(fallbacks, found.filter(({ isFallback }) => isFallback).length);
        await engine.dispose();
        await opened.close();
      });
    }
  }
});

test('a thread quantises no hidden state that another one has to pick, whatever else is in the pass', () => {
  const backend = createReferenceBackend(false);
  const headCase = { rows: 64, columns: 48, kind: 'gaussian', format: DenseFormat.F16, seed: 8 } as const;
  const { plan, member, drawHidden } = randomHead(backend, headCase);
  const { heap, kernels } = backend;
  const { work } = plan;
  const bytes = 2 * kernels.activationBytes(headCase.columns);
  for (let t = 0; t < 4; t++)
    heap.f32(work.x + 4 * t * rowStride(headCase.columns), headCase.columns).set(drawHidden());
  heap.i32(work.outputRows, 4).set([2, 0, 1, 3]);
  heap.i32(work.stateRows, 3).set([3, 1, 0]);
  const wanted = { top: 1, below: headCase.rows, included: 0 };
  const outputs = { screened: [wanted, wanted], full: 2, states: 3 };
  const stop = new Error('the first barrier');
  const runToBarrier = (index: number, count: number) => {
    const barrier = () => {
      throw stop;
    };
    const run = () =>
      outputHead({ ...member, index, count, barrier }, plan, { tokens: 4, segments: [], outputs });
    assert.throws(run, (error) => error === stop);
  };
  runToBarrier(0, 1);
  const expected = heap.u8(work.quantized, bytes).slice();
  heap.u8(work.quantized, bytes).fill(0);
  heap.u8(work.hidden, 4 * 4 * rowStride(headCase.columns)).fill(0);
  for (const index of [2, 1, 0]) runToBarrier(index, 3);
  assert.deepEqual(heap.u8(work.quantized, bytes), expected);
  backend.dispose();
});

describe('generations', () => {
  const settings: Record<string, GenerateOptions> = {
    greedy: { temperature: 0 },
    'top-k': { seed: 1 },
    'top-k with penalties and biases': {
      seed: 2,
      temperature: 1.5,
      repetitionPenalty: 1.2,
      frequencyPenalty: 0.2,
      logitBias: { 5: 2, 100: Number.NEGATIVE_INFINITY },
    },
    'without top-k': { seed: 3, topK: 0 },
  };

  test('are the same with either head', async () => {
    const [exact, fast] = await Promise.all(
      (['exact', 'fast'] as const).map((head) => loadModel(MODEL, { head, threads: 1 })),
    );
    for (const [name, options] of Object.entries(settings)) {
      const [expected, found] = [exact!, fast!].map((model) =>
        model.generate('The king', { ...options, maxTokens: 60 }),
      );
      assert.equal(await found!.text(), await expected!.text(), name);
      assert.equal(expected!.result?.headFallbacks, 0);
    }
    assert.ok(fast!.engine.headStatistics.outputs > 0);
    assert.equal(exact!.engine.headStatistics.outputs, 0);
    await Promise.all([exact!.dispose(), fast!.dispose()]);
  });

  test('log-probabilities are those of the whole head', async () => {
    const [exact, fast] = await Promise.all(
      (['exact', 'fast'] as const).map((head) => loadModel(MODEL, { head, threads: 0 })),
    );
    const tokens = exact!.tokenize('Once upon a time there was a king');
    assert.deepEqual(await fast!.score(tokens), await exact!.score(tokens));
    assert.deepEqual(await fast!.logits(tokens), await exact!.logits(tokens));
    const describe = async (model: typeof exact) => {
      const pieces = [];
      for await (const piece of model!.generate('A', { maxTokens: 5, seed: 1, logprobs: 3 }))
        pieces.push(piece);
      return pieces;
    };
    assert.deepEqual(await describe(fast), await describe(exact));
    await Promise.all([exact!.dispose(), fast!.dispose()]);
  });
});

describe('many positions', () => {
  test('of the bundled model', async () => {
    const opened = await openGolden('tiny-tales');
    const engine = await loadEngine(opened, { threads: 0, head: 'fast', batchTokens: 16 });
    const { positions, greedy, top } = await checkModel(engine, 1000, 7);
    assert.ok(positions >= 1000);
    assert.deepEqual([greedy.differences, top.differences], [0, 0]);
    assert.ok(greedy.candidates < 50 * positions, `${greedy.candidates} rows scored`);
    await engine.dispose();
    await opened.close();
  });

  for (const kind of ROW_KINDS) {
    test(`of random heads with ${kind} rows`, async () => {
      for (const name of (await usableBackends()).main) {
        for (const format of [DenseFormat.F16, DenseFormat.BF16] as const) {
          const { backend } = await selectBackend(name, false);
          const check = checkRandomHead(backend, { rows: 2001, columns: 100, kind, format, seed: 5 }, 200);
          assert.deepEqual([check.greedy.differences, check.top.differences], [0, 0], name);
          backend.dispose();
        }
      }
    });
  }

  test('of the reference backend', () => {
    const headCase = { rows: 301, columns: 48, kind: 'gaussian', format: DenseFormat.F16, seed: 6 } as const;
    const { greedy, top } = checkRandomHead(createReferenceBackend(false), headCase, 60);
    assert.deepEqual([greedy.differences, top.differences], [0, 0]);
  });
});
