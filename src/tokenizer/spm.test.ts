import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { MetadataValue } from '../formats/gguf/metadata.ts';
import { TextList } from '../formats/text-list.ts';
import { tokenizerFromGguf } from './from-gguf.ts';
import type { Tokenizer } from './tokenizer.ts';
import { smallSentencePiece, throwsBitnetError } from './vocabularies.test.ts';

const TOKENS = ['he', 'll', '▁w', 'hell', 'or', '▁hell', '▁', 'h', 'e', 'l', 'o', 'w', 'r', 'd', '▁▁'];

function make(tokens: readonly string[], changes: Record<string, MetadataValue> = {}): Tokenizer {
  const metadata = smallSentencePiece(tokens);
  for (const [key, value] of Object.entries(changes)) metadata.set(key, value);
  return tokenizerFromGguf(metadata, { architecture: 'bitnet' }).tokenizer;
}

function written(tokenizer: Tokenizer, text: string): string[] {
  return tokenizer.encode(text).map((id) => tokenizer.tokenText(id));
}

/** The definition: join the pair whose union has the highest score, leftmost first, until no pair is a token. */
function byDefinition(text: string, tokens: readonly string[]): string[] {
  let parts = [...`▁${text.replaceAll(' ', '▁')}`];
  for (;;) {
    let best = tokens.length;
    let at = -1;
    for (let i = 0; i + 1 < parts.length; i++) {
      const rank = tokens.indexOf(parts[i]! + parts[i + 1]!);
      if (rank !== -1 && rank < best) [best, at] = [rank, i];
    }
    if (at === -1) return parts;
    parts = [...parts.slice(0, at), parts[at]! + parts[at + 1]!, ...parts.slice(at + 2)];
  }
}

test('pairs merge by the score of what they make', () => {
  assert.deepEqual(written(make(TOKENS), 'hello world'), ['<s>', '▁hell', 'o', '▁w', 'or', 'l', 'd']);
});

test('merging is as defined for any text of known characters', () => {
  const tokenizer = make(TOKENS);
  const text = fc.string({ unit: fc.constantFrom(...'helowrd '), minLength: 1, maxLength: 120 });
  fc.assert(
    fc.property(text, (sample) => {
      assert.deepEqual(written(tokenizer, sample).slice(1), byDefinition(sample, TOKENS));
    }),
    { numRuns: 500 },
  );
});

test('unknown characters become their bytes, and decoding gives every text back', () => {
  const tokenizer = make(TOKENS);
  assert.deepEqual(written(tokenizer, 'é'), ['<s>', '▁', '<0xC3>', '<0xA9>']);
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
      // ▁ itself is the vocabulary's space.
      const sample = text.replaceAll('▁', ' ');
      assert.equal(tokenizer.decode(tokenizer.encode(sample, { addBos: false })), sample);
    }),
    { numRuns: 500 },
  );
});

test('the space before the text is taken away at its start, not in a continuation', () => {
  const tokenizer = make(TOKENS);
  const ids = tokenizer.encode('hell', { addBos: false });
  assert.deepEqual(ids, [tokenizer.idOf('▁hell')]);
  assert.equal(tokenizer.decode(ids), 'hell');
  assert.equal(tokenizer.decode(ids, { continuation: true }), ' hell');
  assert.equal(tokenizer.decode([1, ...ids], { skipSpecial: true }), 'hell');
});

test('without add_space_prefix the text stays as it is', () => {
  const tokenizer = make(TOKENS, { 'tokenizer.ggml.add_space_prefix': false });
  assert.deepEqual(written(tokenizer, 'hell'), ['<s>', 'hell']);
  assert.equal(tokenizer.decode(tokenizer.encode(' w', { addBos: false })), ' w');
});

test('without byte tokens unknown characters are the unknown token, without that an error', () => {
  const strip = (text: string): string => (text.startsWith('<0x') ? `pad${text}` : text);
  const metadata = smallSentencePiece(TOKENS);
  const tokens = [...(metadata.get('tokenizer.ggml.tokens') as TextList)].map(strip);
  const types = Int32Array.from(metadata.get('tokenizer.ggml.token_type') as Int32Array, (type) =>
    type === 6 ? 1 : type,
  );
  metadata.set('tokenizer.ggml.tokens', TextList.of(tokens)).set('tokenizer.ggml.token_type', types);
  const { tokenizer } = tokenizerFromGguf(metadata, { architecture: 'bitnet' });
  assert.deepEqual(written(tokenizer, 'éh'), ['<s>', '▁', '<unk>', 'h']);
  types[0] = 1;
  metadata.delete('tokenizer.ggml.unknown_token_id');
  const strict = tokenizerFromGguf(metadata, { architecture: 'bitnet' }).tokenizer;
  throwsBitnetError(() => strict.encode('é'), 'tokenizer/unencodable', 'é');
});

test('typing a control token or a byte token does not make one', () => {
  const tokenizer = make([...TOKENS, '<', '>', '/', 's', '</', '</s', '0', 'x', 'A']);
  assert.deepEqual(written(tokenizer, '</s>'), ['<s>', '▁', '</s', '>']);
  assert.ok(!tokenizer.encode('<0x0A>', { addBos: false }).includes(tokenizer.idOf('<0x0A>')!));
});

test('a megabyte without spaces is merged', () => {
  const tokenizer = make(TOKENS);
  assert.equal(tokenizer.encode('hell'.repeat(250_000), { addBos: false }).length, 250_000);
});
