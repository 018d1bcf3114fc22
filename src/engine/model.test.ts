import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { ByteSource } from '../base/byte-source.ts';
import { BitnetError, ContextLengthExceeded } from '../base/errors.ts';
import { memorySource } from '../formats/sources/memory.ts';
import { TextList } from '../formats/text-list.ts';
import { rewriteGguf, tinyTalesBytes } from '../model/loading/rewritten-model.test.ts';
import { type LoadOptions, loadModel, type Model } from './model.ts';

const PROMPT = 'Once upon a time there was';
const path = fileURLToPath(new URL('../../test/golden/tiny-tales/tiny-tales.i2_s.gguf', import.meta.url));

describe('a loaded model', () => {
  let model: Model;
  before(async () => {
    model = await loadModel(tinyTalesBytes(), { threads: 0 });
  });
  after(() => model.dispose());

  test('says what it is and what runs', () => {
    assert.equal(model.config.architecture, 'bitnet-b1.58');
    assert.equal(model.config.vocabularySize, 2048);
    assert.equal(model.contextLength, model.config.contextLength);
    assert.match(model.backend, /^(wasm|native)-/);
    assert.equal(model.threads, 1);
    assert.ok(model.loadSeconds > 0);
    // One sentence has all that is faster and does not run here.
    assert.deepEqual(model.notes, model.engine.backendNotes);
    assert.equal(model.notes.length, model.backend.startsWith('native-') ? 0 : 1);
    assert.equal(model.notes.join().includes('wasm-relaxed: '), model.backend === 'wasm-simd');
  });

  test('score is the log-softmax of the logits before each token', async () => {
    const tokens = model.tokenize('The king said to his daughter that she must go.', { addBos: true });
    const scores = await model.score(tokens);
    assert.equal(scores.length, tokens.length - 1);
    for (const [i, found] of scores.entries()) {
      const logits = await model.logits(tokens.slice(0, i + 1));
      const most = Math.max(...logits);
      const total = logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
      const expected = logits[tokens[i + 1]!]! - most - Math.log(total);
      assert.ok(Math.abs(found - expected) < 1e-6 * (1 + Math.abs(expected)), `token ${i + 1}`);
    }
  });

  test('score takes typed arrays and refuses too few and too many tokens', async () => {
    const tokens = [1, 2, 3];
    assert.deepEqual(await model.score(Int32Array.from(tokens)), await model.score(tokens));
    await assert.rejects(model.score([1]), { code: 'tokens/empty' });
    await assert.rejects(model.score([]), { code: 'tokens/empty' });
    await assert.rejects(model.score([1, 9999]), { code: 'tokens/bad-id' });
    await assert.rejects(model.score(Array(129).fill(1)), ContextLengthExceeded);
    await assert.rejects(model.logits([]), { code: 'tokens/empty' });
  });

  test('score and logits can be aborted', async () => {
    const signal = AbortSignal.abort(new Error('no'));
    await assert.rejects(model.score([1, 2], { signal }), /no/);
    await assert.rejects(model.logits([1, 2], { signal }), /no/);
  });

  test('score and logits leave no memory behind', async () => {
    await model.score([1, 2, 3]);
    const used = model.engine.usedBytes;
    await model.score([1, 2, 3]);
    await model.logits([1, 2, 3]);
    await assert.rejects(model.score([1, 9999]));
    assert.equal(model.engine.usedBytes, used);
  });

  test('text goes to tokens and back', () => {
    const text = 'Hello, world! <|endoftext|> é 👍';
    assert.equal(model.detokenize(model.tokenize(text)), text);
    assert.ok(!model.tokenize(text).includes(2047), 'typed text makes no control token');
    assert.ok(model.tokenize(text, { parseSpecial: true }).includes(2047));
    assert.deepEqual(model.tokenize('a', { addBos: true }), [2047, ...model.tokenize('a')]);
    assert.equal(model.detokenize([2047], { skipSpecial: true }), '');
  });

  test('a base model has no chat', () => {
    assert.equal(model.chatTemplate, undefined);
    assert.throws(() => model.chat(), { code: 'chat/no-template' });
  });
});

describe('loading', () => {
  const greedy = { temperature: 0, maxTokens: 12 };

  test('takes a path, a file URL, bytes, a buffer, a Blob and a source of the caller', async () => {
    const bytes = tinyTalesBytes();
    const texts = new Set<string>();
    for (const source of [
      path,
      new URL(`file://${path}`),
      `file://${path}`,
      bytes,
      bytes.buffer,
      new Blob([bytes]),
      memorySource(bytes),
    ]) {
      const model = await loadModel(source, { threads: 0 });
      texts.add(await model.generate(PROMPT, greedy).text());
      await model.dispose();
    }
    assert.equal(texts.size, 1);
  });

  test('gives the same text with threads', async () => {
    const texts: string[] = [];
    for (const threads of [0, 2]) {
      const model = await loadModel(path, { threads });
      assert.equal(model.threads, Math.max(threads, 1));
      texts.push(await model.generate(PROMPT, greedy).text());
      await model.dispose();
    }
    assert.equal(texts[0], texts[1]);
  });

  test('reports progress that only grows, from above 0 to 1 at the end', async () => {
    const shares: number[] = [];
    const model = await loadModel(path, { threads: 1, onProgress: (share) => shares.push(share) });
    await model.dispose();
    assert.ok(shares.length > 10);
    for (const [i, share] of shares.entries()) {
      assert.ok(share > 0 && share <= 1 && share >= (shares[i - 1] ?? 0), `share ${i} is ${share}`);
    }
    assert.equal(shares.indexOf(1), shares.length - 1);
  });

  test('can be aborted before and while it reads', async () => {
    const reason = new Error('changed my mind');
    await assert.rejects(loadModel(path, { signal: AbortSignal.abort(reason) }), (error) => error === reason);
    const controller = new AbortController();
    const onProgress = (share: number) => {
      if (share > 0.3) controller.abort(reason);
    };
    const aborted = loadModel(path, { threads: 2, signal: controller.signal, onProgress });
    await assert.rejects(aborted, (error) => error === reason);
  });

  test('closes the source, whether it succeeds or not', async () => {
    const bytes = tinyTalesBytes();
    for (const [content, options] of [
      [bytes, {}],
      [bytes.subarray(0, 100), {}],
      [bytes, { contextLength: 0 }],
    ] as const) {
      const inner = memorySource(content);
      let closed = 0;
      const source: ByteSource = {
        ...inner,
        close: async () => {
          closed++;
        },
      };
      await loadModel(source, { threads: 0, ...options }).then(
        (model) => model.dispose(),
        (error) => assert.ok(error instanceof BitnetError, String(error)),
      );
      assert.ok(closed > 0);
    }
  });

  test('refuses options out of range by name, before it reads weights', async () => {
    const cases: [LoadOptions, string][] = [
      [{ threads: -1 }, 'option/threads'],
      [{ threads: 1.5 }, 'option/threads'],
      [{ contextLength: 0 }, 'option/contextLength'],
      [{ contextLength: 129 }, 'option/contextLength'],
      [{ batchTokens: 0 }, 'option/batchTokens'],
      [{ batchTokens: 5000 }, 'option/batchTokens'],
      [{ kvCache: 'f8' } as unknown as LoadOptions, 'option/kvCache'],
      [{ head: 'best' } as unknown as LoadOptions, 'option/head'],
      [{ backend: 'cuda' } as unknown as LoadOptions, 'backend/unknown'],
      [{ backend: process.arch === 'arm64' ? 'native-avx2' : 'native-neon' }, 'backend/unavailable'],
    ];
    for (const [options, code] of cases) {
      const seen: number[] = [];
      const loading = loadModel(path, { threads: 0, ...options, onProgress: (share) => seen.push(share) });
      await assert.rejects(loading, { name: 'BitnetError', code });
      assert.deepEqual(seen, []);
    }
  });

  test('refuses a tokenizer that is larger than the model', async () => {
    const bytes = await rewriteGguf(tinyTalesBytes(), {
      metadata: {
        'tokenizer.ggml.tokens': TextList.of(Array.from({ length: 2049 }, (_, i) => `token${i}`)),
        'tokenizer.ggml.token_type': new Int32Array(2049).fill(1),
      },
    });
    await assert.rejects(loadModel(bytes, { threads: 0 }), { name: 'BitnetError' });
  });

  test('refuses what is no source', async () => {
    await assert.rejects(loadModel(42 as unknown as string), { code: 'source/unknown' });
    await assert.rejects(loadModel('/nowhere/at/all.gguf'), { code: 'source/not-found' });
  });
});

describe('a disposed model', () => {
  for (const threads of [0, 2]) {
    test(`refuses everything that computes, ${threads} threads`, async () => {
      const model = await loadModel(path, { threads });
      await model.generate(PROMPT, { maxTokens: 2 }).text();
      await model.dispose();
      await model.dispose();
      const isDisposed = { name: 'BitnetError', code: 'model/disposed' };
      await assert.rejects(model.generate(PROMPT).text(), isDisposed);
      await assert.rejects(model.score([1, 2]), isDisposed);
      await assert.rejects(model.logits([1, 2]), isDisposed);
      assert.throws(() => model.engine.checkUsable(), isDisposed);
      assert.deepEqual(model.tokenize('a').length, 1);
    });

    test(`ends a generation under way with that error, ${threads} threads`, async () => {
      const model = await loadModel(path, { threads });
      const generation = model.generate(PROMPT, { temperature: 0 });
      let pieces = 0;
      await assert.rejects(
        async () => {
          for await (const _ of generation) if (++pieces === 3) void model.dispose();
        },
        { name: 'BitnetError', code: 'model/disposed' },
      );
      assert.ok(pieces < 10);
    });
  }

  test('rejects a step that is waiting for its threads', async () => {
    const model = await loadModel(path, { threads: 2 });
    const tokens = Array.from({ length: 120 }, (_, i) => i);
    const waiting = [model.logits(tokens), model.score(tokens)];
    const settled = Promise.allSettled(waiting);
    await model.dispose();
    for (const result of await settled) {
      assert.equal(result.status, 'rejected');
      assert.equal(result.status === 'rejected' && (result.reason as BitnetError).code, 'model/disposed');
    }
  });
});
