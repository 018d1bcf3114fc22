import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ContextLengthExceeded } from '../../base/errors.ts';
import { tinyTalesBytes } from '../../model/loading/rewritten-model.test.ts';
import { loadModel, type Model } from '../model.ts';
import type { GenerateOptions, GenerationResult, Piece } from './generate.ts';

const CONTEXT = 64;
const PROMPT = 'Once upon a time there was';
const GREEDY = { temperature: 0, maxTokens: 30 } as const;
const END_OF_TEXT = 2047;

describe('generation', () => {
  let model: Model;
  before(async () => {
    model = await loadModel(tinyTalesBytes(), { threads: 0, contextLength: CONTEXT });
  });
  after(() => model.dispose());

  async function run(
    prompt: string | readonly number[],
    options: GenerateOptions,
  ): Promise<{ pieces: Piece[]; text: string; ids: number[]; result: GenerationResult }> {
    const generation = model.generate(prompt, options);
    const pieces: Piece[] = [];
    for await (const piece of generation) pieces.push(piece);
    assert.ok(generation.result !== undefined);
    const text = pieces.map((piece) => piece.text).join('');
    assert.equal(generation.result.text, text);
    return { pieces, text, ids: pieces.flatMap(({ tokens }) => tokens), result: generation.result };
  }

  test('pieces make up the text, tokens are those of the text', async () => {
    const { text, ids, result } = await run(PROMPT, GREEDY);
    assert.ok(text.length > 40);
    assert.equal(model.detokenize(ids), text);
    assert.equal(result.finishReason, 'length');
    assert.equal(result.generatedTokens, 30);
    assert.equal(result.promptTokens, model.tokenize(PROMPT, { addBos: true }).length);
    assert.ok(result.firstTokenSeconds >= 0 && result.firstTokenSeconds <= result.seconds);
    assert.equal(await model.generate(PROMPT, GREEDY).text(), text);
  });

  test('greedy generation takes the largest logit each time', async () => {
    const prompt = model.tokenize(PROMPT, { addBos: true });
    const { ids } = await run(prompt, { ...GREEDY, maxTokens: 5 });
    for (const [i, id] of ids.entries()) {
      const logits = await model.logits([...prompt, ...ids.slice(0, i)]);
      assert.equal(logits.indexOf(Math.max(...logits)), id);
    }
  });

  test('what an earlier generation computed is used again', async () => {
    const first = await run('The king had a daughter', GREEDY);
    const again = await run('The king had a daughter', GREEDY);
    assert.equal(again.text, first.text);
    assert.equal(again.result.cachedTokens, again.result.promptTokens);
    const other = await run('The king had a horse', GREEDY);
    assert.ok(other.result.cachedTokens >= 3 && other.result.cachedTokens < other.result.promptTokens);
  });

  test('a seed makes the draw reproducible', async () => {
    const options = { temperature: 1.2, topK: 0, seed: 11, maxTokens: 20 };
    const { ids } = await run(PROMPT, options);
    assert.deepEqual((await run(PROMPT, options)).ids, ids);
    assert.notDeepEqual((await run(PROMPT, { ...options, seed: 12 })).ids, ids);
  });

  test('maxTokens 0 generates nothing', async () => {
    const { pieces, text, result } = await run(PROMPT, { maxTokens: 0 });
    assert.deepEqual([pieces, text, result.finishReason, result.generatedTokens], [[], '', 'length', 0]);
  });

  test('a stop token ends the text and has none', async () => {
    const { text, result, ids } = await run(PROMPT, { temperature: 0, logitBias: { [END_OF_TEXT]: 1000 } });
    assert.deepEqual([text, result.finishReason, ids], ['', 'stop', [END_OF_TEXT]]);
  });

  test('a stop string ends the text before it, however it lies across tokens', async () => {
    const { text } = await run(PROMPT, GREEDY);
    for (let start = 0; start < text.length - 8; start += 3) {
      const stop = text.slice(start, start + 2 + (start % 6));
      const stopped = await run(PROMPT, { ...GREEDY, stop: ['never in the text', stop] });
      assert.equal(stopped.text, text.slice(0, text.indexOf(stop)));
      assert.equal(stopped.result.finishReason, 'stop');
      assert.equal(stopped.result.stopString, stop);
    }
    const single = await run(PROMPT, { ...GREEDY, stop: text.slice(20, 24) });
    assert.equal(single.result.stopString, text.slice(20, 24));
  });

  test('text held back for a stop string that does not come is given out in the end', async () => {
    const { text } = await run(PROMPT, GREEDY);
    const { text: same, result } = await run(PROMPT, { ...GREEDY, stop: `${text.slice(-4)}?!` });
    assert.equal(same, text);
    assert.equal(result.finishReason, 'length');
  });

  test('log-probabilities are those of the model, most likely first', async () => {
    const prompt = model.tokenize(PROMPT, { addBos: true });
    const { pieces, ids } = await run(prompt, { ...GREEDY, maxTokens: 8, logprobs: 5 });
    const scores = (await model.score([...prompt, ...ids])).slice(prompt.length - 1);
    for (const [i, { tokens, logprobs }] of pieces.entries()) {
      assert.deepEqual(
        logprobs?.map(({ id }) => id),
        tokens,
      );
      const [{ id, logprob, text, top }] = logprobs as [NonNullable<typeof logprobs>[number]];
      assert.ok(Math.abs(logprob - scores[i]!) < 1e-6);
      assert.equal(text, model.detokenize([id]));
      assert.equal(top.length, 5);
      assert.deepEqual([top[0]!.id, top[0]!.logprob], [id, logprob]);
      for (const [k, token] of top.entries()) assert.ok(k === 0 || token.logprob <= top[k - 1]!.logprob);
      assert.ok(top.reduce((sum, token) => sum + Math.exp(token.logprob), 0) <= 1 + 1e-9);
    }
    const { pieces: bare } = await run(prompt, { ...GREEDY, maxTokens: 2, logprobs: 0 });
    assert.deepEqual(bare[0]!.logprobs![0]!.top, []);
    const { pieces: none } = await run(prompt, { ...GREEDY, maxTokens: 2 });
    assert.equal(none[0]!.logprobs, undefined);
  });

  test('log-probabilities do not follow sampling options', async () => {
    const options = { ...GREEDY, maxTokens: 1, logprobs: 1 };
    const plain = await run(PROMPT, options);
    const biased = await run(PROMPT, { ...options, logitBias: { 17: 50 } });
    assert.deepEqual(biased.ids, [17]);
    assert.deepEqual(biased.pieces[0]!.logprobs![0]!.top, plain.pieces[0]!.logprobs![0]!.top);
    assert.ok(biased.pieces[0]!.logprobs![0]!.logprob < plain.pieces[0]!.logprobs![0]!.logprob);
  });

  test('generations side by side give what they give one after the other', async () => {
    const prompts = [PROMPT, 'The king', 'In the forest', 'She said'];
    const options = { temperature: 0.9, seed: 4, maxTokens: 25 };
    const sequential: string[] = [];
    for (const prompt of prompts) sequential.push((await run(prompt, options)).text);
    const parallel = await Promise.all(prompts.map((prompt) => run(prompt, options)));
    assert.deepEqual(
      parallel.map(({ text }) => text),
      sequential,
    );
  });

  test('prompts without tokens or with bad ones are refused', async () => {
    await assert.rejects(run([], GREEDY), { code: 'tokens/empty' });
    await assert.rejects(run([1, 2048], GREEDY), { code: 'tokens/bad-id' });
    await assert.rejects(run([1, 0.5], GREEDY), { code: 'tokens/bad-id' });
    // An empty text still has the beginning-of-text token before it.
    assert.equal((await run('', { ...GREEDY, maxTokens: 1 })).result.promptTokens, 1);
  });

  test('options out of range are refused by name', async () => {
    await assert.rejects(run(PROMPT, { maxTokens: -1 }), { code: 'option/maxTokens' });
    await assert.rejects(run(PROMPT, { maxTokens: 1.5 }), { code: 'option/maxTokens' });
    await assert.rejects(run(PROMPT, { logprobs: 21 }), { code: 'option/logprobs' });
    await assert.rejects(run(PROMPT, { stop: '' }), { code: 'option/stop' });
    await assert.rejects(run(PROMPT, { temperature: -1 }), { code: 'option/temperature' });
    const overflow = { overflow: 'wrap' } as unknown as GenerateOptions;
    await assert.rejects(run(PROMPT, overflow), { code: 'option/overflow' });
  });

  describe('at the end of the context', () => {
    /** Tokens of a text that leaves room for three more. */
    const prompt = () => model.tokenize(`${PROMPT} `.repeat(20)).slice(0, CONTEXT - 3);

    test('by default it is an error, after what fitted', async () => {
      const pieces: Piece[] = [];
      const generation = model.generate(prompt(), { temperature: 0 });
      await assert.rejects(
        async () => {
          for await (const piece of generation) pieces.push(piece);
        },
        (error) => {
          assert.ok(error instanceof ContextLengthExceeded);
          assert.equal(error.requestedTokens, CONTEXT + 1);
          assert.equal(error.contextLength, CONTEXT);
          return true;
        },
      );
      assert.equal(pieces.flatMap(({ tokens }) => tokens).length, 4);
      assert.equal(generation.result, undefined);
    });

    test('a prompt that does not fit is an error with both numbers', async () => {
      for (const overflow of ['error', 'stop'] as const) {
        await assert.rejects(run(Array(100).fill(1), { overflow }), (error) => {
          assert.ok(error instanceof ContextLengthExceeded);
          assert.deepEqual(error.details, { requestedTokens: 100, contextLength: CONTEXT });
          return true;
        });
      }
    });

    test('the policy stop ends the generation and says why', async () => {
      const { result } = await run(prompt(), { temperature: 0, overflow: 'stop' });
      assert.equal(result.finishReason, 'context');
      assert.equal(result.generatedTokens, 4);
    });

    test('a limit that is met with the context full is no overflow', async () => {
      const { result } = await run(prompt(), { temperature: 0, maxTokens: 4 });
      assert.equal(result.finishReason, 'length');
    });

    test('the policy slide goes on from the newer half', async () => {
      const withBos = [END_OF_TEXT, ...prompt().slice(1)];
      const options = { temperature: 0, logitBias: { [END_OF_TEXT]: Number.NEGATIVE_INFINITY } };
      const { ids, result } = await run(withBos, { ...options, overflow: 'slide', maxTokens: 90 });
      assert.equal(result.finishReason, 'length');
      assert.equal(ids.length, 90);
      // Four tokens fill the context and exceed it; what follows continues the newest half behind the first token.
      const kept = [END_OF_TEXT, ...[...withBos, ...ids.slice(0, 4)].slice(-(CONTEXT / 2 - 1))];
      const { ids: rest } = await run(kept, { ...options, maxTokens: 20 });
      assert.deepEqual(ids.slice(4, 24), rest);
    });

    test('the policy slide takes a prompt of any length', async () => {
      const { result } = await run(Array(500).fill(40), { ...GREEDY, overflow: 'slide' });
      assert.equal(result.promptTokens, CONTEXT / 2);
      assert.equal(result.finishReason, 'length');
    });
  });

  describe('aborting', () => {
    test('before the start gives the reason at once', async () => {
      const signal = AbortSignal.abort(new Error('not today'));
      await assert.rejects(run(PROMPT, { ...GREEDY, signal }), /not today/);
    });

    test('midway ends it with the reason, and the model can be used again', async () => {
      const { text } = await run(PROMPT, GREEDY);
      const controller = new AbortController();
      let seen = '';
      await assert.rejects(
        async () => {
          const generation = model.generate(PROMPT, { ...GREEDY, signal: controller.signal });
          for await (const piece of generation) {
            seen += piece.text;
            if (seen.length > 20) controller.abort();
          }
        },
        { name: 'AbortError' },
      );
      assert.ok(seen.length < text.length && text.startsWith(seen));
      assert.equal((await run(PROMPT, GREEDY)).text, text);
    });

    test('leaving the loop ends the generation', async () => {
      const generation = model.generate(PROMPT, GREEDY);
      for await (const piece of generation) {
        if (piece.text !== '') break;
      }
      assert.equal(generation.result, undefined);
      assert.equal((await run(PROMPT, GREEDY)).result.generatedTokens, 30);
    });
  });
});
