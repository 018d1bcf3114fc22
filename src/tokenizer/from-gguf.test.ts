import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MetadataValue } from '../formats/gguf/metadata.ts';
import { TextList } from '../formats/text-list.ts';
import { tokenizerFromGguf } from './from-gguf.ts';
import { smallGguf, smallSentencePiece, throwsBitnetError } from './vocabularies.test.ts';

const LLAMA_SPECIALS = ['<|begin_of_text|>', '<|end_of_text|>', '<|eot_id|>'];
const ARCHITECTURE = { architecture: 'bitnet-b1.58' };

/** A file like the official one of 2B4T: no pre-tokenizer, and end of text as the only end token. */
function file2B4T(): Map<string, MetadataValue> {
  const metadata = smallGguf({
    tokens: ['re', 'ad', 'read', '_f', 'il', 'file', 'ile', '_file'],
    merges: ['r e', 'a d', 're ad', '_ f', 'i l', 'il e', 'f ile', '_ file'],
    control: LLAMA_SPECIALS,
  });
  const first = 256 + 8;
  metadata.set('tokenizer.ggml.bos_token_id', first);
  metadata.set('tokenizer.ggml.eos_token_id', first + 1);
  metadata.set('tokenizer.ggml.add_bos_token', true);
  metadata.set('bitnet-b1.58.vocab_size', first + 3);
  return metadata;
}

test('2B4T is cut as llama-bpe and stops at the end of a turn, and both corrections are reported', () => {
  const { tokenizer, corrections } = tokenizerFromGguf(file2B4T(), ARCHITECTURE);
  assert.deepEqual(
    tokenizer.encode('read_file').map((id) => tokenizer.tokenText(id)),
    ['<|begin_of_text|>', 'read', '_file'],
  );
  assert.deepEqual([...tokenizer.stopIds], [tokenizer.idOf('<|end_of_text|>'), tokenizer.idOf('<|eot_id|>')]);
  assert.equal(corrections.length, 2);
  assert.match(corrections[0]!, /llama-bpe/);
  assert.match(corrections[1]!, /<\|eot_id\|>/);
});

test('a file that says everything is not corrected', () => {
  const metadata = file2B4T();
  metadata.set('tokenizer.ggml.pre', 'gpt-2');
  metadata.set('tokenizer.ggml.eot_token_id', 256 + 8 + 2);
  const { tokenizer, corrections } = tokenizerFromGguf(metadata, ARCHITECTURE);
  assert.deepEqual(corrections, []);
  assert.equal(tokenizer.stopIds.size, 2);
  assert.deepEqual(
    tokenizer.encode('read_file', { addBos: false }).map((id) => tokenizer.tokenText(id)),
    ['read', '_', 'file'],
  );
});

test('other architectures must say how their text is cut', () => {
  throwsBitnetError(
    () => tokenizerFromGguf(smallGguf({}), { architecture: 'llama' }),
    'tokenizer/missing-pre-tokenizer',
    'tokenizer.ggml.pre',
  );
});

test('families add the beginning of text by themselves where the file is silent', () => {
  const adds = (pre: string, flag?: boolean): boolean => {
    const metadata = smallGguf({ control: ['<s>'], pre });
    metadata.set('tokenizer.ggml.bos_token_id', 256);
    if (flag !== undefined) metadata.set('tokenizer.ggml.add_bos_token', flag);
    return tokenizerFromGguf(metadata, { architecture: 'llama' }).tokenizer.addsBos;
  };
  assert.equal(adds('falcon3'), true);
  assert.equal(adds('gpt-2'), false);
  assert.equal(adds('falcon3', false), false);
  assert.equal(adds('gpt-2', true), true);
});

test('an end-of-text token that the file wants is added', () => {
  const metadata = smallGguf({ control: ['</s>'], pre: 'qwen2' });
  metadata.set('tokenizer.ggml.eos_token_id', 256);
  metadata.set('tokenizer.ggml.add_eos_token', true);
  const { tokenizer } = tokenizerFromGguf(metadata, { architecture: 'qwen3' });
  assert.deepEqual(tokenizer.encode('a'), [tokenizer.idOf('a'), 256]);
  assert.deepEqual(tokenizer.encode('a', { addEos: false }), [tokenizer.idOf('a')]);
});

test('a normal token that is named as end of text becomes a control token', () => {
  const metadata = smallGguf({ tokens: ['<end>'], pre: 'gpt-2' });
  metadata.set('tokenizer.ggml.eos_token_id', 256);
  const { tokenizer } = tokenizerFromGguf(metadata, { architecture: 'llama' });
  assert.equal(tokenizer.isSpecial(256), true);
  assert.deepEqual(tokenizer.specialTexts, ['<end>']);
});

/** One change to a good file each, with the code and the word that the error must say. */
const DAMAGED: readonly [key: string, value: MetadataValue | undefined, code: string, word: string][] = [
  ['tokenizer.ggml.model', undefined, 'tokenizer/missing-key', 'tokenizer.ggml.model'],
  ['tokenizer.ggml.model', 'bert', 'tokenizer/unsupported-model', 'bert'],
  ['tokenizer.ggml.model', 7, 'tokenizer/bad-key', 'tokenizer.ggml.model'],
  ['tokenizer.ggml.tokens', undefined, 'tokenizer/missing-key', 'tokenizer.ggml.tokens'],
  ['tokenizer.ggml.tokens', TextList.of([]), 'tokenizer/bad-vocabulary', '0 tokens'],
  ['tokenizer.ggml.tokens', new Float32Array(4), 'tokenizer/bad-key', 'tokenizer.ggml.tokens'],
  ['tokenizer.ggml.merges', undefined, 'tokenizer/missing-key', 'tokenizer.ggml.merges'],
  ['tokenizer.ggml.merges', TextList.of(['ab']), 'tokenizer/bad-merges', 'entry 0'],
  ['tokenizer.ggml.merges', TextList.of(['r e', 'x y']), 'tokenizer/bad-merges', 'entry 1'],
  ['tokenizer.ggml.token_type', new Int32Array(3), 'tokenizer/bad-vocabulary', '3 token types'],
  ['tokenizer.ggml.token_type', new Int32Array(267).fill(257), 'tokenizer/bad-vocabulary', 'type'],
  ['tokenizer.ggml.token_type', new Int32Array(267).fill(6), 'tokenizer/bad-vocabulary', 'byte token'],
  ['tokenizer.ggml.bos_token_id', 267, 'tokenizer/bad-key', 'below 267'],
  ['tokenizer.ggml.eos_token_id', -1, 'tokenizer/bad-key', 'eos_token_id'],
  ['tokenizer.ggml.eot_token_id', 2n ** 63n, 'tokenizer/bad-key', 'eot_token_id'],
  ['tokenizer.ggml.add_bos_token', 1, 'tokenizer/bad-key', 'add_bos_token'],
  ['tokenizer.ggml.bos_token_id', undefined, 'tokenizer/missing-key', 'bos_token_id'],
  ['bitnet-b1.58.vocab_size', 300, 'tokenizer/bad-vocabulary', '300'],
  ['tokenizer.ggml.pre', 'mystery', 'tokenizer/unknown-pre-tokenizer', 'mystery'],
];

for (const [key, value, code, word] of DAMAGED) {
  const shown = value instanceof TextList ? [...value].join() : String(value);
  test(`${key} = ${shown.slice(0, 20)} is ${code}`, () => {
    const metadata = file2B4T();
    if (value === undefined) metadata.delete(key);
    else metadata.set(key, value);
    throwsBitnetError(() => tokenizerFromGguf(metadata, ARCHITECTURE), code, word);
  });
}

test('a SentencePiece file must have scores and types for every token', () => {
  for (const key of ['tokenizer.ggml.scores', 'tokenizer.ggml.token_type']) {
    const metadata = smallSentencePiece(['a']);
    metadata.delete(key);
    throwsBitnetError(
      () => tokenizerFromGguf(metadata, { architecture: 'bitnet' }),
      'tokenizer/missing-key',
      key,
    );
    metadata.set(key, new Float32Array(2));
    throwsBitnetError(
      () => tokenizerFromGguf(metadata, { architecture: 'bitnet' }),
      'tokenizer/bad-vocabulary',
    );
  }
});

test('a byte that the vocabulary lacks is an error where it is needed', () => {
  const metadata = smallGguf({ pre: 'gpt-2' });
  const tokens = [...(metadata.get('tokenizer.ggml.tokens') as TextList)];
  tokens[0x7a] = 'missing z';
  metadata.set('tokenizer.ggml.tokens', TextList.of(tokens));
  const { tokenizer } = tokenizerFromGguf(metadata, { architecture: 'llama' });
  assert.equal(tokenizer.decode(tokenizer.encode('abc')), 'abc');
  throwsBitnetError(() => tokenizer.encode('xyz'), 'tokenizer/unencodable', '0x7a');
});

test('literal tokens are bounded in length', () => {
  const metadata = smallGguf({ control: ['x'.repeat(300)], pre: 'gpt-2' });
  throwsBitnetError(
    () => tokenizerFromGguf(metadata, { architecture: 'llama' }),
    'tokenizer/bad-added-token',
    '300',
  );
});
