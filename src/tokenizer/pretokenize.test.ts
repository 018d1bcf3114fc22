import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { forEachPiece, type PieceEnd, pieceEndByExpression, preTokenizerByName } from './pretokenize.ts';
import { throwsBitnetError } from './vocabularies.test.ts';

/** The published expressions, with case and whitespace written out as JavaScript needs them. */
const SPACE = '\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';
const ANY_CASE = "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]";
const REST = `| ?[^${SPACE}\\p{L}\\p{N}]+[\\r\\n]*|[${SPACE}]*[\\r\\n]+|[${SPACE}]+(?![^${SPACE}])|[${SPACE}]+`;
const EXPRESSIONS: Record<string, RegExp> = {
  'llama-bpe': new RegExp(`${ANY_CASE}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}${REST}`, 'gu'),
  qwen2: new RegExp(`${ANY_CASE}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}${REST}`, 'gu'),
  'gpt-2': new RegExp(
    `'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^${SPACE}\\p{L}\\p{N}]+|[${SPACE}]+(?![^${SPACE}])|[${SPACE}]+`,
    'gu',
  ),
};

function pieces(text: string, pieceEnd: PieceEnd): string[] {
  const found: string[] = [];
  forEachPiece(text, pieceEnd, (piece) => found.push(piece));
  return found;
}

/** Texts that hit the borders between the classes often. */
const texts = fc
  .array(
    fc.constantFrom(
      ' ',
      '  ',
      '\n',
      '\r\n',
      '\t',
      '\u0085',
      '\ufeff',
      '\u00a0',
      "'s",
      "'S",
      "'lL",
      "'ve",
      "'x",
      "'",
      'a',
      'Zé',
      '日本',
      '7',
      '1234',
      '½',
      'Ⅷ',
      '!',
      '...',
      '_',
      '👍',
      '\u{1d4b3}',
      '\u0301',
      '\ud800',
      '\ufffd',
      '/',
      '\0',
    ),
    { maxLength: 24 },
  )
  .map((parts) => parts.join(''));

for (const [name, expression] of Object.entries(EXPRESSIONS)) {
  test(`${name} cuts as its published expression does`, () => {
    const { pieceEnd } = preTokenizerByName(name);
    fc.assert(
      fc.property(fc.oneof(texts, fc.string({ unit: 'binary', maxLength: 30 })), (text) => {
        assert.deepEqual(pieces(text, pieceEnd), text.match(expression) ?? []);
      }),
      { numRuns: 1500 },
    );
  });
}

test('an underscore starts a word under llama-bpe and stands alone under gpt-2', () => {
  assert.deepEqual(pieces('read_file', preTokenizerByName('llama-bpe').pieceEnd), ['read', '_file']);
  assert.deepEqual(pieces('read_file', preTokenizerByName('gpt-2').pieceEnd), ['read', '_', 'file']);
});

test('falcon3 and falcon_e are other names of llama-bpe', () => {
  for (const name of ['falcon3', 'falcon_e', 'llama3']) {
    assert.equal(preTokenizerByName(name), preTokenizerByName('llama-bpe'));
  }
});

test('an unknown rule is named together with the known ones', () => {
  throwsBitnetError(
    () => preTokenizerByName('tekken'),
    'tokenizer/unknown-pre-tokenizer',
    'tekken',
    'llama-bpe',
    'gpt-2',
    'qwen2',
  );
});

test('only the published expressions are recognised', () => {
  const published =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  assert.equal(pieceEndByExpression(published), preTokenizerByName('llama-bpe').pieceEnd);
  assert.equal(pieceEndByExpression(published.replace('{1,3}', '')), preTokenizerByName('qwen2').pieceEnd);
  assert.equal(pieceEndByExpression('(a+)+$'), undefined);
});

/** A text of a million characters must be cut whole, whatever it consists of; backtracking would never end here. */
const HOSTILE: Record<string, string> = {
  spaces: ' '.repeat(1_000_000),
  'spaces and a letter': `${' '.repeat(1_000_000)}a`,
  letters: 'a'.repeat(1_000_000),
  digits: '1'.repeat(1_000_000),
  newlines: '\n'.repeat(1_000_000),
  'newlines and blanks': `${'\n '.repeat(500_000)}x`,
  apostrophes: "'".repeat(1_000_000),
  'wide letters': '\u{1d4b3}'.repeat(500_000),
};

for (const [what, text] of Object.entries(HOSTILE)) {
  test(`a megabyte of ${what} is cut without a remainder`, () => {
    for (const name of Object.keys(EXPRESSIONS)) {
      let length = 0;
      forEachPiece(text, preTokenizerByName(name).pieceEnd, (piece) => {
        length += piece.length;
      });
      assert.equal(length, text.length);
    }
  });
}
