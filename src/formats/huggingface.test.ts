import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceFolder } from '../base/byte-source.ts';
import { BitnetError } from '../base/errors.ts';
import { readCheckpoint } from './huggingface.ts';
import { writeSafetensors } from './safetensors/write.ts';
import { memoryFolder } from './sources/memory.ts';

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

async function safetensors(...names: string[]): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const tensors = names.map((name) => ({
    name,
    dtype: 'U8' as const,
    shape: [1],
    data: () => [new Uint8Array(1)],
  }));
  await writeSafetensors(async (part) => void parts.push(part.slice()), tensors);
  return new Uint8Array(Buffer.concat(parts));
}

/** Counts what is open, so that a test can see that nothing stays so. */
function watched(folder: SourceFolder): { folder: SourceFolder; open: () => number } {
  let open = 0;
  return {
    open: () => open,
    folder: {
      name: folder.name,
      async open(fileName, signal) {
        const source = await folder.open(fileName, signal);
        if (source === undefined) return undefined;
        open++;
        let isOpen = true;
        return {
          ...source,
          async close() {
            if (isOpen) open--;
            isOpen = false;
          },
        };
      },
    },
  };
}

const index = (weightMap: unknown): Uint8Array => json({ metadata: {}, weight_map: weightMap });
const hasCode = (code: string) => (error: unknown) => error instanceof BitnetError && error.code === code;

test('a folder of one weight file is read with all its side files', async () => {
  const { folder, open } = watched(
    memoryFolder(
      new Map([
        ['config.json', json({ model_type: 'bitnet' })],
        ['generation_config.json', json({ temperature: 0.6 })],
        ['tokenizer.json', json({ version: '1.0' })],
        ['tokenizer_config.json', json({ bos_token: 'x' })],
        ['special_tokens_map.json', json({ eos_token: 'y' })],
        ['chat_template.jinja', new TextEncoder().encode('{{ x }}')],
        ['tokenizer.model', new Uint8Array(3)],
        ['model.safetensors', await safetensors('w')],
      ]),
      'dir',
    ),
  );
  const checkpoint = await readCheckpoint(folder);
  const { tensors, close, ...rest } = checkpoint;
  assert.deepEqual(rest, {
    name: 'dir',
    config: { model_type: 'bitnet' },
    generationConfig: { temperature: 0.6 },
    tokenizer: { version: '1.0' },
    tokenizerConfig: { bos_token: 'x' },
    specialTokensMap: { eos_token: 'y' },
    chatTemplate: '{{ x }}',
    sentencePieceModel: undefined,
    addedTokens: undefined,
  });
  assert.deepEqual([...tensors.keys()], ['w']);
  assert.equal(open(), 1);
  await close();
  assert.equal(open(), 0);
});

test("without a tokenizer.json SentencePiece's files are read", async () => {
  const files = new Map([
    ['config.json', json({})],
    ['tokenizer.model', Uint8Array.of(1, 2, 3)],
    ['added_tokens.json', json({ '<pad>': 3 })],
    ['model.safetensors', await safetensors('w')],
  ]);
  const checkpoint = await readCheckpoint(memoryFolder(files));
  assert.deepEqual(checkpoint.sentencePieceModel, Uint8Array.of(1, 2, 3));
  assert.deepEqual(checkpoint.addedTokens, { '<pad>': 3 });
});

test('side files may be missing, config.json may not', async () => {
  const model = await safetensors('w');
  const checkpoint = await readCheckpoint(
    memoryFolder(
      new Map([
        ['config.json', json({})],
        ['model.safetensors', model],
      ]),
    ),
  );
  assert.equal(checkpoint.tokenizer, undefined);
  assert.equal(checkpoint.chatTemplate, undefined);
  assert.equal(checkpoint.sentencePieceModel, undefined);
  const without = memoryFolder(new Map([['model.safetensors', model]]), 'dir');
  await assert.rejects(readCheckpoint(without), hasCode('checkpoint/missing-config'));
});

test('the tensors of all shards are put together', async () => {
  const checkpoint = await readCheckpoint(
    memoryFolder(
      new Map([
        ['config.json', json({})],
        ['model.safetensors.index.json', index({ a: '1.safetensors', b: '2.safetensors' })],
        ['1.safetensors', await safetensors('a', 'unlisted')],
        ['2.safetensors', await safetensors('b')],
      ]),
      'dir',
    ),
  );
  const places = [...checkpoint.tensors].map(([name, info]) => [name, info.source.name]);
  assert.deepEqual(places, [
    ['a', 'dir/1.safetensors'],
    ['unlisted', 'dir/1.safetensors'],
    ['b', 'dir/2.safetensors'],
  ]);
});

const one = await safetensors('a');
const refusals: [string, string, [string, Uint8Array][]][] = [
  ['no weights at all', 'safetensors/missing', []],
  ['an index without a map', 'safetensors/index', [['model.safetensors.index.json', json({})]]],
  ['an empty map', 'safetensors/index', [['model.safetensors.index.json', index({})]]],
  ['a shard that is no text', 'safetensors/index', [['model.safetensors.index.json', index({ a: 1 })]]],
  [
    'a missing shard',
    'safetensors/missing-shard',
    [['model.safetensors.index.json', index({ a: '1.safetensors' })]],
  ],
  [
    'a tensor in no shard',
    'safetensors/missing-tensor',
    [
      ['model.safetensors.index.json', index({ a: '1.safetensors', b: '1.safetensors' })],
      ['1.safetensors', one],
    ],
  ],
  [
    'a tensor in two shards',
    'safetensors/repeated-tensor',
    [
      ['model.safetensors.index.json', index({ a: '1.safetensors', b: '2.safetensors' })],
      ['1.safetensors', one],
      ['2.safetensors', one],
    ],
  ],
  ['a damaged weight file', 'safetensors/truncated', [['model.safetensors', one.subarray(0, 9)]]],
  ['a damaged configuration file', 'json/invalid', [['tokenizer_config.json', Uint8Array.of(0x7b)]]],
  ['a template that is no text', 'checkpoint/not-text', [['chat_template.jinja', Uint8Array.of(0xff)]]],
  [
    'an endless template',
    'checkpoint/file-too-large',
    [['chat_template.jinja', new Uint8Array(2 ** 20 + 1)]],
  ],
];
for (const shard of [
  '../1.safetensors',
  'a/1.safetensors',
  'a\\1.safetensors',
  'C:1.safetensors',
  '..',
  'model.bin',
]) {
  refusals.push([
    `the shard ${shard}`,
    'safetensors/index',
    [['model.safetensors.index.json', index({ a: shard })]],
  ]);
}
for (const [what, code, files] of refusals) {
  test(`refused, with everything closed: ${what}`, async () => {
    const { folder, open } = watched(memoryFolder(new Map([['config.json', json({})], ...files]), 'dir'));
    await assert.rejects(readCheckpoint(folder), (error) => {
      assert.ok(hasCode(code)(error), String(error));
      return true;
    });
    assert.equal(open(), 0);
  });
}
