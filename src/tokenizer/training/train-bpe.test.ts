import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tokenizer as PeerTokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { createRandom } from '../../base/random.ts';
import { tokenizerFromHuggingFace } from '../from-huggingface.ts';
import type { Tokenizer } from '../tokenizer.ts';
import { throwsBitnetError } from '../vocabularies.test.ts';
import { checkBpeTrainingOptions, trainBpe } from './train-bpe.ts';

const SPECIAL = ['<|begin|>', '<|end|>', '<|user|>', '<|assistant|>'];
const WORDS = 'the cat sat on a mat and then saw one red kite it was not hers she gave the kite back'.split(
  ' ',
);

/** Sentences of few words, with digits, names and line breaks. */
function sampleText(sentences: number, seed = 1): string {
  const random = createRandom(seed);
  const lines: string[] = [];
  for (let i = 0; i < sentences; i++) {
    const words = Array.from({ length: 3 + random.below(9) }, () => WORDS[random.below(WORDS.length)]!);
    lines.push(`${words.join(' ')} ${random.below(2000)}.${random.below(5) === 0 ? '\n\n' : ' '}`);
  }
  return lines.join('');
}

function load(json: string): Tokenizer {
  return tokenizerFromHuggingFace({ tokenizerJson: json }).tokenizer;
}

/** Byte pair encoding training as its paper writes it down: all pairs counted anew for every merge. */
function trainPlainly(pieces: readonly string[], merges: number): string[] {
  let words = pieces.map((piece) => [...piece]);
  const learnt: string[] = [];
  const alphabet = [...new Set(words.flat())].sort();
  const order = [...alphabet];
  const texts = new Set(alphabet);
  while (learnt.length < merges) {
    const counts = new Map<string, number>();
    for (const word of words) {
      for (let i = 1; i < word.length; i++) {
        const pair = `${word[i - 1]} ${word[i]}`;
        counts.set(pair, (counts.get(pair) ?? 0) + 1);
      }
    }
    const rank = (pair: string): number[] => pair.split(' ').map((token) => order.indexOf(token));
    const candidates = [...counts].filter(([pair, count]) => count > 1 && !texts.has(pair.replace(' ', '')));
    candidates.sort(([a, m], [b, n]) => n - m || rank(a)[0]! - rank(b)[0]! || rank(a)[1]! - rank(b)[1]!);
    const best = candidates[0]?.[0];
    if (best === undefined) break;
    const [left, right] = best.split(' ') as [string, string];
    learnt.push(best);
    order.push(left + right);
    texts.add(left + right);
    words = words.map((word) => {
      const out: string[] = [];
      for (let i = 0; i < word.length; i++) {
        if (word[i] === left && word[i + 1] === right) out.push(left + word[++i]!);
        else out.push(word[i]!);
      }
      return out;
    });
  }
  return learnt;
}

test('the merges are those of the plain algorithm', async () => {
  const piece = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd'), minLength: 1, maxLength: 9 });
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { minLength: 1, maxLength: 30 }), async (pieces) => {
      // Each piece begins a text, so that no blank becomes part of it.
      const json = JSON.parse(await trainBpe(pieces, { vocabularySize: 256 + 25, specialTokens: [] }));
      assert.deepEqual(json.model.merges, trainPlainly(pieces, 25));
    }),
    { numRuns: 100 },
  );
});

test('the vocabulary has the size that was asked for, bytes first and control tokens last', async () => {
  const json = await trainBpe([sampleText(2000)], { vocabularySize: 290, specialTokens: SPECIAL });
  const tokenizer = load(json);
  assert.equal(tokenizer.vocabSize, 290);
  assert.deepEqual(
    SPECIAL.map((token) => tokenizer.idOf(token)),
    [286, 287, 288, 289],
  );
  assert.ok(SPECIAL.every((token) => tokenizer.isSpecial(tokenizer.idOf(token)!)));
  assert.equal(tokenizer.bosId, 286);
  assert.equal(tokenizer.addsBos, true);
  assert.equal(tokenizer.addsEos, false);
  assert.equal(new Set(Array.from({ length: 290 }, (_, id) => tokenizer.tokenText(id))).size, 290);
  assert.ok(tokenizer.idOf('Ġkite') !== undefined);
});

test('every text comes back, and another tokenizer reads the file the same way', async () => {
  const json = await trainBpe([sampleText(3000)], { vocabularySize: 600, specialTokens: SPECIAL });
  const ours = load(json);
  const peer = new PeerTokenizer(JSON.parse(json), {});
  const texts = [
    sampleText(20, 9),
    "It's 12345 o'clock,\r\n\r\n  isn't it?  \t x",
    'Grüße, 世界 🌍, ﷽ \u0000 \u200d <|end|> <|user|>',
    ...fc.sample(fc.string({ unit: 'binary', maxLength: 60 }), { numRuns: 200, seed: 5 }),
  ];
  for (const text of texts) {
    const ids = ours.encode(text, { addBos: false });
    assert.equal(ours.decode(ids), text);
    assert.ok(!ids.some((id) => ours.isSpecial(id)), 'a control token out of ordinary text');
  }
  for (const text of texts.slice(0, 2)) {
    assert.deepEqual(ours.encode(text), peer.encode(text).ids, JSON.stringify(text));
  }
  const graphemes = fc.string({ unit: 'grapheme', maxLength: 60 });
  for (const text of fc.sample(graphemes, { numRuns: 50, seed: 6 })) {
    assert.deepEqual(ours.encode(text), peer.encode(text).ids, JSON.stringify(text));
  }
  const chat = '<|user|>the cat<|end|>';
  assert.deepEqual(ours.encode(chat, { parseSpecial: true }), peer.encode(chat).ids);
});

test('digits are tokens one by one', async () => {
  const tokenizer = load(await trainBpe([sampleText(3000)], { vocabularySize: 500, specialTokens: SPECIAL }));
  const ids = tokenizer.encode('1999', { addBos: false });
  assert.deepEqual(
    ids.map((id) => tokenizer.tokenText(id)),
    ['1', '9', '9', '9'],
  );
});

test('the same texts in another order give the same file', async () => {
  const texts = Array.from({ length: 50 }, (_, seed) => sampleText(20, seed));
  const options = { vocabularySize: 400, specialTokens: SPECIAL };
  const once = await trainBpe(texts, options);
  assert.equal(await trainBpe(texts.toReversed(), options), once);
  assert.notEqual(await trainBpe(texts.slice(1), options), once);
});

test('a text with few pairs gives a smaller vocabulary', async () => {
  const tokenizer = load(await trainBpe(['ab ab'], { vocabularySize: 1000, specialTokens: ['<|end|>'] }));
  assert.equal(tokenizer.vocabSize, 258);
  assert.equal(tokenizer.idOf('ab'), 256);
});

test('no merge makes the text of a control token', async () => {
  const json = await trainBpe(['keykey keykey key key'], { vocabularySize: 300, specialTokens: ['key'] });
  const tokenizer = load(json);
  assert.equal(tokenizer.decode(tokenizer.encode('key', { addBos: false })), 'key');
  assert.ok(!tokenizer.encode('key', { addBos: false }).includes(tokenizer.idOf('key')!));
});

test('options that make no vocabulary are refused in a sentence', () => {
  const refused = (vocabularySize: number, specialTokens: readonly string[], ...words: string[]): void =>
    throwsBitnetError(
      () => checkBpeTrainingOptions({ vocabularySize, specialTokens }),
      'tokenizer/bad-training-options',
      ...words,
    );
  refused(500, ['<a>', '<b>', '<a>'], '"<a>"', 'twice');
  refused(500, ['x'], '"x"', '2 to 64');
  refused(500, ['<| end|>'], 'without blanks');
  refused(500, ['<\u0007>'], 'visible');
  refused(500, ['x'.repeat(65)], '2 to 64');
  refused(259, SPECIAL, '259', '260 to');
  refused(1e6, SPECIAL, '1000000');
  refused(400.5, SPECIAL, '400.5');
});

test('training stops when aborted', async () => {
  const reason = new Error('enough');
  const options = { vocabularySize: 2000, specialTokens: [], signal: AbortSignal.abort(reason) };
  await assert.rejects(trainBpe([sampleText(10)], options), reason);
});
