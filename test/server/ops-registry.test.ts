/** Models that come and go: names, loading once, keeping alive, making room. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadModel } from '#src/index.js';
import { nameModels } from '#src/server/models/model-entry.js';
import { Models, type RegistryOptions } from '#src/server/models/registry.js';
import { Log, type LogEntry } from '#src/server/operations/log.js';
import { TINY_TALES, until } from './test-server.js';

/** A registry of the same model under several names, and what happened to them. */
function open(ids: readonly string[], options: Partial<RegistryOptions> = {}): [Models, () => string[]] {
  const entries: LogEntry[] = [];
  const models = new Models({
    models: ids.map((id) => ({ id, source: TINY_TALES })),
    load: { threads: 0 },
    scheduler: {},
    createConstraints: () => ({ compile: async () => undefined, dispose() {} }),
    keepAliveSeconds: 1000,
    maxLoaded: 2,
    observer: { token() {}, ended() {}, unloaded() {} },
    log: new Log((entry) => entries.push(entry)),
    ...options,
  });
  const happened = () => entries.map(({ event, model }) => `${event.replace('model-', '')} ${model}`);
  return [models, happened];
}

const loaded = (models: Models) => models.list().flatMap((model) => (model.loaded ? [model.id] : []));

test('a model is loaded once for all who ask at the same time', async () => {
  const [models, happened] = open(['a']);
  const leases = await Promise.all([models.acquire('a'), models.acquire(undefined), models.acquire('a')]);
  assert.equal(new Set(leases.map(({ served }) => served)).size, 1);
  assert.deepEqual(happened(), ['loaded a']);
  for (const lease of leases) lease.release();
  assert.ok(models.list()[0]!.expiresAt! > Date.now() + 900_000);
  await models.dispose();
  assert.deepEqual(happened(), ['loaded a', 'unloaded a']);
  await assert.rejects(models.acquire('a'), { code: 'server/closed' });
});

test('unknown names are refused with the known ones', async () => {
  const [models] = open(['a', 'b']);
  await assert.rejects(models.acquire('c'), {
    code: 'server/unknown-model',
    message: /no model "c" here; the models are a, b/,
  });
  await models.dispose();
});

test('the one that was not used for the longest time makes room', async () => {
  const [models, happened] = open(['a', 'b', 'c']);
  for (const id of ['a', 'b', 'a', 'c']) (await models.acquire(id)).release();
  assert.deepEqual(happened(), ['loaded a', 'loaded b', 'unloaded b', 'loaded c']);
  await models.dispose();
});

test('a model in use is not unloaded, and nothing takes its place', async () => {
  const [models, happened] = open(['a', 'b'], { maxLoaded: 1 });
  const first = await models.acquire('a');
  await assert.rejects(models.acquire('b'), { code: 'scheduler/full' });
  models.unload('a');
  const second = await models.acquire('a');
  first.release();
  first.release();
  assert.deepEqual(loaded(models), ['a']);
  second.release();
  // A new request takes an old wish to unload back.
  assert.ok(models.list()[0]!.expiresAt! > Date.now() + 1000);
  models.unload('a');
  await until(() => loaded(models).length === 0);
  (await models.acquire('b')).release();
  assert.deepEqual(happened(), ['loaded a', 'unloaded a', 'loaded b']);
  await models.dispose();
});

test('requests decide how long a model stays; those loaded at the start stay', async () => {
  const [models, happened] = open(['a', 'b', 'c']);
  await models.preload(['a']);
  assert.equal(models.list()[0]!.expiresAt, undefined);
  (await models.acquire('b', 0)).release();
  await until(() => happened().includes('unloaded b'));
  (await models.acquire('b', -1)).release();
  assert.equal(models.list()[1]!.expiresAt, undefined);
  (await models.acquire('b', 0.02)).release();
  await until(() => happened().filter((event) => event === 'unloaded b').length === 2);
  (await models.acquire('a', 0)).release();
  await until(() => happened().includes('unloaded a'));
  (await models.acquire('a')).release();
  assert.deepEqual(loaded(models), ['a']);
  await models.dispose();
});

test('a model that cannot be loaded can be tried again', async () => {
  const [models] = open(['a'], { models: [{ id: 'a', source: '/nothing/here.gguf' }] });
  await assert.rejects(models.acquire('a'), { code: /^source\// });
  await assert.rejects(models.acquire('a'), { code: /^source\// });
  assert.equal(models.list()[0]!.fileBytes, undefined);
  await models.dispose();
});

test('a model of the caller stays the caller’s', async () => {
  const model = await loadModel(TINY_TALES, { threads: 0 });
  const [models, happened] = open([], { models: [{ id: 'own', source: model }] });
  const { served, release } = await models.acquire('own', 0);
  assert.equal(served.model, model);
  release();
  await models.dispose();
  assert.deepEqual(happened(), []);
  assert.equal((await model.logits([1])).length, model.config.vocabularySize);
  await model.dispose();
});

test('names come from files without telling where those are', () => {
  const names = (...entries: Parameters<typeof nameModels>[0]) => nameModels(entries).map(({ id }) => id);
  assert.deepEqual(names('/home/me/secret/tiny.i2_s.gguf', 'C:\\models\\b.GGUF'), ['tiny.i2_s', 'b']);
  assert.deepEqual(names('models/folder/', 'https://example.org/a/m.gguf?token=x#y'), ['folder', 'm']);
  assert.deepEqual(names('a/x.gguf', 'b/x.gguf', 'c/x.gguf'), ['x', 'x-2', 'x-3']);
  assert.deepEqual(names('/', '../…\u0007.gguf'), ['model', 'model-2']);
  assert.deepEqual(names({ id: 'org/name:tag', source: '/x' }), ['org/name:tag']);
  assert.throws(() => nameModels([]), { code: 'option/models' });
  assert.throws(() => nameModels([{ id: 'a b', source: '/x' }]), { code: 'option/models' });
  assert.throws(
    () =>
      nameModels([
        { id: 'a', source: '/x' },
        { id: 'a', source: '/y' },
      ]),
    { code: 'option/models' },
  );
});
