import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tokenizerFromHuggingFace } from './from-huggingface.ts';
import { type TokenizerJson, throwsBitnetError, tinyTalesJson } from './vocabularies.test.ts';

const LLAMA_EXPRESSION =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** The pre-tokenizer of Llama 3's tokenizer.json. */
function split(expression: string): unknown {
  return {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Split', pattern: { Regex: expression }, behavior: 'Isolated', invert: false },
      { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
    ],
  };
}

function template(single: readonly unknown[], special_tokens: Record<string, unknown> = {}): unknown {
  const bos = { '<|endoftext|>': { id: '<|endoftext|>', ids: [2047], tokens: ['<|endoftext|>'] } };
  return { type: 'TemplateProcessing', single, special_tokens: { ...bos, ...special_tokens } };
}

const TEXT = { Sequence: { id: 'A', type_id: 0 } };
const BOS = { SpecialToken: { id: '<|endoftext|>', type_id: 0 } };

/** A SentencePiece-like tokenizer.json as converted from Llama's. */
function sentencePieceJson(): TokenizerJson {
  const bytes = Array.from(
    { length: 256 },
    (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`,
  );
  const tokens = ['<unk>', '<s>', '</s>', ...bytes, '▁', 'h', 'i', '▁h', '▁hi', '▁▁', '</line>'];
  return {
    added_tokens: [
      { id: 0, content: '<unk>', special: true },
      { id: 1, content: '<s>', special: true },
      { id: 2, content: '</s>', special: true },
      { id: 265, content: '</line>', special: false },
    ],
    normalizer: {
      type: 'Sequence',
      normalizers: [
        { type: 'Prepend', prepend: '▁' },
        { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
      ],
    },
    pre_tokenizer: null,
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, TEXT],
      special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
    },
    decoder: { type: 'Sequence', decoders: [{ type: 'ByteFallback' }, { type: 'Fuse' }] },
    model: {
      type: 'BPE',
      unk_token: '<unk>',
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: ['▁ h', '▁h i', '▁ ▁'],
    },
  };
}

function load(change: (json: TokenizerJson) => void, more: Record<string, unknown> = {}) {
  const json = tinyTalesJson();
  change(json);
  return tokenizerFromHuggingFace({ tokenizerJson: json, ...more });
}

test("Llama 3's Split and ByteLevel are recognised by the expression", () => {
  const { tokenizer } = load((json) => {
    json.pre_tokenizer = split(LLAMA_EXPRESSION);
  });
  const pieces = tokenizer.encode('12345').map((id) => tokenizer.tokenText(id));
  assert.deepEqual(pieces, ['1', '2', '3', '4', '5']);
});

test('merges are read as texts and as pairs', () => {
  const asTexts = load(() => {}).tokenizer;
  const asPairs = load((json) => {
    json.model.merges = json.model.merges.map((merge) => (merge as string).split(' ') as [string, string]);
  }).tokenizer;
  const text = 'It was a dark and stormy night.';
  assert.deepEqual(asPairs.encode(text), asTexts.encode(text));
});

test('the post-processor says whether a text begins and ends with a token', () => {
  const begins = load((json) => {
    json.post_processor = { type: 'Sequence', processors: [{ type: 'ByteLevel' }, template([BOS, TEXT])] };
  }).tokenizer;
  assert.deepEqual([begins.addsBos, begins.addsEos, begins.bosId], [true, false, 2047]);
  const ends = load((json) => {
    json.post_processor = template([TEXT, BOS]);
  }).tokenizer;
  assert.deepEqual([ends.addsBos, ends.addsEos, ends.eosId], [false, true, 2047]);
  assert.equal(ends.encode('a').at(-1), 2047);
});

test('BitNet models begin with their token even if no file says so, which is reported', () => {
  const config = { model_type: 'bitnet', bos_token_id: 2047, eos_token_id: [2047] };
  const { tokenizer, corrections } = load(() => {}, { config });
  assert.equal(tokenizer.addsBos, true);
  assert.match(corrections[0]!, /<\|endoftext\|>/);
  assert.equal(load(() => {}, { config: { ...config, model_type: 'llama' } }).tokenizer.addsBos, false);
  const silent = load(() => {}, { config, tokenizerConfig: { add_bos_token: false } });
  assert.deepEqual([silent.tokenizer.addsBos, silent.corrections], [false, []]);
});

test('all end tokens of the files stop a generation', () => {
  const { tokenizer } = load(() => {}, {
    config: { eos_token_id: 5 },
    generationConfig: { eos_token_id: [6, 7] },
    tokenizerConfig: { eos_token: { content: '<|endoftext|>' } },
  });
  assert.deepEqual(
    [...tokenizer.stopIds].sort((a, b) => a - b),
    [5, 6, 7, 2047],
  );
  assert.equal(tokenizer.eosId, 2047);
});

test('a vocabulary may be padded to the size in config.json, not cut', () => {
  assert.equal(load(() => {}, { config: { vocab_size: 2112 } }).tokenizer.vocabSize, 2112);
  throwsBitnetError(
    () => load(() => {}, { config: { vocab_size: 2000 } }),
    'tokenizer/bad-vocabulary',
    '2000',
  );
  throwsBitnetError(() => load(() => {}, { config: { vocab_size: 1e9 } }), 'tokenizer/bad-vocabulary');
});

test('SentencePiece-like files prepend, replace and fall back to bytes', () => {
  const { tokenizer } = tokenizerFromHuggingFace({ tokenizerJson: sentencePieceJson() });
  const written = (text: string, parseSpecial = false): string[] =>
    tokenizer.encode(text, { parseSpecial }).map((id) => tokenizer.tokenText(id));
  assert.deepEqual(written('hi é'), ['<s>', '▁hi', '▁', '<0xC3>', '<0xA9>']);
  assert.deepEqual(written('hi</s>hi', true), ['<s>', '▁hi', '</s>', '▁hi']);
  assert.deepEqual(written('hi</line>'), ['<s>', '▁hi', '</line>']);
  assert.equal(tokenizer.decode(tokenizer.encode('hi  é', { addBos: false })), 'hi  é');
});

test('Metaspace says where a space is put and whether tokens may span spaces', () => {
  const written = (metaspace: Record<string, unknown>, text: string): string[] => {
    const json = sentencePieceJson();
    json.normalizer = null;
    json.pre_tokenizer = { type: 'Metaspace', replacement: '▁', ...metaspace };
    const { tokenizer } = tokenizerFromHuggingFace({ tokenizerJson: json });
    return tokenizer.encode(text, { addBos: false, parseSpecial: true }).map((id) => tokenizer.tokenText(id));
  };
  assert.deepEqual(written({ prepend_scheme: 'first', split: false }, 'hi</s>hi'), ['▁hi', '</s>', 'h', 'i']);
  assert.deepEqual(written({ prepend_scheme: 'always', split: false }, 'hi</s>hi'), ['▁hi', '</s>', '▁hi']);
  assert.deepEqual(written({ prepend_scheme: 'never', split: false }, 'hi'), ['h', 'i']);
  assert.deepEqual(written({ prepend_scheme: 'never', split: false }, '  '), ['▁▁']);
  assert.deepEqual(written({ prepend_scheme: 'never', split: true }, '  '), ['▁', '▁']);
});

test('added tokens may swallow the whitespace around them', () => {
  const { tokenizer } = load((json) => {
    json.added_tokens[0] = {
      ...json.added_tokens[0]!,
      lstrip: true,
      rstrip: true,
    } as (typeof json.added_tokens)[0];
  });
  const ids = tokenizer.encode('a  <|endoftext|>  b', { parseSpecial: true });
  assert.equal(tokenizer.decode(ids), 'a<|endoftext|>b');
});

test('Unicode normalisation is applied where the file asks for it', () => {
  const { tokenizer } = load((json) => {
    json.normalizer = { type: 'NFC' };
  });
  assert.deepEqual(tokenizer.encode('e\u0301'), tokenizer.encode('\u00e9'));
});

/** One change each, with the word that the refusal must say. */
const UNSUPPORTED: readonly [word: string, change: (json: TokenizerJson) => void][] = [
  ['Unigram', (json) => Object.assign(json.model, { type: 'Unigram' })],
  ['dropout', (json) => Object.assign(json.model, { dropout: 0.1 })],
  ['end_of_word_suffix', (json) => Object.assign(json.model, { end_of_word_suffix: '</w>' })],
  ['Lowercase', (json) => Object.assign(json, { normalizer: { type: 'Lowercase' } })],
  ['BertPreTokenizer', (json) => Object.assign(json, { pre_tokenizer: { type: 'BertPreTokenizer' } })],
  ['(a+)+$', (json) => Object.assign(json, { pre_tokenizer: split('(a+)+$') })],
  ['WordPiece', (json) => Object.assign(json, { decoder: { type: 'WordPiece' } })],
  ['BertProcessing', (json) => Object.assign(json, { post_processor: { type: 'BertProcessing' } })],
  ['template', (json) => Object.assign(json, { post_processor: template([BOS, BOS, TEXT]) })],
  ['single_word', (json) => Object.assign(json.added_tokens[0]!, { single_word: true })],
];

for (const [word, change] of UNSUPPORTED) {
  test(`${word} is refused by name`, () => {
    throwsBitnetError(() => load(change), 'tokenizer/unsupported-part', word);
  });
}

test('files of the wrong shape say where', () => {
  throwsBitnetError(
    () => tokenizerFromHuggingFace({ tokenizerJson: '{"model":' }),
    'tokenizer/bad-json',
    'JSON',
  );
  throwsBitnetError(() => tokenizerFromHuggingFace({ tokenizerJson: '[]' }), 'tokenizer/bad-json', 'object');
  throwsBitnetError(
    () => load((json) => Object.assign(json.model.vocab, { a: -1 })),
    'tokenizer/bad-json',
    'model.vocab',
  );
  throwsBitnetError(
    () => load((json) => Object.assign(json.model.vocab, { a: 2 ** 40 })),
    'tokenizer/bad-vocabulary',
  );
  throwsBitnetError(
    () => load((json) => json.model.merges.push('not a pair')),
    'tokenizer/bad-json',
    'merges[1791]',
  );
  throwsBitnetError(
    () => load(() => {}, { tokenizerConfig: { eos_token: '<nowhere>' } }),
    'tokenizer/bad-vocabulary',
    '<nowhere>',
  );
});
