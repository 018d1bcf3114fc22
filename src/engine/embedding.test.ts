import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { BitnetError, ContextLengthExceeded } from '../base/errors.ts';
import { createRandom } from '../base/random.ts';
import { memorySource } from '../formats/sources/memory.ts';
import { tinyTalesBytes } from '../model/loading/rewritten-model.test.ts';
import { openModel } from '../model/open.ts';
import { embedTokens, normalise } from './embedding.ts';
import type { Engine } from './engine.ts';
import { loadEngine } from './load-engine.ts';
import { loadModel, type Model } from './model.ts';
import { Scheduler } from './serving/scheduler.ts';

const CONTEXT = 100;
const random = createRandom(5);
const TOKENS = Array.from({ length: 40 }, () => random.below(2000));

describe('embedded tokens', () => {
  let engine: Engine;
  before(async () => {
    const opened = await openModel(memorySource(tinyTalesBytes()));
    engine = await loadEngine(opened, { threads: 0, contextLength: CONTEXT, batchTokens: 16 });
  });
  after(() => engine.dispose());

  /** The states of all tokens, each computed by a step of its own. */
  async function states(tokens: readonly number[]): Promise<Float32Array[]> {
    const cache = engine.allocateCache();
    const rows: Float32Array[] = [];
    for (const [position, token] of tokens.entries()) {
      const outputs = [{ index: 0, state: true }] as const;
      const [row] = await engine.step([{ cache, position, tokens: [token], outputs }]);
      assert.equal(row?.logits.length, 0);
      rows.push(row.state!);
    }
    engine.freeCache(cache);
    return rows;
  }

  test('are the state of the last token, or the mean in order of position', async () => {
    const rows = await states(TOKENS);
    assert.deepEqual(await embedTokens(engine, TOKENS, 'last'), rows.at(-1));
    const mean = Float32Array.from(rows[0]!, (_, k) => {
      let sum = 0;
      for (const row of rows) sum += row[k]!;
      return sum / rows.length;
    });
    assert.deepEqual(await embedTokens(engine, TOKENS, 'mean'), mean);
    assert.deepEqual(await embedTokens(engine, Int32Array.from(TOKENS), 'mean'), mean);
    assert.notDeepEqual(mean, rows.at(-1));
  });

  test('of one token are its state either way', async () => {
    const [row] = await states([7]);
    for (const pooling of ['last', 'mean'] as const) {
      assert.deepEqual(await embedTokens(engine, [7], pooling), row);
    }
  });

  test('take steps of batchTokens, and ask for no more than they need', async (t) => {
    const step = t.mock.method(engine, 'step');
    for (const [pooling, outputs] of [
      ['last', [0, 0, 1]],
      ['mean', [16, 16, 8]],
    ] as const) {
      step.mock.resetCalls();
      await embedTokens(engine, TOKENS, pooling);
      const items = step.mock.calls.map((call) => call.arguments[0][0]!);
      assert.deepEqual(
        items.map(({ tokens }) => tokens.length),
        [16, 16, 8],
      );
      assert.deepEqual(
        items.map((item) => item.outputs.length),
        outputs,
      );
    }
  });

  test('read no head', async (t) => {
    const { kernels, plan } = engine.loaded;
    const { head } = plan;
    assert.equal(head.kind, 'dense');
    const dense = t.mock.method(kernels, 'denseMatmul');
    await embedTokens(engine, TOKENS, 'mean');
    assert.ok(dense.mock.calls.every((call) => call.arguments[3] !== head.address));
    const cache = engine.allocateCache();
    await engine.step([{ cache, position: 0, tokens: [1], outputs: [{ index: 0 }] }]);
    engine.freeCache(cache);
    assert.ok(dense.mock.calls.some((call) => call.arguments[3] === head.address));
  });

  test('can be aborted before and between steps, and leave no memory behind', async () => {
    const used = engine.usedBytes;
    const reason = new Error('enough');
    const aborted = embedTokens(engine, TOKENS, 'mean', { signal: AbortSignal.abort(reason) });
    await assert.rejects(aborted, (error) => error === reason);

    const controller = new AbortController();
    const { step } = engine;
    let steps = 0;
    engine.step = (items) => {
      if (++steps === 2) controller.abort(reason);
      return step.call(engine, items);
    };
    try {
      const running = embedTokens(engine, TOKENS, 'last', { signal: controller.signal });
      await assert.rejects(running, (error) => error === reason);
    } finally {
      engine.step = step;
    }
    assert.equal(steps, 2);
    await embedTokens(engine, TOKENS, 'last');
    assert.equal(engine.usedBytes, used);
  });

  test("a cache of the caller's is used and stays the caller's", async (t) => {
    const expected = await embedTokens(engine, TOKENS, 'last');
    const allocate = t.mock.method(engine, 'allocateCache');
    const cache = engine.allocateCache();
    assert.deepEqual(await embedTokens(engine, TOKENS, 'last', { cache }), expected);
    assert.equal(allocate.mock.callCount(), 1);
    const held = engine.usedBytes;
    engine.freeCache(cache);
    assert.ok(engine.usedBytes < held);
  });

  test('are refused where a session refuses tokens', async () => {
    const used = engine.usedBytes;
    await assert.rejects(embedTokens(engine, [], 'mean'), { code: 'tokens/empty' });
    await assert.rejects(embedTokens(engine, [1, 2048], 'mean'), { code: 'tokens/bad-id' });
    await assert.rejects(embedTokens(engine, [1.5], 'last'), { code: 'tokens/bad-id' });
    await assert.rejects(embedTokens(engine, Array(CONTEXT + 1).fill(1), 'last'), (error) => {
      assert.ok(error instanceof ContextLengthExceeded);
      assert.deepEqual([error.requestedTokens, error.contextLength], [CONTEXT + 1, CONTEXT]);
      return true;
    });
    const full = Array<number>(CONTEXT).fill(1);
    assert.equal((await embedTokens(engine, full, 'mean')).length, engine.config.embeddingLength);
    assert.equal(engine.usedBytes, used);
  });

  test('a failing step frees the cache', async (t) => {
    const used = engine.usedBytes;
    const failure = new BitnetError('memory/exhausted', 'no more');
    t.mock.method(engine, 'step', () => Promise.reject(failure));
    await assert.rejects(embedTokens(engine, TOKENS, 'mean'), (error) => error === failure);
    assert.equal(engine.usedBytes, used);
  });

  test('come from a scheduler as well', async () => {
    const scheduler = new Scheduler(engine);
    for (const pooling of ['last', 'mean'] as const) {
      assert.deepEqual(await scheduler.embed(TOKENS, pooling), await embedTokens(engine, TOKENS, pooling));
    }
    const signal = AbortSignal.abort('no');
    await assert.rejects(scheduler.embed(TOKENS, 'mean', { signal }), (error) => error === 'no');
    await scheduler.dispose();
  });
});

describe('normalise', () => {
  test('gives length 1 and keeps the direction', () => {
    const vector = Float32Array.of(3, 0, -4);
    assert.deepEqual(normalise(vector), Float32Array.of(0.6, 0, -0.8));
    assert.deepEqual(vector, Float32Array.of(3, 0, -4));
  });

  test('leaves zeros, and survives what f32 squares cannot hold', () => {
    assert.deepEqual(normalise(new Float32Array(4)), new Float32Array(4));
    assert.deepEqual(normalise(Float32Array.of(3 * 2 ** 100, 4 * 2 ** 100)), Float32Array.of(0.6, 0.8));
    assert.deepEqual(normalise(Float32Array.of(-1e-40)), Float32Array.of(-1));
  });
});

describe('model.embed', () => {
  let model: Model;
  before(async () => {
    model = await loadModel(tinyTalesBytes(), { threads: 0 });
  });
  after(() => model.dispose());

  test('puts the beginning-of-text token before text, takes tokens as they are, and averages by default', async () => {
    const text = 'The king said';
    const tokens = model.tokenize(text, { addBos: true });
    const expected = await embedTokens(model.engine, tokens, 'mean');
    assert.deepEqual(await model.embed(text), expected);
    assert.deepEqual(await model.embed(tokens), expected);
    assert.deepEqual(
      await model.embed(text, { pooling: 'last', normalise: true }),
      normalise(await embedTokens(model.engine, tokens, 'last')),
    );
  });

  test('refuses what it does not know, and can be aborted', async () => {
    const pooling = 'max' as unknown as 'mean';
    await assert.rejects(model.embed('a', { pooling }), { code: 'option/pooling' });
    await assert.rejects(model.embed([]), { code: 'tokens/empty' });
    await assert.rejects(model.embed('word '.repeat(500)), ContextLengthExceeded);
    await assert.rejects(model.embed('a', { signal: AbortSignal.abort(new Error('no')) }), /no/);
  });

  test('puts texts of one kind nearer to each other than to another', async () => {
    const [a, b, c] = await Promise.all(
      [
        'The king and the queen lived in a castle.',
        'The queen and the king lived in a palace.',
        '17 + 4 = 21; x := y * 2',
      ].map((text) => model.embed(text, { normalise: true })),
    );
    const cosine = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, k) => sum + value * y[k]!, 0);
    assert.ok(cosine(a!, b!) > cosine(a!, c!));
  });

  test('is refused after the model was disposed of', async () => {
    const other = await loadModel(tinyTalesBytes(), { threads: 0 });
    await other.dispose();
    await assert.rejects(other.embed('a'), { code: 'model/disposed' });
  });
});
