import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openFileTree } from '#platform';
import type { SourceFolder } from '../../base/byte-source.ts';
import type { FileTree } from '../../base/file-tree.ts';
import type { HubModel } from '../model-name.ts';
import { openHub } from '../open-hub.ts';
import { blobPath, refPath, snapshotFolder } from './cache-paths.ts';

const COMMIT = '1'.repeat(40);
const INDEX = JSON.stringify({
  weight_map: { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' },
});
const TERNARY = JSON.stringify({
  architectures: ['LlamaForCausalLM'],
  quantization_config: { quant_method: 'bitnet' },
});

function modelOf(repository: string, parts: Partial<HubModel> = {}): HubModel {
  const none = { revision: undefined, file: undefined, entry: undefined, published: undefined };
  return { kind: 'hub', label: repository, repository, ...none, ...parts };
}

async function cache(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'bitnet-cache-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const tree = await openFileTree(folder);
  return { tree, hub: await openHub({ tree }), folder };
}

/** Puts files there as huggingface_hub does. */
async function add(
  tree: FileTree,
  repository: string,
  files: Readonly<Record<string, string>>,
  commit: string = COMMIT,
): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    const blob = blobPath(repository, Buffer.from(content).toString('hex').slice(0, 40));
    await tree.write(blob, new TextEncoder().encode(content));
    await tree.link(blob, `${snapshotFolder(repository, commit)}/${path}`);
  }
  await tree.write(refPath(repository, 'main'), new TextEncoder().encode(`${commit}\n`));
}

test('a folder is a model only when every shard that its index names is here', async (t) => {
  const { tree, hub } = await cache(t);
  const files = {
    'config.json': TERNARY,
    'model.safetensors.index.json': INDEX,
    'model-00001-of-00002.safetensors': 'one',
  };
  await add(tree, 'owner/model', files);
  assert.equal(await hub.find(modelOf('owner/model')), undefined);
  assert.deepEqual(await hub.list(), []);
  await add(tree, 'owner/model', {
    'model-00002-of-00002.safetensors': 'second',
    'README.md': 'no part of it',
  });
  const model = await hub.find(modelOf('owner/model'));
  assert.equal(model?.bytes, TERNARY.length + INDEX.length + 'one'.length + 'second'.length);
  assert.equal(model?.revision, COMMIT);
  const folder = (await model!.open()) as SourceFolder;
  assert.equal((await folder.open('model-00002-of-00002.safetensors'))?.size, 6);
  for (const name of ['absent', '../config.json', '..', 'a\\b'])
    assert.equal(await folder.open(name), undefined);
  assert.equal((await hub.list()).length, 1);
});

test('what could not be run is not listed', async (t) => {
  const { tree, hub } = await cache(t);
  await add(tree, 'owner/dense', {
    'config.json': '{"architectures":["LlamaForCausalLM"]}',
    'model.safetensors': 'x',
  });
  await add(tree, 'owner/broken', { 'config.json': '{', 'model.safetensors': 'y' });
  await add(tree, 'owner/quantized', { 'model-Q4_K_M.gguf': 'z', 'mmproj-f16.gguf': 'zz' });
  await add(tree, 'owner/good', { 'model-i2_s.gguf': 'g' });
  await tree.write('datasets--owner--data/blobs/x', new Uint8Array(1));
  await tree.write('models--odd/blobs/x', new Uint8Array(1));
  assert.deepEqual(
    (await hub.list()).map(({ repository, file }) => [repository, file]),
    [['owner/good', 'model-i2_s.gguf']],
  );
});

test('a branch without a commit, or with nonsense for one, is nowhere', async (t) => {
  const { tree, hub } = await cache(t);
  await add(tree, 'owner/model', { 'model.gguf': 'g' });
  assert.equal((await hub.find(modelOf('owner/model')))?.file, 'model.gguf');
  assert.equal((await hub.find(modelOf('owner/model', { revision: COMMIT })))?.bytes, 1);
  assert.equal(await hub.find(modelOf('owner/model', { revision: 'other' })), undefined);
  await tree.write(refPath('owner/model', 'main'), new TextEncoder().encode('../../../etc'));
  assert.equal(await hub.find(modelOf('owner/model')), undefined);
  for (const odd of [modelOf('../x'), modelOf('a/b', { revision: '../../x' }), modelOf('a/b/c')]) {
    await assert.rejects(hub.find(odd), { code: 'hub/bad-name' });
  }
});

test('removing takes what nothing else names, and the folder with the last of it', async (t) => {
  const { tree, hub } = await cache(t);
  const second = '2'.repeat(40);
  await add(tree, 'owner/model', { 'a-i2_s.gguf': 'shared', 'README.md': 'text' });
  await add(tree, 'owner/model', { 'a-i2_s.gguf': 'shared', 'b-f16.gguf': 'own' }, second);
  const models = await hub.list();
  assert.equal(models.length, 3);
  const of = (file: string, commit: string) =>
    models.find((model) => model.file === file && model.revision === commit)!;
  assert.equal(await hub.remove(of('a-i2_s.gguf', second)), 0);
  assert.equal(await hub.remove(of('b-f16.gguf', second)), 3);
  assert.equal((await hub.find(modelOf('owner/model', { revision: COMMIT })))?.bytes, 6);
  assert.equal(await hub.find(modelOf('owner/model')), undefined, 'its branch went with the commit');
  assert.equal(await hub.remove(of('a-i2_s.gguf', COMMIT)), 6);
  assert.deepEqual(await tree.namesIn(''), []);
});
