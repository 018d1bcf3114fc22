/** Downloads from a hub that answers as the real one does, with nothing going wrong: files, layout of the cache, requests. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { downloadFileToCacheDir, scanCacheDir } from '@huggingface/hub';
import { bench, modelOf, noise } from './hub-for-test.ts';

const KIB = 1024;
const CONFIG = JSON.stringify({ architectures: ['BitNetForCausalLM'] });

test('a GGUF file ends up in the layout of the cache of Hugging Face, byte for byte', async (t) => {
  const { fake, folder, pull, hub, told } = await bench(t);
  const bytes = noise(2700 * KIB);
  const repository = fake.add('owner/model', { 'README.md': '# A model', 'model-i2_s.gguf': bytes });
  const commit = repository.branches.get('main')!.id;

  const local = await pull(modelOf('owner/model'));
  assert.equal(local.revision, commit);
  assert.equal(local.file, 'model-i2_s.gguf');
  assert.equal(local.bytes, bytes.length);
  const root = join(folder, 'models--owner--model');
  assert.equal(local.path, join(root, 'snapshots', commit, 'model-i2_s.gguf'));
  assert.deepEqual(new Uint8Array(await readFile(local.path)), bytes);
  assert.equal(await readFile(join(root, 'refs', 'main'), 'utf8'), commit);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  assert.ok((await lstat(local.path)).isSymbolicLink());
  assert.equal(await readlink(local.path), `../../blobs/${sha256}`);
  assert.deepEqual(await readdir(join(root, 'blobs')), [sha256], 'nothing else is left');

  assert.equal(fake.servedBytes('model-i2_s.gguf'), bytes.length);
  assert.equal(fake.servedBytes('README.md'), 0, 'only what is needed');
  assert.equal(told.at(-1)?.phase, 'done');
  assert.equal(told.at(-1)?.doneBytes, bytes.length);
  assert.deepEqual(
    (await hub.list()).map(({ path }) => path),
    [local.path],
  );
  assert.deepEqual(await hub.unfinished(), []);
});

test('what is here is not asked for again', async (t) => {
  const { fake, pull, hub } = await bench(t);
  fake.add('owner/model', { 'model.gguf': noise(64 * KIB) });
  const first = await pull(modelOf('owner/model', { file: 'model.gguf' }));
  fake.forget();
  const second = await pull(modelOf('owner/model', { file: 'model.gguf' }));
  assert.equal(second.path, first.path);
  assert.deepEqual(fake.requests, []);
  assert.equal((await hub.find(modelOf('owner/model', { file: 'model.gguf' })))?.path, first.path);
  assert.equal(await hub.find(modelOf('owner/model', { file: 'other.gguf' })), undefined);
});

test('with update, a moved branch is followed, and what is the same is not fetched again', async (t) => {
  const { fake, pull, hub } = await bench(t);
  const files = { 'config.json': CONFIG, 'tokenizer.json': '{}', 'model.safetensors': noise(300 * KIB) };
  const repository = fake.add('owner/model', files);
  const first = await pull(modelOf('owner/model'));
  const commit = repository.commit({ ...files, 'config.json': `${CONFIG} ` });
  assert.equal((await pull(modelOf('owner/model'))).revision, first.revision, 'not without being asked');
  fake.forget();
  const second = await pull(modelOf('owner/model'), { update: true });
  assert.equal(second.revision, commit);
  assert.equal(fake.servedBytes('model.safetensors'), 0);
  assert.equal(await readFile(join(second.path!, 'config.json'), 'utf8'), `${CONFIG} `);
  assert.equal((await hub.list()).length, 2);

  const old = await pull(modelOf('owner/model', { revision: first.revision }));
  assert.equal(old.path, first.path, 'the commit of before is still here');
});

test('a folder of safetensors: configuration, tokenizer and all shards, through a listing of several pages', async (t) => {
  const { fake, pull, hub } = await bench(t, {}, { pageLength: 3 });
  const files = {
    '.gitattributes': '',
    'README.md': '#',
    'config.json': CONFIG,
    'tokenizer.json': '{"model":{}}',
    'tokenizer_config.json': '{}',
    'model.safetensors.index.json': JSON.stringify({
      weight_map: { a: 'model-00001-of-00002.safetensors', b: 'model-00002-of-00002.safetensors' },
    }),
    'model-00001-of-00002.safetensors': noise(150 * KIB, 3),
    'model-00002-of-00002.safetensors': noise(90 * KIB, 5),
    'onnx/model.onnx': 'x',
  };
  fake.add('owner/model', files);
  const local = await pull(modelOf('owner/model'));
  assert.equal(local.file, undefined);
  for (const name of ['config.json', 'tokenizer.json', 'model-00002-of-00002.safetensors'] as const) {
    const wanted = files[name];
    const found = await readFile(join(local.path!, name));
    assert.ok(found.equals(typeof wanted === 'string' ? Buffer.from(wanted) : wanted), name);
  }
  assert.equal(fake.servedBytes('onnx/model.onnx'), 0);
  assert.equal((await hub.find(modelOf('owner/model')))?.path, local.path);
});

test('of several GGUF files the one that runs best is taken, and any other by its name', async (t) => {
  const { fake, pull } = await bench(t);
  fake.add('owner/model', {
    'model-f16.gguf': noise(40 * KIB, 3),
    'model-tq2_0.gguf': noise(20 * KIB, 5),
    'sub/model-i2_s.gguf': noise(30 * KIB, 7),
  });
  assert.equal((await pull(modelOf('owner/model'))).file, 'sub/model-i2_s.gguf');
  assert.equal((await pull(modelOf('owner/model', { file: 'model-tq2_0.gguf' }))).bytes, 20 * KIB);
});

test('the token goes to the hub and never to the server of the files', async (t) => {
  const { fake, pull } = await bench(t);
  fake.tokens.add('hf_secret');
  fake.add('owner/private', { 'model.gguf': noise(64 * KIB) }, { isPrivate: true, readers: ['hf_secret'] });
  const local = await pull(modelOf('owner/private'), { token: 'hf_secret' });
  assert.equal(local.bytes, 64 * KIB);
  const [hub, cdn] = ['hub', 'cdn'].map((name) => fake.requests.filter(({ server }) => server === name));
  assert.ok(hub!.length > 0 && hub!.every(({ authorization }) => authorization === 'Bearer hf_secret'));
  assert.ok(cdn!.length > 0 && cdn!.every(({ authorization }) => authorization === undefined));
});

test('a mirror below a path of another server, and an endpoint with a slash at its end', async (t) => {
  const { fake, pull } = await bench(t, {}, { prefix: '/mirrors/hf' });
  fake.add('owner/model', { 'model.gguf': noise(10 * KIB) });
  const local = await pull(modelOf('owner/model'), { endpoint: `${fake.endpoint}/` });
  assert.equal(local.bytes, 10 * KIB);
});

test('what another client of the hub has downloaded is found, and it finds what was downloaded here', async (t) => {
  const { fake, folder, pull, hub } = await bench(t);
  const revision = fake.add('owner/theirs', { 'model.gguf': noise(30 * KIB) }).branches.get('main')!.id;
  fake.add('owner/ours', { 'model.gguf': noise(50 * KIB, 9) });
  const request = { repo: 'owner/theirs', path: 'model.gguf', revision, cacheDir: folder };
  const theirs = await downloadFileToCacheDir({ ...request, hubUrl: fake.endpoint });
  fake.forget();
  const found = await pull(modelOf('owner/theirs', { file: 'model.gguf', revision }));
  assert.equal(found.path, theirs);
  assert.deepEqual(fake.requests, []);

  const ours = await pull(modelOf('owner/ours'));
  const { repos } = await scanCacheDir(folder);
  const seen = repos.flatMap(({ id, revisions }) =>
    revisions.flatMap(({ commitOid, files }) => files.map(({ path }) => [id.name, commitOid, path])),
  );
  assert.ok(seen.some(([name, commit]) => name === 'owner/ours' && commit === ours.revision));
  const names = (await hub.list()).map(({ repository }) => repository);
  assert.deepEqual(names.sort(), ['owner/ours', 'owner/theirs']);
});

test('a cache as huggingface_hub leaves it, with a part and locks of its own, is read and left as it is', async (t) => {
  const { fake, folder, pull, hub } = await bench(t);
  const [first, second] = [noise(40 * KIB, 3), noise(1500 * KIB, 5)];
  const files = { 'one-i2_s.gguf': first, 'two-tq2_0.gguf': second };
  const commit = fake.add('owner/model', files).branches.get('main')!.id;
  const [firstHash, secondHash] = [first, second].map((bytes) =>
    createHash('sha256').update(bytes).digest('hex'),
  );
  const root = join(folder, 'models--owner--model');
  const snapshot = join(root, 'snapshots', commit);
  for (const path of [snapshot, join(root, 'blobs'), join(root, 'refs'), join(root, '.no_exist', commit)]) {
    await mkdir(path, { recursive: true });
  }
  const part = join(root, 'blobs', `${secondHash}.incomplete`);
  const lock = join(folder, '.locks', 'models--owner--model', `${secondHash}.lock`);
  await mkdir(dirname(lock), { recursive: true });
  await writeFile(lock, '');
  await writeFile(join(folder, 'version.txt'), '1');
  await writeFile(join(root, 'refs', 'main'), commit);
  await writeFile(join(root, '.no_exist', commit, 'chat_template.jinja'), '');
  await writeFile(join(root, 'blobs', firstHash!), first);
  await symlink(`../../blobs/${firstHash}`, join(snapshot, 'one-i2_s.gguf'));
  await writeFile(part, second.subarray(0, 100 * KIB));

  const found = await pull(modelOf('owner/model'));
  assert.equal(found.path, join(snapshot, 'one-i2_s.gguf'));
  assert.deepEqual(fake.requests, []);
  assert.equal((await hub.list()).length, 1, 'a part is no model');

  const other = await pull(modelOf('owner/model', { file: 'two-tq2_0.gguf' }));
  assert.ok((await readFile(other.path!)).equals(second));
  assert.equal((await readFile(part)).length, 100 * KIB, 'the part of the other program is its own');
});

test('removing a revision leaves what another one needs', async (t) => {
  const { fake, folder, pull, hub } = await bench(t);
  const files = { 'config.json': CONFIG, 'tokenizer.json': '{}', 'model.safetensors': noise(200 * KIB) };
  const repository = fake.add('owner/model', files);
  const first = await pull(modelOf('owner/model'));
  repository.commit({ ...files, 'config.json': `${CONFIG}\n\n` });
  const second = await pull(modelOf('owner/model'), { update: true });
  const freed = await hub.remove(first);
  assert.ok(freed < KIB, `${freed}: the weights are still used`);
  assert.equal(await hub.find(modelOf('owner/model', { revision: first.revision })), undefined);
  assert.equal((await hub.find(modelOf('owner/model')))?.path, second.path);
  assert.ok((await hub.remove(second)) >= 200 * KIB);
  assert.deepEqual(await hub.list(), []);
  assert.equal(
    (await readdir(folder, { recursive: true })).some((name) => name.includes('blobs/')),
    false,
  );
});

test('offline: what is here is given, what is not is refused without a request', async (t) => {
  const { fake, pull } = await bench(t);
  fake.add('owner/model', { 'model.gguf': noise(10 * KIB) });
  await assert.rejects(pull(modelOf('owner/model'), { offline: true }), {
    code: 'hub/offline',
    message: /owner\/model/,
  });
  assert.deepEqual(fake.requests, []);
  const local = await pull(modelOf('owner/model'));
  fake.forget();
  assert.equal((await pull(modelOf('owner/model'), { offline: true })).path, local.path);
  assert.deepEqual(fake.requests, []);
});
