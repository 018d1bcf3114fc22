import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BitnetError } from '../../base/errors.ts';
import type { TextList } from '../../formats/text-list.ts';
import { tokenizerFromGguf } from '../from-gguf.ts';
import { smallSentencePiece } from '../vocabularies.test.ts';
import { differingText } from './same-tokens.ts';
import { type SentencePieceFolder, sentencePieceMetadata } from './sentencepiece-model.ts';

const TOKENS = ['he', 'll', '▁w', 'hell', 'or', '▁hell', '▁', 'h', 'e', 'l', 'o', 'w', 'r', 'd', '▁▁'];
const utf8 = new TextEncoder();

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))];
}

/** A field of a message. */
const number = (field: number, value: number) => [...varint(8 * field), ...varint(value)];
const float = (field: number, value: number) => [
  ...varint(8 * field + 5),
  ...new Uint8Array(Float32Array.of(value).buffer),
];
const bytes = (field: number, value: Iterable<number>) => {
  const list = [...value];
  return [...varint(8 * field + 2), ...varint(list.length), ...list];
};

/** The vocabulary of {@link smallSentencePiece} as SentencePiece writes it. */
function modelFile(
  trainer = number(3, 2),
  normalizer = [...number(3, 1), ...number(4, 0)],
): Uint8Array<ArrayBuffer> {
  const metadata = smallSentencePiece(TOKENS);
  const scores = metadata.get('tokenizer.ggml.scores') as Float32Array;
  const types = metadata.get('tokenizer.ggml.token_type') as Int32Array;
  const pieces = [...(metadata.get('tokenizer.ggml.tokens') as TextList)].flatMap((text, id) =>
    bytes(1, [...bytes(1, utf8.encode(text)), ...float(2, scores[id]!), ...number(3, types[id]!)]),
  );
  return Uint8Array.from([...pieces, ...bytes(2, trainer), ...bytes(3, normalizer)]);
}

const read = (file: Uint8Array<ArrayBuffer>, folder: SentencePieceFolder = { config: {} }) =>
  sentencePieceMetadata(file, folder);
const tokenizerOf = (metadata: ReturnType<typeof read>) =>
  tokenizerFromGguf(metadata, { architecture: 'bitnet' }).tokenizer;

test('the same tokenizer as from GGUF', () => {
  const one = tokenizerOf(smallSentencePiece(TOKENS));
  const other = tokenizerOf(read(modelFile()));
  assert.equal(differingText(one, other), undefined);
  assert.deepEqual(other.encode('hello'), one.encode('hello'));
  assert.deepEqual([other.bosId, other.eosId, other.addsBos], [1, 2, true]);
});

test('added tokens and the size of the model count', () => {
  const size = 259 + TOKENS.length;
  const metadata = read(modelFile(), {
    addedTokens: { '<pad>': size },
    tokenizerConfig: {
      add_bos_token: false,
      added_tokens_decoder: { [size + 1]: { content: '</line>', special: true } },
    },
    config: { vocab_size: size + 3, pad_token_id: size },
  });
  const tokenizer = tokenizerOf(metadata);
  assert.equal(tokenizer.vocabSize, size + 3);
  assert.equal(tokenizer.addsBos, false);
  assert.deepEqual(tokenizer.encode('<pad></line>', { parseSpecial: true }), [size, size + 1]);
  assert.equal(metadata.get('tokenizer.ggml.padding_token_id'), size);
});

const refusals: [string, Uint8Array<ArrayBuffer>, RegExp][] = [
  ['unigrams', modelFile(number(3, 1)), /no byte pair encoding/],
  ['normalisation', modelFile(undefined, [...bytes(2, [1, 2]), ...number(4, 0)]), /normalises text/],
  ['the removal of spaces', modelFile(undefined, number(3, 1)), /removes spaces/],
];
for (const [what, file, message] of refusals) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => read(file),
      (error) =>
        error instanceof BitnetError &&
        error.code === 'tokenizer/unsupported-part' &&
        message.test(error.message),
    );
  });
}

test('a damaged file is an error of ours or another vocabulary, never anything else', () => {
  const file = modelFile();
  fc.assert(
    fc.property(fc.nat(file.length - 1), fc.integer({ min: 0, max: 255 }), fc.boolean(), (at, byte, cuts) => {
      const copy = file.slice(0, cuts ? at : file.length);
      if (!cuts) copy[at] = byte;
      try {
        tokenizerOf(read(copy));
      } catch (error) {
        assert.ok(error instanceof BitnetError, String(error));
      }
    }),
    { numRuns: 400 },
  );
});
