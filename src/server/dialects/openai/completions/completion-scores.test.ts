import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GeneratedToken } from '../../../../index.ts';
import { tokenizerOf } from '../scripted-reply.test.ts';
import { appendScores, noScores, ScoreWriter } from './completion-scores.ts';

/** Of 'é', half a character each; two tokens of the same text; one that ends texts. */
const TOKENS = ['a', [0xc3], [0xa9], 'same', 'same', '🦊', '</s>'] as const;
const END = TOKENS.length - 1;

describe('scores of a completion', () => {
  test('offsets count code points, and halves of characters begin where the whole does', () => {
    const scores = new ScoreWriter(tokenizerOf(TOKENS)).prompt([END, 5, 0, 1, 2, 0], list([5, 0, 1, 2, 0]));
    assert.deepEqual(scores.tokens, ['</s>', '🦊', 'a', 'bytes:\\xc3', 'bytes:\\xa9', 'a']);
    assert.deepEqual(scores.text_offset, [0, 0, 1, 2, 2, 3]);
    assert.deepEqual(scores.token_logprobs, [null, -5, 0, -1, -2, 0]);
    assert.equal(scores.top_logprobs[0], null);
  });

  test('generated tokens go on from the prompt, and the last may end the text', () => {
    const writer = new ScoreWriter(tokenizerOf(TOKENS));
    const scores = noScores();
    appendScores(scores, writer.prompt([0, 5], list([5])));
    for (const id of [0, END]) appendScores(scores, writer.token(scoreOf(id)));
    assert.deepEqual(scores.tokens, ['a', '🦊', 'a', '</s>']);
    assert.deepEqual(scores.text_offset, [0, 1, 2, 3]);
  });

  test('the scored token is among the most likely ones, under its own name', () => {
    const writer = new ScoreWriter(tokenizerOf(TOKENS));
    const top = [
      { id: 3, logprob: -0.25, text: 'same' },
      { id: 0, logprob: -2, text: 'a' },
    ];
    const [less] = writer.token({ id: 4, logprob: -3, text: 'same', top }).top_logprobs;
    assert.deepEqual(less, { 'token_id:3': -0.25, a: -2, same: -3 });
    const [most] = writer.token({ id: 3, logprob: -0.25, text: 'same', top }).top_logprobs;
    assert.deepEqual(most, { same: -0.25, a: -2 });
  });

  test('rows that stand for no token have a number', () => {
    const top = [{ id: 99, logprob: -1, text: '' }];
    const [entry] = new ScoreWriter(tokenizerOf(TOKENS)).token({ ...scoreOf(0), top }).top_logprobs;
    assert.deepEqual(entry, { a: 0, 'token_id:99': -1 });
  });
});

function scoreOf(id: number): GeneratedToken {
  return { id, logprob: 0 - id, text: '', top: [] };
}

const list = (ids: readonly number[]): GeneratedToken[] => ids.map(scoreOf);
