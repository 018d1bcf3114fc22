import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Tokenizer as PeerTokenizer } from '@huggingface/tokenizers';
import fc from 'fast-check';
import { tokenizerFromGguf } from './from-gguf.ts';
import { tokenizerFromHuggingFace } from './from-huggingface.ts';
import { createDecoder, type Tokenizer } from './tokenizer.ts';
import {
  ggufMetadata,
  golden,
  smallGguf,
  smallSentencePiece,
  throwsBitnetError,
  tinyTalesJson,
  tinyTalesReference,
} from './vocabularies.test.ts';

const END_OF_TEXT = 2047;
const reference = tinyTalesReference();
const FORMS: Record<string, Tokenizer> = {
  'GGUF metadata': tokenizerFromGguf(ggufMetadata(tinyTalesJson(), 'gpt-2'), { architecture: 'bitnet-b1.58' })
    .tokenizer,
  'tokenizer.json': tokenizerFromHuggingFace({
    tokenizerJson: golden('hf-bf16/tokenizer.json'),
    tokenizerConfig: golden('hf-bf16/tokenizer_config.json'),
    config: golden('hf-bf16/config.json'),
  }).tokenizer,
};
/** Any text, lone surrogates excepted: they cannot be written as UTF-8. */
const texts = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc
    .array(fc.constantFrom(' the', ' ', '\n', 'Emma', "n't", "'s", '12', 'é', '👍🏽', '<|endoftext|>', '…'))
    .map((parts) => parts.join('')),
);

for (const [form, tokenizer] of Object.entries(FORMS)) {
  describe(`tiny-tales from ${form}`, () => {
    test('texts become the ids of the reference', () => {
      for (const { text, ids } of reference.tokenize) {
        assert.deepEqual(tokenizer.encode(text, { addBos: false }), ids);
      }
    });

    test('prompts become the ids of the reference, with the beginning-of-text token by default', () => {
      assert.equal(tokenizer.addsBos, true);
      for (const { prompt, prompt_ids, continuation_ids, text } of reference.greedy) {
        assert.deepEqual(tokenizer.encode(prompt), prompt_ids);
        assert.equal(tokenizer.decode(continuation_ids), text);
      }
    });

    test('ids are those of an independent implementation', () => {
      const peer = new PeerTokenizer(tinyTalesJson(), {});
      fc.assert(
        fc.property(texts, (text) => {
          // NOTE the peer cuts at JavaScript's \s, which differs from Unicode's White_Space in these two.
          const comparable = text.replace(/[\u0085\ufeff]/g, '');
          assert.deepEqual(
            tokenizer.encode(comparable, { addBos: false, parseSpecial: true }),
            peer.encode(comparable, { add_special_tokens: false }).ids,
          );
        }),
        { numRuns: 1000 },
      );
    });

    test('decoding gives the text back', () => {
      fc.assert(
        fc.property(texts, fc.boolean(), (text, parseSpecial) => {
          assert.equal(tokenizer.decode(tokenizer.encode(text, { addBos: false, parseSpecial })), text);
        }),
        { numRuns: 1000 },
      );
    });

    test('special tokens in a text are ordinary text unless asked for', () => {
      const plain = tokenizer.encode('<|endoftext|>', { addBos: false });
      assert.ok(plain.length > 1);
      assert.ok(plain.every((id) => !tokenizer.isSpecial(id)));
      assert.deepEqual(tokenizer.encode('<|endoftext|>', { addBos: false, parseSpecial: true }), [
        END_OF_TEXT,
      ]);
    });

    test('the end of text stops a generation', () => {
      assert.equal(tokenizer.eosId, END_OF_TEXT);
      assert.deepEqual([...tokenizer.stopIds], [END_OF_TEXT]);
    });
  });
}

test('a stream of ids gives the text of all of them, however it is cut', () => {
  const sentencePiece = tokenizerFromGguf(smallSentencePiece(['▁', 'a', 'b', '▁a', 'ab']), {
    architecture: 'llama',
  });
  const cases: Tokenizer[] = [FORMS['GGUF metadata']!, sentencePiece.tokenizer];
  for (const tokenizer of cases) {
    const ids = fc.array(fc.integer({ min: 0, max: tokenizer.vocabSize - 1 }), { maxLength: 40 });
    fc.assert(
      fc.property(
        fc.oneof(
          ids,
          texts.map((text) => tokenizer.encode(text)),
        ),
        fc.boolean(),
        fc.boolean(),
        (stream, skipSpecial, continuation) => {
          const options = { skipSpecial, continuation };
          const decoder = createDecoder(tokenizer, options);
          // A decoder is as new after flush, so the second round must not see the first one.
          for (let round = 0; round < 2; round++) {
            const pieces = stream.map((id) => decoder.push(id));
            assert.equal(pieces.join('') + decoder.flush(), tokenizer.decode(stream, options));
          }
        },
      ),
      { numRuns: 500 },
    );
  }
});

test('a character in several tokens appears only when it is complete', () => {
  const { tokenizer } = tokenizerFromGguf(smallGguf({ pre: 'gpt-2' }), { architecture: 'llama' });
  const ids = tokenizer.encode('é👍');
  assert.equal(ids.length, 6);
  const decoder = createDecoder(tokenizer);
  assert.deepEqual(
    ids.map((id) => decoder.push(id)),
    ['', 'é', '', '', '', '👍'],
  );
  assert.equal(decoder.flush(), '');
  assert.equal(decoder.push(ids[0]!), '');
  assert.equal(decoder.flush(), '\ufffd');
});

test('lone surrogates are encoded as the replacement character', () => {
  const tokenizer = FORMS['GGUF metadata']!;
  assert.equal(tokenizer.decode(tokenizer.encode('a\ud800b', { addBos: false })), 'a\ufffdb');
});

test('ids outside the vocabulary are errors, not text', () => {
  const tokenizer = FORMS['tokenizer.json']!;
  for (const id of [-1, 2048, 1.5, Number.NaN]) {
    throwsBitnetError(() => tokenizer.decode([id]), 'tokenizer/bad-id', '2048');
    throwsBitnetError(() => tokenizer.tokenText(id), 'tokenizer/bad-id');
    assert.equal(tokenizer.isSpecial(id), false);
  }
});

test('a user-defined token is always found, the longest first', () => {
  const metadata = smallGguf({ userDefined: ['<b>', '<b><i>'], control: ['<s>'], pre: 'gpt-2' });
  const { tokenizer } = tokenizerFromGguf(metadata, { architecture: 'llama' });
  const ids = [tokenizer.idOf('<b>'), tokenizer.idOf('<b><i>')];
  assert.deepEqual(tokenizer.encode('<b><b><i>'), ids);
  assert.deepEqual(tokenizer.encode('<s>', { parseSpecial: true }), [tokenizer.idOf('<s>')]);
  assert.equal(tokenizer.encode('<s>', { parseSpecial: true, plainAt: new Set([1]) }).length, 3);
});

test('a whole piece that is a token wins over its merges under llama-bpe only', () => {
  const tokens = ['ab', 'bc', 'abc'];
  const merges = ['b c', 'a b'];
  const encode = (pre: string): string[] => {
    const { tokenizer } = tokenizerFromGguf(smallGguf({ tokens, merges, pre }), { architecture: 'llama' });
    return tokenizer.encode('abc').map((id) => tokenizer.tokenText(id));
  };
  assert.deepEqual(encode('llama-bpe'), ['abc']);
  assert.deepEqual(encode('gpt-2'), ['a', 'bc']);
});

test('merging never makes a control token', () => {
  const metadata = smallGguf({ control: ['<>'], merges: ['< >'], pre: 'llama-bpe' });
  const { tokenizer } = tokenizerFromGguf(metadata, { architecture: 'llama' });
  assert.deepEqual(
    tokenizer.encode('<>').map((id) => tokenizer.tokenText(id)),
    ['<', '>'],
  );
});
