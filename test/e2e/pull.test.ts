/** `bitnet pull`, `list` and `rm` as processes, on a hub of this machine. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import type { FakeHub } from '../hub/fake-hub.ts';
import { fakeHub, noise, temporaryFolder } from '../hub/hub-for-test.ts';
import { startProxy } from '../hub/tiny-proxy.ts';
import {
  type Ended,
  MAIN,
  QUIET_BACKEND,
  runNode,
  type Started,
  startNode,
  TINY_TALES,
} from './run-process.ts';

const FILE = 'model.gguf';
const MEGABYTE = 1e6;

/** The program on a hub and with a cache of its own. */
interface Machine {
  readonly fake: FakeHub;
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  start(...args: string[]): Started;
  run(...args: string[]): Promise<Ended>;
}

async function machine(t: TestContext, more: NodeJS.ProcessEnv = {}): Promise<Machine> {
  const fake = await fakeHub(t);
  const folder = await temporaryFolder(t);
  const env = {
    HF_ENDPOINT: fake.endpoint,
    HF_HUB_CACHE: folder,
    HF_HOME: join(folder, 'home'),
    HF_TOKEN: '',
    HF_HUB_OFFLINE: '',
    BITNET_BACKEND: QUIET_BACKEND,
    ...more,
  };
  const start = (...args: string[]) => startNode([MAIN, ...args], { env, timeout: 120_000 });
  return { fake, folder, env, start, run: (...args) => start(...args).ended };
}

async function served(fake: FakeHub, bytes: number): Promise<void> {
  while (fake.servedBytes() < bytes) await delay(5);
}

test('pull, list, run by name without the network, remove', async (t) => {
  const { fake, folder, run } = await machine(t);
  const bytes = await readFile(TINY_TALES);
  const commit = fake.add('tester/tales', { 'tales-i2_s.gguf': bytes }).branches.get('main')!.id;

  const pulled = await run('pull', 'tester/tales');
  assert.equal(pulled.status, 0, pulled.stderr);
  const path = join(folder, 'models--tester--tales', 'snapshots', commit, 'tales-i2_s.gguf');
  assert.equal(pulled.stdout, `${path}\n`);
  assert.match(pulled.stderr, /^bitnet: downloading tester\/tales \(\d[\d.]* MB\)\n/);
  assert.match(pulled.stderr, /tales-i2_s\.gguf, .* MB, is here and verified; .* came in [\d.]+ s\n$/);
  assert.ok(!pulled.stderr.includes('\u001b'), 'no control sequences in a log');

  const again = await run('pull', 'tester/tales', '--json');
  const { seconds, ...facts } = JSON.parse(again.stdout);
  assert.equal(typeof seconds, 'number');
  assert.deepEqual(facts, {
    model: 'tester/tales',
    repository: 'tester/tales',
    revision: commit,
    file: 'tales-i2_s.gguf',
    path,
    bytes: bytes.length,
    downloadedBytes: 0,
  });

  const listed = await run('list');
  assert.match(listed.stdout, /tester\/tales:tales-i2_s\.gguf +[\d.]+ MB +[0-9a-f]{7}/);
  assert.match(listed.stdout, new RegExp(`1 model, .* in ${folder}`));
  const { models, unfinished } = JSON.parse((await run('list', '--json')).stdout);
  assert.deepEqual([models.length, models[0].path, unfinished], [1, path, []]);

  fake.forget();
  const told = await run(
    'run',
    'tester/tales',
    'Once upon a time',
    '--max-tokens',
    '8',
    '--temperature',
    '0',
    '--offline',
  );
  assert.equal(told.status, 0, told.stderr);
  assert.ok(told.stdout.length > 5, told.stdout);
  assert.deepEqual(fake.requests, [], 'nothing is asked of the hub');

  const removed = await run('rm', 'tester/tales');
  assert.equal(removed.status, 0, removed.stderr);
  assert.match(
    removed.stdout,
    /^removed tester\/tales@[0-9a-f]{7}:tales-i2_s\.gguf, .*\n[\d.]+ MB are free now\n$/,
  );
  assert.match((await run('list')).stdout, /There is no model/);
  const gone = await run('rm', 'tester/tales');
  assert.deepEqual([gone.status, gone.stdout], [1, '']);
  assert.match(gone.stderr, /is not on this machine/);
});

test('a model that is not here is downloaded by the command that needs it', async (t) => {
  const { fake, run } = await machine(t);
  fake.add('tester/tales', { 'tales.gguf': await readFile(TINY_TALES) });
  const { status, stdout, stderr } = await run(
    'run',
    'tester/tales',
    'Once upon',
    '--max-tokens',
    '4',
    '--temperature',
    '0',
  );
  assert.equal(status, 0, stderr);
  assert.match(stderr, /downloading tester\/tales/);
  assert.ok(stdout.length > 0);
});

test('a program loads, lists and removes by name', async (t) => {
  const { fake, env } = await machine(t);
  fake.add('tester/tales', { 'tales.gguf': await readFile(TINY_TALES) });
  const code = `
    import { listModels, loadModel, pullModel, removeModel } from 'bitnet.ts';
    const phases = new Set();
    const model = await loadModel('tester/tales', { pull: { onProgress: ({ phase }) => phases.add(phase) } });
    const tokens = model.tokenize('Once upon a time').length;
    await model.dispose();
    const local = await pullModel('tester/tales:tales.gguf', { offline: true });
    const before = (await listModels()).length;
    const freed = await removeModel(local);
    const after = (await listModels()).length;
    console.log(JSON.stringify({ phases: [...phases], tokens, before, freed, after }));
  `;
  const { status, stdout, stderr } = await runNode(['--input-type=module', '--eval', code], { env });
  assert.equal(status, 0, stderr);
  const { phases, tokens, before, freed, after } = JSON.parse(stdout);
  assert.deepEqual(phases.slice(0, 2), ['listing', 'downloading']);
  assert.equal(phases.at(-1), 'done');
  assert.ok(tokens > 2);
  assert.deepEqual([before, after], [1, 0]);
  assert.equal(freed, (await readFile(TINY_TALES)).length);
});

test('killed, listed as unfinished, interrupted, gone on with', async (t) => {
  const { fake, start, run } = await machine(t);
  const bytes = noise(12 * MEGABYTE);
  fake.add('owner/model', { [FILE]: bytes });
  fake.faults.bytesPerSecond = 4 * MEGABYTE;

  const killed = start('pull', 'owner/model');
  await served(fake, 4 * MEGABYTE);
  killed.child.kill('SIGKILL');
  await killed.ended;
  const listed = await run('list');
  assert.match(listed.stdout, /owner\/model:model\.gguf +unfinished: [\d.]+ MB of 12\.0 MB \(\d+ %\)/);
  const kept = JSON.parse((await run('list', '--json')).stdout).unfinished[0].doneBytes;
  assert.ok(kept > MEGABYTE, `${kept}`);

  const interrupted = start('pull', 'owner/model');
  await served(fake, 7 * MEGABYTE);
  interrupted.child.kill('SIGINT');
  const { status, stderr } = await interrupted.ended;
  assert.equal(status, 130, stderr);
  assert.match(stderr, /^bitnet: going on with owner\/model: [\d.]+ MB of 12\.0 MB are here already\n/);
  assert.match(stderr, /\nbitnet: stopped; what has arrived is kept, and the same command goes on\n$/);

  fake.faults.bytesPerSecond = Number.POSITIVE_INFINITY;
  const last = await run('pull', 'owner/model');
  assert.equal(last.status, 0, last.stderr);
  assert.ok((await readFile(last.stdout.trim())).equals(bytes));
  assert.ok(fake.servedBytes() < 1.6 * bytes.length, `${fake.servedBytes()}`);
});

test('an unfinished download is removed by name', async (t) => {
  const { fake, start, run } = await machine(t);
  fake.add('owner/model', { [FILE]: noise(8 * MEGABYTE) });
  fake.faults.bytesPerSecond = 2 * MEGABYTE;
  const { child, ended } = start('pull', 'owner/model');
  await served(fake, 3 * MEGABYTE);
  child.kill('SIGKILL');
  await ended;
  const removed = JSON.parse((await run('rm', 'owner/model', '--json')).stdout);
  assert.equal(removed.unfinished.length, 1);
  assert.ok(removed.freedBytes > 0);
  assert.deepEqual(JSON.parse((await run('list', '--json')).stdout).unfinished, []);
});

/** Starts a second pull and resolves when it says that it waits for the first. */
async function startWaiting(start: Machine['start'], ...args: string[]): Promise<Started> {
  const second = start('pull', 'owner/model', ...args);
  await new Promise<void>((resolve) => {
    second.child.stderr.on('data', (text: string) => {
      if (text.includes('another process is downloading owner/model; waiting for it')) resolve();
    });
    void second.ended.then(() => resolve());
  });
  assert.equal(second.child.exitCode, null, 'it waits');
  return second;
}

test('two processes that want one model fetch it once', async (t) => {
  const { fake, start } = await machine(t);
  const bytes = noise(6 * MEGABYTE);
  fake.add('owner/model', { [FILE]: bytes });
  fake.faults.bytesPerSecond = MEGABYTE / 4;
  const first = start('pull', 'owner/model');
  await served(fake, 1);
  const second = await startWaiting(start, '--json');
  fake.faults.bytesPerSecond = Number.POSITIVE_INFINITY;
  const [a, b] = await Promise.all([first.ended, second.ended]);
  assert.deepEqual([a.status, b.status], [0, 0], a.stderr + b.stderr);
  assert.equal(fake.servedBytes(), bytes.length);
  const { path, downloadedBytes } = JSON.parse(b.stdout);
  assert.equal(`${path}\n`, a.stdout);
  assert.equal(downloadedBytes, 0);
});

test('the process that is waited for is killed: the other one goes on with its part', async (t) => {
  const { fake, start } = await machine(t);
  const bytes = noise(8 * MEGABYTE);
  fake.add('owner/model', { [FILE]: bytes });
  fake.faults.bytesPerSecond = MEGABYTE / 2;
  const first = start('pull', 'owner/model');
  await served(fake, MEGABYTE);
  const second = await startWaiting(start);
  fake.faults.bytesPerSecond = Number.POSITIVE_INFINITY;
  first.child.kill('SIGKILL');
  const { status, stdout, stderr } = await second.ended;
  assert.equal(status, 0, stderr);
  assert.ok((await readFile(stdout.trim())).equals(bytes));
  assert.ok(fake.servedBytes() < 1.9 * bytes.length, `${fake.servedBytes()}`);
});

test('through the proxy of HTTP_PROXY, and around it for hosts of NO_PROXY', async (t) => {
  const { fake, env } = await machine(t);
  const bytes = noise(MEGABYTE);
  fake.add('owner/model', { [FILE]: bytes });
  const proxy = await startProxy({ 'hub.invalid:80': Number(new URL(fake.endpoint).port) });
  t.after(() => proxy.close());
  const proxied = (noProxy: string, cache: string) =>
    runNode([MAIN, 'pull', 'owner/model'], {
      env: {
        ...env,
        HF_ENDPOINT: 'http://hub.invalid',
        HF_HUB_CACHE: cache,
        HTTP_PROXY: proxy.url,
        http_proxy: proxy.url,
        NO_PROXY: noProxy,
        no_proxy: noProxy,
      },
    });
  const all = await proxied('', await temporaryFolder(t));
  assert.equal(all.status, 0, all.stderr);
  assert.ok((await readFile(all.stdout.trim())).equals(bytes));
  assert.ok(proxy.seen.includes('hub.invalid:80'));
  assert.ok(
    proxy.seen.some((target) => target.startsWith('127.0.0.1:')),
    'files come through it too',
  );

  const before = proxy.seen.length;
  const some = await proxied('127.0.0.1', await temporaryFolder(t));
  assert.equal(some.status, 0, some.stderr);
  assert.deepEqual([...new Set(proxy.seen.slice(before))], ['hub.invalid:80']);
});

test('what goes wrong is one sentence on stderr', async (t) => {
  const { fake, run, env } = await machine(t);
  fake.add('owner/gated', { [FILE]: noise(1000) }, { isGated: true });
  const cases: [args: string[], status: number, sentence: RegExp][] = [
    [['pull', 'owner/gated'], 1, /accept.*\/owner\/gated.*HF_TOKEN/],
    [['pull', 'owner/none'], 1, /no repository owner\/none/],
    [['pull', 'owner/gated', '--offline'], 1, /owner\/gated.*bitnet pull/],
    [['pull', '2b4'], 1, /did you mean 2b4t/],
    [['pull'], 2, /MODEL is needed/],
    [['pull', 'a/b', 'c/d'], 2, /one word too many/],
    [['pull', './model.gguf'], 2, /is a file or folder/],
    [['pull', 'https://example.org/model.gguf'], 2, /no page of a hub/],
    [['pull', 'tales'], 2, /comes with this package/],
    [['pull', 'owner/gated', '--connections', '0'], 2, /--connections is 0/],
    [['pull', 'owner/gated', '--file', '../x.gguf'], 1, /owner\/name/],
    [['list', 'x'], 2, /one word too many/],
    [['rm'], 2, /MODEL is needed/],
  ];
  for (const [args, status, sentence] of cases) {
    const ended = await run(...args);
    assert.equal(ended.status, status, `${args.join(' ')}: ${ended.stderr}`);
    assert.match(ended.stderr, sentence);
    assert.match(ended.stderr, /^bitnet: [^\n]*\n$/, 'one line');
    assert.equal(ended.stdout, '');
  }
  const offline = await runNode([MAIN, 'run', 'owner/gated', 'x'], { env: { ...env, HF_HUB_OFFLINE: '1' } });
  assert.equal(offline.status, 1);
  assert.match(offline.stderr, /HF_HUB_OFFLINE/);
  const full = await runNode([MAIN, 'pull', 'owner/gated'], {
    env: { ...env, HF_HUB_CACHE: join(MAIN, 'hub') },
  });
  assert.equal(full.status, 1);
  assert.match(full.stderr, /^bitnet: [^\n]*\n$/);
});
