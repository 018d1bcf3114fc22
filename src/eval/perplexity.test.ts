import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BitnetError } from '../base/errors.ts';
import type { Tokenizer } from '../tokenizer/tokenizer.ts';
import {
  measurePerplexity,
  type PerplexityOptions,
  type PerplexityResult,
  type ScoringModel,
} from './perplexity.ts';

const BOS = 1000;

/** A model of one token per character, to which a token is as unlikely as it has tokens before it. */
function createModel(contextLength: number, addsBos: boolean): ScoringModel & { pieces: number[][] } {
  const pieces: number[][] = [];
  const tokenizer = {
    addsBos,
    ...(addsBos ? { bosId: BOS } : {}),
    tokenBytes: (id: number) => new Uint8Array(id === 0 ? 3 : 2),
  };
  return {
    pieces,
    contextLength,
    tokenizer: tokenizer as unknown as Tokenizer,
    tokenize: (text: string) => Array.from(text, Number),
    score: async (tokens: ArrayLike<number>) => {
      pieces.push(Array.from(tokens));
      return Float32Array.from({ length: tokens.length - 1 }, (_, i) => -(i + 1));
    },
  };
}

async function measure(
  model: ScoringModel,
  text: string,
  options: PerplexityOptions = {},
): Promise<PerplexityResult & { shares: number[] }> {
  const shares: number[] = [];
  const progress = measurePerplexity(model, text, options);
  for (;;) {
    const { value, done } = await progress.next();
    if (done === true) return { ...value, shares };
    shares.push(value.share);
  }
}

test('pieces of a window each follow the beginning-of-text token, and every token is scored once', async () => {
  const model = createModel(5, true);
  const result = await measure(model, '1234567890');
  assert.deepEqual(model.pieces, [
    [BOS, 1, 2, 3, 4],
    [BOS, 5, 6, 7, 8],
    [BOS, 9, 0],
  ]);
  const nll = 1 + 2 + 3 + 4 + 1 + 2 + 3 + 4 + 1 + 2;
  assert.equal(result.tokens, 10);
  assert.equal(result.bytes, 21);
  assert.equal(result.nllPerToken, nll / 10);
  assert.equal(result.perplexity, Math.exp(nll / 10));
  assert.equal(result.bitsPerByte, nll / Math.LN2 / 21);
  assert.deepEqual([result.window, result.stride], [4, 4]);
  assert.deepEqual(result.shares, [0.4, 0.8, 1]);
});

test('without a beginning-of-text token the first token of a piece is not scored', async () => {
  const model = createModel(4, false);
  const result = await measure(model, '12345678');
  assert.deepEqual(model.pieces, [
    [1, 2, 3, 4],
    [5, 6, 7, 8],
  ]);
  assert.equal(result.tokens, 6);
  assert.equal(result.bytes, 12);
  assert.equal(result.nllPerToken, 2);
});

test('overlapping pieces score each token once, with the context before it', async () => {
  const model = createModel(5, true);
  const result = await measure(model, '123456', { window: 4, stride: 2 });
  assert.deepEqual(model.pieces, [
    [BOS, 1, 2, 3, 4],
    [BOS, 3, 4, 5, 6],
  ]);
  assert.equal(result.tokens, 6);
  assert.equal(result.nllPerToken, (1 + 2 + 3 + 4 + 3 + 4) / 6);

  const bare = createModel(4, false);
  assert.equal((await measure(bare, '123456', { stride: 1 })).tokens, 5);
  assert.deepEqual(bare.pieces, [
    [1, 2, 3, 4],
    [2, 3, 4, 5],
    [3, 4, 5, 6],
  ]);
});

test('a limit ends the text early', async () => {
  const model = createModel(5, true);
  assert.equal((await measure(model, '1234567890', { limit: 5 })).tokens, 5);
  assert.deepEqual(model.pieces.at(-1), [BOS, 5]);
});

test('what cannot be measured is one clear error', async () => {
  const fails = async (model: ScoringModel, text: string, options: PerplexityOptions, code: string) => {
    await assert.rejects(measure(model, text, options), (error: BitnetError) => error.code === code);
  };
  await fails(createModel(5, true), '', {}, 'eval/too-short');
  await fails(createModel(5, false), '1', {}, 'eval/too-short');
  await fails(createModel(5, true), '123', { window: 5 }, 'option/window');
  await fails(createModel(5, true), '123', { window: 0 }, 'option/window');
  await fails(createModel(5, true), '123', { window: 2, stride: 3 }, 'option/stride');
  await fails(createModel(5, true), '123', { limit: 0.5 }, 'option/limit');
});
