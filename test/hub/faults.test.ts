/** Downloads from a hub where things go wrong: each ends with the right file, or with one sentence that says what to do. */
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { BitnetError } from '#src/base/errors.js';
import { bench, modelOf, noise } from './hub-for-test.ts';

const KIB = 1024;
const FILE = 'model.gguf';
const MODEL = modelOf('owner/model', { file: FILE });
const PIECES = { pieceBytes: 64 * KIB };

test('a wrong byte in one piece: the file is fetched once more at most, and is right', async (t) => {
  const { fake, pull } = await bench(t, PIECES);
  const bytes = noise(2048 * KIB);
  fake.add('owner/model', { [FILE]: bytes });
  fake.faults.damages.push({ path: FILE, offset: 500_000, times: 1 });
  const local = await pull(MODEL);
  assert.deepEqual(new Uint8Array(await readFile(local.path!)), bytes);
  assert.ok(fake.servedBytes(FILE) <= 2 * bytes.length, `${fake.servedBytes(FILE)} bytes served`);
});

test('bytes that are wrong each time are refused, and nothing is put into the cache', async (t) => {
  const { fake, pull, hub, folder } = await bench(t, PIECES);
  const bytes = noise(1500 * KIB);
  fake.add('owner/model', { [FILE]: bytes });
  const damage = { path: FILE, offset: 300_000, times: Number.POSITIVE_INFINITY };
  fake.faults.damages.push(damage);
  await assert.rejects(pull(MODEL), { code: 'hub/damaged', message: /model\.gguf/ });
  assert.ok(fake.servedBytes(FILE) <= 3 * bytes.length, 'it gives up');
  assert.equal(await hub.find(MODEL), undefined);
  const names = await readdir(folder, { recursive: true });
  assert.equal(
    names.some((name) => /snapshots\/.*gguf$/.test(name)),
    false,
    names.join(' '),
  );
  damage.times = 0;
  assert.equal((await pull(MODEL)).bytes, bytes.length, 'the next one succeeds');
});

test('a small file is held against its git id', async (t) => {
  const { fake, pull } = await bench(t);
  const files = { 'config.json': '{"a": 1}', 'tokenizer.json': '{}', 'model.safetensors': noise(20 * KIB) };
  fake.add('owner/folder', files);
  fake.faults.damages.push({ path: 'config.json', offset: 3, times: Number.POSITIVE_INFINITY });
  await assert.rejects(pull(modelOf('owner/folder')), { code: 'hub/damaged', message: /config\.json/ });
  fake.faults.damages.length = 0;
  fake.faults.damages.push({ path: 'config.json', offset: 3, times: 1 });
  const local = await pull(modelOf('owner/folder'));
  assert.equal(await readFile(join(local.path!, 'config.json'), 'utf8'), '{"a": 1}');
});

test('whatever is cut, slow to begin or refused for a while, the file is right and progress never runs back', async (t) => {
  const { fake, pull, hub } = await bench(t, { ...PIECES, attempts: 16 });
  const bytes = noise(1300 * KIB);
  fake.add('owner/model', { [FILE]: bytes });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 200 * KIB }), { maxLength: 6 }),
      fc.array(fc.constantFrom(500, 502, 503, 429, 408), { maxLength: 4 }),
      fc.constantFrom('hub' as const, 'cdn' as const),
      fc.boolean(),
      fc.integer({ min: 1, max: 8 }),
      async (cuts, statuses, server, ignoresRanges, connections) => {
        fake.forget();
        fake.faults.cuts.splice(0, Number.POSITIVE_INFINITY, ...cuts);
        fake.faults.ignoresRanges = ignoresRanges;
        fake.faults.answers.splice(
          0,
          Number.POSITIVE_INFINITY,
          ...statuses.map((status) => ({ server, status, times: 1, headers: { 'Retry-After': '0' } })),
        );
        const local = await pull(MODEL, { connections });
        assert.ok((await readFile(local.path!)).equals(bytes));
        await hub.remove(local);
      },
    ),
    { numRuns: 25 },
  );
});

test('a server without ranges sends the file once', async (t) => {
  const { fake, pull } = await bench(t, PIECES);
  const bytes = noise(1900 * KIB);
  fake.add('owner/model', { [FILE]: bytes });
  fake.faults.ignoresRanges = true;
  assert.ok((await readFile((await pull(MODEL)).path!)).equals(bytes));
  assert.ok(fake.servedBytes(FILE) < 1.5 * bytes.length, `${fake.servedBytes(FILE)} bytes served`);
});

test('an address that has run out is asked for again', async (t) => {
  const { fake, pull } = await bench(t, PIECES, { linkLifeMs: 150 });
  const bytes = noise(1800 * KIB);
  fake.add('owner/model', { [FILE]: bytes });
  fake.faults.bytesPerSecond = 4_000_000;
  assert.ok((await readFile((await pull(MODEL, { connections: 2 })).path!)).equals(bytes));
});

test('an aborted download goes on where it was, and what was damaged on the disk meanwhile is fetched again', async (t) => {
  const { fake, pull, hub, folder, told } = await bench(t, PIECES);
  const bytes = noise(2048 * KIB);
  fake.add('owner/model', { [FILE]: bytes });
  fake.faults.bytesPerSecond = 4_000_000;
  const controller = new AbortController();
  const reason = new Error('enough');
  const stop = ({ doneBytes }: { doneBytes: number }) => {
    if (doneBytes > 1024 * KIB) controller.abort(reason);
  };
  await assert.rejects(pull(MODEL, { signal: controller.signal, onProgress: stop }), reason);
  fake.faults.bytesPerSecond = Number.POSITIVE_INFINITY;
  const [half] = await hub.unfinished();
  assert.equal(half?.repository, 'owner/model');
  assert.equal(half?.file, FILE);
  assert.equal(half?.totalBytes, bytes.length);
  assert.ok(half!.doneBytes > 512 * KIB && half!.doneBytes < bytes.length, `${half!.doneBytes}`);

  const blobs = join(folder, 'models--owner--model', 'blobs');
  const part = (await readdir(blobs)).find((name) => name.endsWith('-part'))!;
  const data = await readFile(join(blobs, part));
  data[70_000]! ^= 1;
  await writeFile(join(blobs, part), data);

  fake.forget();
  const local = await pull(MODEL);
  assert.ok((await readFile(local.path!)).equals(bytes));
  const served = fake.servedBytes(FILE);
  assert.ok(served <= bytes.length - half!.doneBytes + 2 * 64 * KIB, `${served}: what was here is kept`);
  assert.ok(told.some(({ phase }) => phase === 'resuming'));
  assert.deepEqual(await hub.unfinished(), []);
});

test('a journal that is cut or nonsense costs at most what it told of', async (t) => {
  const { fake, pull, hub, folder } = await bench(t, PIECES);
  const bytes = noise(1536 * KIB);
  fake.add('owner/model', { [FILE]: bytes });
  const blobs = join(folder, 'models--owner--model', 'blobs');
  for (const damage of [
    (text: string) => text.slice(0, Math.floor(text.length * 0.7)),
    (text: string) => `${text.slice(0, 40)}\0\0\0\0${text.slice(60)}`,
    () => '',
    () => '{}\n'.repeat(1000),
    (text: string) => text.replaceAll(/[0-9a-f]{64}/g, 'f'.repeat(64)),
  ]) {
    const controller = new AbortController();
    fake.faults.bytesPerSecond = 4_000_000;
    const stop = ({ doneBytes }: { doneBytes: number }) => {
      if (doneBytes > 512 * KIB) controller.abort(new Error('enough'));
    };
    await assert.rejects(pull(MODEL, { signal: controller.signal, onProgress: stop }), /enough/);
    fake.faults.bytesPerSecond = Number.POSITIVE_INFINITY;
    const journal = (await readdir(blobs)).find((name) => name.endsWith('-journal'))!;
    await writeFile(join(blobs, journal), damage(await readFile(join(blobs, journal), 'utf8')));
    const local = await pull(MODEL);
    assert.ok((await readFile(local.path!)).equals(bytes));
    await hub.remove(local);
  }
});

test('a branch that moves during the download does not mix two files', async (t) => {
  const { fake, pull } = await bench(t, PIECES);
  const [old, young] = [noise(1500 * KIB, 3), noise(1500 * KIB, 5)];
  const repository = fake.add('owner/model', { [FILE]: old });
  fake.faults.bytesPerSecond = 4_000_000;
  let isMoved = false;
  const local = await pull(MODEL, {
    onProgress: ({ doneBytes }) => {
      if (doneBytes > 128 * KIB && !isMoved) {
        isMoved = true;
        repository.commit({ [FILE]: young });
      }
    },
  });
  assert.ok(isMoved);
  assert.ok((await readFile(local.path!)).equals(old), 'all of it is of the commit that was asked for');
});

const REFUSALS: readonly {
  readonly what: string;
  readonly repository: string;
  readonly file?: string;
  readonly revision?: string;
  readonly token?: string;
  readonly code: string;
  readonly message: RegExp;
}[] = [
  {
    what: 'misspelt or private',
    repository: 'owner/none',
    code: 'hub/not-found',
    message: /spelling.*private.*HF_TOKEN/,
  },
  {
    what: 'none, with a token',
    repository: 'owner/none',
    token: 'hf_good',
    code: 'hub/not-found',
    message: /no repository owner\/none/,
  },
  {
    what: 'private',
    repository: 'owner/private',
    token: 'hf_good',
    code: 'hub/not-found',
    message: /private/,
  },
  {
    what: 'wrong file',
    repository: 'owner/open',
    file: 'none.gguf',
    code: 'hub/not-found',
    message: /no file.*none\.gguf/,
  },
  {
    what: 'wrong revision',
    repository: 'owner/open',
    revision: 'v9',
    code: 'hub/not-found',
    message: /revision "v9"/,
  },
  {
    what: 'gated, without a token',
    repository: 'owner/gated',
    code: 'hub/gated',
    message: /terms.*HF_TOKEN/,
  },
  {
    what: 'gated, with a token',
    repository: 'owner/gated',
    token: 'hf_good',
    code: 'hub/gated',
    message: /terms/,
  },
  {
    what: 'a wrong token',
    repository: 'owner/open',
    token: 'hf_bad',
    code: 'hub/unauthorized',
    message: /HF_TOKEN/,
  },
  { what: 'nothing to run', repository: 'owner/dataset', code: 'hub/no-model', message: /owner\/dataset/ },
];

for (const { what, repository, file, revision, token, code, message } of REFUSALS) {
  test(`refused in one sentence: ${what}`, async (t) => {
    const { fake, pull, hub } = await bench(t);
    fake.tokens.add('hf_good');
    fake.add('owner/open', { [FILE]: noise(KIB) });
    fake.add('owner/private', { [FILE]: noise(KIB) }, { isPrivate: true, readers: ['hf_other'] });
    fake.add('owner/gated', { [FILE]: noise(KIB) }, { isGated: true, readers: ['hf_other'] });
    fake.add('owner/dataset', { 'README.md': 'x', 'data.parquet': 'y' });
    const parts = { ...(file && { file }), ...(revision && { revision }) };
    await assert.rejects(pull(modelOf(repository, parts), token === undefined ? {} : { token }), {
      name: 'BitnetError',
      code,
      message,
    });
    assert.deepEqual(await hub.list(), []);
  });
}

test('a server that stays away, or asks to wait for long, is told of in one sentence', async (t) => {
  const { fake, pull } = await bench(t, { attempts: 3 });
  fake.add('owner/model', { [FILE]: noise(KIB) });
  const answer = { server: 'cdn' as const, status: 503, times: 100 };
  fake.faults.answers.push(answer);
  await assert.rejects(pull(MODEL), { code: 'hub/unreachable', message: /503.*what has arrived is kept/ });
  answer.times = 0;
  fake.faults.answers.push({ server: 'hub', status: 429, times: 1, headers: { 'Retry-After': '3000' } });
  await assert.rejects(pull(MODEL), { code: 'hub/rate-limited', message: /3000 seconds/ });
  const endpoint = 'http://127.0.0.1:9';
  await assert.rejects(pull(MODEL, { endpoint }), { code: 'hub/unreachable', message: /127\.0\.0\.1:9/ });
  await assert.rejects(pull(MODEL, { endpoint: 'ftp://x' }), { code: 'hub/bad-endpoint' });
});

test('no listing of a hub can make a file outside of the cache', async (t) => {
  const { fake, pull, folder } = await bench(t);
  const weights = noise(KIB);
  for (const name of [
    '../../../evil.gguf',
    '/tmp/evil.gguf',
    'a/../../evil.gguf',
    'a\\..\\evil.gguf',
    'a\0.gguf',
    '..',
  ]) {
    fake.add('owner/hostile', { [name]: weights, 'config.json': '{}', 'model.safetensors': weights });
    await pull(modelOf('owner/hostile'), { update: true }).catch((error: unknown) => {
      assert.ok(error instanceof BitnetError, `${name}: ${error}`);
    });
    const names = await readdir(join(folder, '..'));
    assert.equal(names.includes('evil.gguf'), false, name);
  }
  const all = await readdir(folder, { recursive: true });
  assert.deepEqual(
    all.filter((name) => name.includes('evil')),
    [],
  );
});

test('a disk that is too small is told of before the download', async (t) => {
  const { fake, pull, folder } = await bench(t);
  fake.add('owner/model', { [FILE]: noise(KIB) }, { claimedSizes: { [FILE]: 1e15 } });
  await assert.rejects(pull(MODEL), (error: unknown) => {
    assert.ok(error instanceof BitnetError && error.code === 'hub/no-space', String(error));
    assert.match(error.message, /^owner\/model needs 1000000\.00 GB more/);
    assert.ok(error.message.includes(folder) && error.message.includes('HF_HOME'), error.message);
    return true;
  });
  assert.equal(fake.servedBytes(FILE), 0);
});

test('answers of something that is no hub', async (t) => {
  const { fake, pull } = await bench(t, { attempts: 2 });
  fake.add('owner/model', { [FILE]: noise(KIB) });
  for (const status of [200, 204, 302]) {
    fake.faults.answers.push({ server: 'hub', status, times: 1 });
    await assert.rejects(pull(MODEL), (error: unknown) => error instanceof BitnetError);
    fake.faults.answers.length = 0;
  }
});
