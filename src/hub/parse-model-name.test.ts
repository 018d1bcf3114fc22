import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BitnetError } from '../base/errors.ts';
import { readCatalogue } from './catalogue/catalogue.ts';
import type { HubModel, ModelName } from './model-name.ts';
import { parseModelName, resolveModelName } from './parse-model-name.ts';

const here = new Set(['model.gguf', 'a-folder', 'models', 'owner/both', 'falcon-e-1b', 'tiiuae']);

async function parse(text: string, endpoint?: string): Promise<ModelName> {
  return parseModelName(text, {
    catalogue: await readCatalogue(),
    exists: async (path) => here.has(path),
    endpoint,
    moreNames: ['tales'],
  });
}

async function hub(text: string, endpoint?: string): Promise<HubModel> {
  const name = await parse(text, endpoint);
  assert.equal(name.kind, 'hub', text);
  return name as HubModel;
}

function fails(text: string, code: string, message: RegExp): Promise<void> {
  return assert.rejects(
    () => parse(text),
    (error: unknown) => {
      assert.ok(error instanceof BitnetError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, message);
      return true;
    },
  );
}

test('what is there as a path, or is written as one, is a path', async () => {
  for (const text of [
    'model.gguf',
    'a-folder',
    'owner/both',
    'falcon-e-1b',
    './2b4t',
    '../2b4t',
    '.',
    '/models/2b4t',
    '~/2b4t',
    'C:\\models\\2b4t',
    'd:/models/2b4t',
    'folder\\file',
    'missing.gguf',
    'deep/er/missing.gguf',
    'owner/missing.gguf',
    'model.safetensors',
    'one/two/three',
    'folder/',
  ]) {
    assert.deepEqual(await parse(text), { kind: 'path', path: text });
  }
});

test('a short name is the first download of its model, with the format behind a colon another', async () => {
  const model = await hub('2b4t');
  assert.equal(model.repository, 'microsoft/bitnet-b1.58-2B-4T-gguf');
  assert.equal(model.file, 'ggml-model-i2_s.gguf');
  assert.equal(model.entry?.name, '2b4t');
  assert.equal(model.published?.bytes, 1_187_801_280);
  assert.equal(model.label, '2b4t');
  const packed = await hub('2b4t:packed');
  assert.equal(packed.repository, 'microsoft/bitnet-b1.58-2B-4T');
  assert.equal(packed.file, undefined);
  assert.equal((await hub('2B4T:I2_S')).repository, model.repository);
  assert.equal((await hub('2b4t:masters')).repository, 'microsoft/bitnet-b1.58-2B-4T-bf16');
  await fails('2b4t:q4_k', 'hub/unknown-name', /did you mean 2b4t/);
});

test('aliases and the last part of a repository are names too, in any case', async () => {
  assert.equal((await hub('bitnet')).entry?.name, '2b4t');
  assert.equal((await hub('Falcon3-7B-Instruct')).entry?.name, 'falcon3-7b');
  assert.equal((await hub('bitnet_b1_58-3B')).entry?.name, 'bitnet-3b');
  const bf16 = await hub('bitnet-b1.58-2B-4T-bf16');
  assert.equal(bf16.published?.format, 'masters');
});

test('a repository may have a revision and a file', async () => {
  const model = await hub('some-one/a.model_2@refs/pr/3:sub/file.gguf');
  assert.deepEqual(model, {
    kind: 'hub',
    label: 'some-one/a.model_2@refs/pr/3:sub/file.gguf',
    repository: 'some-one/a.model_2',
    revision: 'refs/pr/3',
    file: 'sub/file.gguf',
    entry: undefined,
    published: undefined,
  });
  assert.equal((await hub('owner/name')).revision, undefined);
  assert.equal((await hub('hf:owner/name@v1.0')).revision, 'v1.0');
  assert.equal((await hub('hf:owner/both')).repository, 'owner/both');
  assert.equal((await hub('hf:models/tiny')).repository, 'models/tiny');
});

test('a repository of the catalogue brings its entry, in any case; another revision brings no hashes', async () => {
  const model = await hub('Microsoft/BitNet-b1.58-2B-4T');
  assert.equal(model.repository, 'microsoft/bitnet-b1.58-2B-4T');
  assert.equal(model.published?.format, 'packed');
  const other = await hub('tiiuae/Falcon-E-1B-Instruct@prequantized');
  assert.equal(other.entry?.name, 'falcon-e-1b');
  assert.equal(other.published, undefined);
  // A file that the catalogue does not know of is not the one whose hash it has.
  const file = await hub('microsoft/bitnet-b1.58-2B-4T-gguf:other.gguf');
  assert.equal(file.published, undefined);
});

test('addresses of the hub are understood, others stay URLs', async () => {
  const repository = 'microsoft/bitnet-b1.58-2B-4T-gguf';
  for (const [text, revision, file] of [
    [`https://huggingface.co/${repository}`, undefined, undefined],
    [`https://huggingface.co/${repository}/`, undefined, undefined],
    [`https://hf.co/${repository}/tree/main`, undefined, undefined],
    [`https://huggingface.co/${repository}/resolve/main/a.gguf?download=true`, undefined, 'a.gguf'],
    [`https://huggingface.co/${repository}/blob/v2/sub/a.gguf`, 'v2', 'sub/a.gguf'],
    [`https://huggingface.co/${repository}/resolve/refs%2Fpr%2F1/a.gguf`, 'refs/pr/1', 'a.gguf'],
    [`https://huggingface.co/${repository}/blob/main/config.json`, undefined, undefined],
  ] as const) {
    const model = await hub(text);
    assert.deepEqual([model.repository, model.revision, model.file], [repository, revision, file], text);
  }
  const mirror = 'http://localhost:8000/hub';
  assert.equal((await hub(`${mirror}/owner/name`, mirror)).repository, 'owner/name');
  assert.equal((await parse('http://localhost:8000/owner/name', mirror)).kind, 'url');
  assert.equal((await parse('https://example.org/owner/name/')).kind, 'url');
  assert.equal((await parse('file:///a/b.gguf')).kind, 'url');
  await fails('https://huggingface.co/datasets/a/b', 'hub/bad-name', /no model of the hub/);
  await fails('https://huggingface.co/owner', 'hub/bad-name', /no model of the hub/);
  await fails('http://[', 'source/bad-url', /no URL/);
});

test('a model that is known not to run is refused with the reason, by every name', async () => {
  for (const text of ['trilm', 'SpectraSuite/TriLM_3.9B_Unpacked', 'hf:microsoft/bitnet-embedding-0.6b']) {
    await fails(text, 'hub/unsupported', /does not run here: .*`bitnet models`/);
  }
});

test('a misspelt name is answered with near ones and what can be written', async () => {
  await fails('2b5t', 'hub/unknown-name', /did you mean 2b4t\? .*owner\/name/);
  await fails('falcon3', 'hub/unknown-name', /did you mean falcon3-/);
  await fails('bitnett', 'hub/unknown-name', /did you mean 2b4t/);
  await fails('tale', 'hub/unknown-name', /did you mean tales/);
  await fails('qqqqqqqqq', 'hub/unknown-name', /called qqqqqqqqq; `bitnet models`/);
  await fails('models/missing', 'hub/unknown-name', /the folder models has no such.*hf:models\/missing/);
  // A known repository is meant even when a folder is called like its owner.
  assert.equal((await hub('tiiuae/Falcon-E-3B-Base')).entry?.name, 'falcon-e-3b-base');
});

test('what cannot be a name of the hub is refused', async () => {
  for (const text of [
    'hf:',
    'hf:owner',
    'hf:a/b/c',
    'hf:a/..',
    'hf:a/b--c',
    'hf:a/b@../x',
    'hf:a/b:../x.gguf',
  ]) {
    await fails(text, 'hub/bad-name', /owner\/name/);
  }
  await fails('', 'hub/bad-name', /empty/);
  await fails('x'.repeat(5000), 'hub/bad-name', /5000/);
});

test('any text is a path, a URL, a model of the hub, or one BitnetError', async () => {
  const pieces = [
    'a',
    'B',
    '2b4t',
    '/',
    '\\',
    ':',
    '@',
    '.',
    '..',
    '-',
    'hf:',
    'https://',
    'huggingface.co',
    '%',
    '.gguf',
  ];
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(fc.constantFrom(...pieces), fc.string())), async (parts) => {
      const text = parts.join('');
      try {
        const name = await parse(text);
        if (name.kind !== 'hub') return;
        assert.match(name.repository, /^[\w.-]+\/[\w.-]+$/);
        assert.ok(!`${name.repository}/${name.file ?? ''}/${name.revision ?? ''}`.includes('..'));
      } catch (error) {
        assert.ok(error instanceof BitnetError, String(error));
      }
    }),
  );
});

test('the machine is asked for what is there', async () => {
  assert.equal((await resolveModelName('package.json')).kind, 'path');
  assert.equal((await resolveModelName('2b4t')).kind, 'hub');
});
