import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { BitnetError } from '../../base/errors.ts';
import type { GgufMetadata, MetadataValue } from '../../formats/gguf/metadata.ts';
import { readGguf } from '../../formats/gguf/read.ts';
import { writeGguf } from '../../formats/gguf/write.ts';
import { memorySource } from '../../formats/sources/memory.ts';
import { tokenizerFromGguf } from '../from-gguf.ts';
import { tokenizerFromHuggingFace } from '../from-huggingface.ts';
import type { Tokenizer } from '../tokenizer.ts';
import { smallSentencePiece } from '../vocabularies.test.ts';
import { tokenizerMetadata } from './gguf-metadata.ts';
import { type HuggingFaceTokenizer, huggingFaceTokenizer } from './huggingface-files.ts';
import { differingText } from './same-tokens.ts';

const FACTS = { architecture: 'bitnet', contextLength: 128 };

function bundledJson(): Record<string, unknown> {
  const path = new URL('../../../test/golden/tiny-tales/hf-bf16/tokenizer.json', import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
}

/** The bundled vocabulary in GGUF, cut by the rule of a name. */
async function bundled(pre: string, changes: Record<string, MetadataValue> = {}): Promise<GgufMetadata> {
  const files = { tokenizerJson: bundledJson(), tokenizerConfig: { eos_token: '<|endoftext|>' } };
  const parts: Uint8Array[] = [];
  const metadata = tokenizerMetadata(files).entries;
  await writeGguf(async (bytes) => void parts.push(bytes.slice()), { metadata, tensors: [] });
  const read = await readGguf(memorySource(new Uint8Array(Buffer.concat(parts))));
  return new Map([...read.metadata, ['tokenizer.ggml.pre', pre], ...Object.entries(changes)]);
}

function fromFiles(files: HuggingFaceTokenizer, vocabSize: number): Tokenizer {
  return tokenizerFromHuggingFace({ ...files, config: { vocab_size: vocabSize } }).tokenizer;
}

function assertSame(metadata: GgufMetadata): HuggingFaceTokenizer {
  const { tokenizer } = tokenizerFromGguf(metadata, FACTS);
  const files = huggingFaceTokenizer(metadata, FACTS);
  const read = fromFiles(files, tokenizer.vocabSize);
  assert.equal(differingText(tokenizer, read), undefined);
  for (const key of ['bosId', 'eosId', 'addsBos', 'addsEos', 'vocabSize'] as const) {
    assert.equal(read[key], tokenizer[key], key);
  }
  assert.deepEqual([...read.stopIds].sort(), [...tokenizer.stopIds].sort());
  const ids = tokenizer.encode('Once upon a time, 12345 kings.\n\n It’s', { parseSpecial: true });
  assert.equal(read.decode(ids), tokenizer.decode(ids));
  return files;
}

for (const pre of ['gpt-2', 'llama-bpe', 'qwen2', 'falcon_e']) {
  test(`the rule ${pre} and its merges`, async () => {
    const files = assertSame(await bundled(pre));
    assert.equal(
      JSON.parse(files.tokenizerJson).model.ignore_merges,
      pre === 'llama-bpe' || pre === 'falcon_e',
    );
  });
}

test('tokens that begin and end a text', async () => {
  const files = assertSame(
    await bundled('llama-bpe', {
      'tokenizer.ggml.bos_token_id': 7,
      'tokenizer.ggml.add_bos_token': true,
      'tokenizer.ggml.eot_token_id': 9,
      'tokenizer.ggml.padding_token_id': 11,
    }),
  );
  assert.deepEqual(files.generationConfig, { bos_token_id: 7, eos_token_id: [2047, 9] });
  assert.equal(files.tokenizerConfig.add_bos_token, true);
  assert.deepEqual(Object.keys(files.specialTokensMap), ['bos_token', 'eos_token', 'pad_token']);
});

test('a file without the name of its rule, of a family that is known to lack it', async () => {
  const metadata = new Map(await bundled('llama-bpe'));
  metadata.delete('tokenizer.ggml.pre');
  const files = huggingFaceTokenizer(metadata, { ...FACTS, architecture: 'bitnet-b1.58' });
  assert.match(files.tokenizerJson, /"Regex":"\(\?i:'s\|/);
});

const PIECES = ['he', 'll', '▁w', 'hell', 'or', '▁hell', '▁', 'h', 'e', 'l', 'o', 'w', 'r', 'd', '▁▁'];

test('SentencePiece, there and back', () => {
  for (const addsSpace of [true, false]) {
    const metadata = new Map(smallSentencePiece(PIECES));
    metadata.set('tokenizer.ggml.add_space_prefix', addsSpace);
    const files = assertSame(metadata);
    const { tokenizer } = tokenizerFromGguf(metadata, FACTS);
    const { entries } = tokenizerMetadata({ ...files, config: { vocab_size: tokenizer.vocabSize } });
    const values = new Map<string, unknown>(entries.map(({ key, value }) => [key, value]));
    assert.equal(values.get('tokenizer.ggml.model'), 'llama');
    assert.equal(values.get('tokenizer.ggml.add_space_prefix'), addsSpace);
    assert.deepEqual([...(values.get('tokenizer.ggml.token_type') as Int32Array)].slice(1, 5), [3, 3, 6, 6]);
  }
});

test('tokens that look like numbers or like parts of objects stay in their places', () => {
  const metadata = smallSentencePiece([...PIECES, '1', '0', '__proto__', '"', '\\']);
  const { tokenizerJson } = assertSame(metadata);
  const { vocab } = JSON.parse(tokenizerJson).model as { vocab: Record<string, number> };
  assert.equal(vocab['1'], 259 + PIECES.length);
});

test('a vocabulary with a token twice is refused', () => {
  assert.throws(
    () => huggingFaceTokenizer(smallSentencePiece([...PIECES, 'he']), FACTS),
    (error) =>
      error instanceof BitnetError &&
      error.code === 'tokenizer/not-in-json' &&
      /"he" twice/.test(error.message),
  );
});
