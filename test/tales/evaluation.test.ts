/** What "tales" is measured with: the 5-gram model and the search for copies; and its chat template. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { createChatTemplate } from '#src/tokenizer/chat/chat-template.js';
import { CopyFinder, NgramModel } from './modules.ts';

const VOCABULARY = 7;
const text = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 20 });

test('probabilities of the 5-gram model after any context sum to one', () => {
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 12 }), text, (texts, context) => {
      const model = new NgramModel(VOCABULARY);
      for (const tokens of texts) model.add([0, ...tokens]);
      model.finish();
      const before = model.score([0, ...context]);
      let sum = 0;
      for (let token = 0; token < VOCABULARY; token++) {
        sum += Math.exp(before - model.score([0, ...context, token]));
      }
      assert.ok(Math.abs(sum - 1) < 1e-9, `${sum}`);
    }),
  );
});

test('the 5-gram model by hand: one text of one token twice', () => {
  const model = new NgramModel(2);
  model.add([0, 1, 1]);
  model.finish();
  // Unigram 1 was seen after 0 and after 1: count 2, discount 1/2; the rest goes to 1/2 each.
  const unigram = (2 - 0.5 + 0.5 * 0.5) / 2;
  // After 0 there was 1, once: discount 1/2.
  const afterZero = 1 - 0.5 + 0.5 * unigram;
  assert.ok(Math.abs(model.score([0, 1]) + Math.log(afterZero)) < 1e-12);
});

test('more of the same text makes it less surprising', () => {
  const model = new NgramModel(100);
  for (let i = 0; i < 50; i++) model.add([0, 5, 6, 7, 8, 9]);
  model.add([0, 9, 8]);
  model.finish();
  assert.ok(model.score([0, 5, 6, 7, 8, 9]) < 0.5);
  assert.ok(model.score([0, 50, 51]) > 6);
});

test('longest copies are those of a search by hand', () => {
  const tokens = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 12 });
  fc.assert(
    fc.property(fc.array(tokens, { maxLength: 4 }), fc.array(tokens, { maxLength: 4 }), (texts, corpus) => {
      const finder = new CopyFinder(texts);
      for (const document of corpus) finder.read(document);
      const has = (stretch: readonly number[]) =>
        corpus.some((document) => `,${document},`.includes(`,${stretch},`));
      finder.longest().forEach(({ start, length }, i) => {
        const whole = texts[i] ?? [];
        let best = 0;
        for (let from = 0; from < whole.length; from++) {
          for (let to = from + 1; to <= whole.length; to++)
            if (has(whole.slice(from, to))) best = Math.max(best, to - from);
        }
        assert.equal(length, best);
        assert.ok(length === 0 || has(whole.slice(start, start + length)));
      });
    }),
  );
});

test('the chat template puts turns between control tokens and leaves out what it does not know', () => {
  const path = fileURLToPath(import.meta.resolve('bitnet.ts/models/tales/chat-template.jinja'));
  const template = createChatTemplate(readFileSync(path, 'utf8'), {
    bosToken: '<|begin|>',
    eosToken: '<|end|>',
  });
  const messages = [
    { role: 'system', content: 'Be kind.' },
    { role: 'user', content: ' Tell me a story. ' },
    { role: 'assistant', content: 'The end.' },
    { role: 'user', content: 'Who?' },
  ];
  const tale = '<|begin|><|user|>Tell me a story.<|assistant|>The end.<|end|>';
  assert.equal(template.render(messages), `${tale}<|user|>Who?<|assistant|>`);
  assert.equal(template.render(messages.slice(0, 3), { addGenerationPrompt: false }), tale);
});
