import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { MetadataValue } from '../../formats/gguf/metadata.ts';
import { TextList } from '../../formats/text-list.ts';
import { tokenizerFromGguf } from '../../tokenizer/from-gguf.ts';
import type { Tokenizer } from '../../tokenizer/tokenizer.ts';
import { RANDOM_SHAPES, type RandomShape, randomShape } from './shapes.ts';
import { randomVocabulary } from './vocabulary.ts';

function tokenizerOf(shape: RandomShape): Tokenizer {
  const { tokens, types, merges } = randomVocabulary(shape.vocabularySize, shape.control);
  const metadata = new Map<string, MetadataValue>([
    ['tokenizer.ggml.model', 'gpt2'],
    ['tokenizer.ggml.pre', 'llama-bpe'],
    ['tokenizer.ggml.tokens', TextList.of(tokens)],
    ['tokenizer.ggml.token_type', types],
    ['tokenizer.ggml.merges', TextList.of(merges)],
    ['tokenizer.ggml.eos_token_id', shape.control.eosId],
  ]);
  return tokenizerFromGguf(metadata, { architecture: shape.architecture }).tokenizer;
}

test('every shape gets as many different tokens as it has ids, and merges of tokens into tokens', () => {
  for (const { name, vocabularySize, control } of RANDOM_SHAPES.values()) {
    const { tokens, types, merges } = randomVocabulary(vocabularySize, control);
    const known = new Set(tokens);
    assert.equal(tokens.length, vocabularySize, name);
    assert.equal(known.size, vocabularySize, name);
    assert.equal(types.filter((type) => type === 3).length, control.texts.size, name);
    assert.ok(known.has(tokens[control.eosId]!) && types[control.eosId] === 3, name);
    for (const merge of merges) {
      const [left, right] = merge.split(' ') as [string, string];
      assert.ok(known.has(left) && known.has(right) && known.has(left + right), `${name}: ${merge}`);
    }
  }
});

test('the vocabulary of 2B4T has the control tokens of Llama 3 and about as many merges', () => {
  const { vocabularySize, control } = randomShape('2b4t');
  const { tokens, merges } = randomVocabulary(vocabularySize, control);
  assert.equal(tokens[0], '!');
  assert.equal(tokens[128000], '<|begin_of_text|>');
  assert.equal(tokens[128001], '<|end_of_text|>');
  assert.equal(tokens[128006], '<|start_header_id|>');
  assert.equal(tokens[128009], '<|eot_id|>');
  assert.ok(merges.length > 220_000 && merges.length < 340_000, `${merges.length} merges`);
});

test('the merges lead to every token', () => {
  const shape = randomShape('mini');
  const { tokens, types } = randomVocabulary(shape.vocabularySize, shape.control);
  const tokenizer = tokenizerOf(shape);
  tokens.forEach((token, id) => {
    // Bytes above 0x7f alone are no text.
    if (types[id] !== 1 || id < 256) return;
    // Llama 3's rule takes a whole piece as its token; a letter more makes the merges work.
    const text = `${token.replace('Ġ', ' ')}x`;
    assert.equal(tokenizer.encode(text)[0], id, token);
  });
});

test('any text survives encoding and decoding', () => {
  const tokenizer = tokenizerOf(randomShape('tiny'));
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (text) => {
      assert.equal(tokenizer.decode(tokenizer.encode(text)), text);
    }),
  );
});
