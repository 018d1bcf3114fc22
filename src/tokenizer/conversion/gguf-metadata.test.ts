import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { BitnetError } from '../../base/errors.ts';
import { readGguf } from '../../formats/gguf/read.ts';
import { writeGguf } from '../../formats/gguf/write.ts';
import { memorySource } from '../../formats/sources/memory.ts';
import { tokenizerFromGguf } from '../from-gguf.ts';
import { type HuggingFaceTokenizerFiles, tokenizerFromHuggingFace } from '../from-huggingface.ts';
import type { Tokenizer } from '../tokenizer.ts';
import { tokenizerMetadata } from './gguf-metadata.ts';

interface TokenizerJson {
  added_tokens: Record<string, unknown>[];
  model: Record<string, unknown> & { vocab: Record<string, number>; merges: string[] };
  [part: string]: unknown;
}

const QWEN =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
const LLAMA = QWEN.replace('|\\p{N}|', '|\\p{N}{1,3}|');

/** The bundled model's, 2048 tokens. */
function bundled(): TokenizerJson {
  const path = new URL('../../../test/golden/tiny-tales/hf-bf16/tokenizer.json', import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8')) as TokenizerJson;
}

/** The same vocabulary, cut by an expression. */
function cutBy(expression: string, ignoreMerges: boolean): TokenizerJson {
  const json = bundled();
  json.pre_tokenizer = {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Split', pattern: { Regex: expression }, behavior: 'Isolated', invert: false },
      { type: 'ByteLevel', add_prefix_space: false, use_regex: false },
    ],
  };
  json.model.ignore_merges = ignoreMerges;
  return json;
}

async function throughGguf(files: HuggingFaceTokenizerFiles): Promise<Tokenizer> {
  const parts: Uint8Array[] = [];
  const { entries } = tokenizerMetadata(files, 'a template');
  await writeGguf(async (bytes) => void parts.push(bytes.slice()), { metadata: entries, tensors: [] });
  const { metadata } = await readGguf(memorySource(new Uint8Array(Buffer.concat(parts))));
  assert.equal(metadata.get('tokenizer.chat_template'), 'a template');
  return tokenizerFromGguf(metadata, { architecture: 'llama' }).tokenizer;
}

const TEXTS = [
  '',
  'Once upon a time, there were 12345 kings.',
  "  It's  THE\n\n end\t of\r\nit. ",
  'naïve 東京 🙂🙃 ́ <|endoftext|> [PAD2048]',
  'x'.repeat(300),
];

function assertSame(one: Tokenizer, other: Tokenizer): void {
  for (const text of TEXTS) {
    for (const parseSpecial of [false, true]) {
      assert.deepEqual(other.encode(text, { parseSpecial }), one.encode(text, { parseSpecial }));
    }
    assert.equal(other.decode(one.encode(text)), one.decode(one.encode(text)));
  }
  assert.equal(other.vocabSize, one.vocabSize);
  assert.equal(other.bosId, one.bosId);
  assert.equal(other.eosId, one.eosId);
  assert.equal(other.addsBos, one.addsBos);
  assert.equal(other.addsEos, one.addsEos);
  assert.deepEqual(other.stopIds, one.stopIds);
}

const cases: [string, HuggingFaceTokenizerFiles][] = [
  ["GPT-2's rule", { tokenizerJson: bundled() }],
  ["Qwen's rule", { tokenizerJson: cutBy(QWEN, false) }],
  ["Llama's rule, where merges lead to every token", { tokenizerJson: cutBy(LLAMA, false) }],
  ["Llama's rule, without merging words that are tokens", { tokenizerJson: cutBy(LLAMA, true) }],
  [
    'tokens around a text, and three that end one',
    {
      tokenizerJson: bundled(),
      tokenizerConfig: { bos_token: '<|endoftext|>', eos_token: '<|endoftext|>', add_bos_token: true },
      generationConfig: { eos_token_id: [2047, 5, 7] },
    },
  ],
  ['ids that no token has', { tokenizerJson: bundled(), config: { vocab_size: 2060 } }],
];
for (const [what, files] of cases) {
  test(`the same tokenizer from GGUF: ${what}`, async () => {
    assertSame(tokenizerFromHuggingFace(files).tokenizer, await throughGguf(files));
    assert.deepEqual(tokenizerMetadata(files).notes, []);
  });
}

/** A vocabulary with a token that merging does not reach: "ab" goes first, and then nothing makes "abc". */
function unreachable(ignoreMerges: boolean, expression = LLAMA): TokenizerJson {
  const json = cutBy(expression, ignoreMerges);
  const { vocab } = json.model;
  vocab.qzx = 2048;
  vocab.zx = 2049;
  vocab.qz = 2050;
  json.model.merges = ['q z', 'z x', 'q zx'];
  for (const text of Object.keys(vocab)) {
    if ([...text].length > 1 && !['qzx', 'zx', 'qz'].includes(text)) delete vocab[text];
  }
  return json;
}

test('whether words that are tokens skip merging is kept, or refused where GGUF cannot say it', async () => {
  const files = { tokenizerJson: unreachable(true) };
  const tokenizer = await throughGguf(files);
  assert.deepEqual(tokenizer.encode('qzx'), [2048]);
  assertSame(tokenizerFromHuggingFace(files).tokenizer, tokenizer);
  for (const json of [unreachable(false), unreachable(true, QWEN)]) {
    assert.throws(
      () => tokenizerMetadata({ tokenizerJson: json }),
      (error) =>
        error instanceof BitnetError &&
        error.code === 'tokenizer/not-in-gguf' &&
        error.message.includes('"qzx"'),
    );
  }
});

const refusals: [string, (json: TokenizerJson) => void][] = [
  [
    'marks of SentencePiece, and a token that its merges never lead to',
    (json) => {
      json.pre_tokenizer = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'never', split: false };
      json.decoder = { type: 'Metaspace', replacement: '▁' };
      json.model.vocab = { x: 0, y: 1, z: 2, xy: 3, yz: 4, xyz: 5 };
      json.model.merges = ['x y', 'y z', 'x yz'];
    },
  ],
  [
    'a space before every text',
    (json) => {
      json.pre_tokenizer = { type: 'ByteLevel', add_prefix_space: true };
    },
  ],
  [
    'no words',
    (json) => {
      json.pre_tokenizer = { type: 'ByteLevel', add_prefix_space: false, use_regex: false };
    },
  ],
];
for (const [what, change] of refusals) {
  test(`not to be told in GGUF: ${what}`, () => {
    const json = bundled();
    change(json);
    assert.throws(
      () => tokenizerMetadata({ tokenizerJson: json }),
      (error) => error instanceof BitnetError && error.code === 'tokenizer/not-in-gguf',
    );
  });
}

test('what GGUF leaves out is reported', () => {
  const json = bundled();
  json.normalizer = { type: 'NFC' };
  json.added_tokens[0]!.rstrip = true;
  const { notes } = tokenizerMetadata({
    tokenizerJson: json,
    generationConfig: { eos_token_id: [2047, 5, 6, 7] },
  });
  assert.equal(notes.length, 3);
  assert.match(notes.join(' '), /normalised.*<\|endoftext\|>.*three tokens/);
});
