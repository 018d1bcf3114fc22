/** `bitnet serve` as a process: how it begins, what it says, how it ends. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { BUNDLED_MODEL } from '#src/cli/models/bundled-model.js';
import { MAIN, runNode, startNode } from '../e2e/run-process.js';

/** Starts `bitnet serve` on a free port and waits until it serves. */
async function startServe(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const started = startNode([MAIN, 'serve', '--port', '0', '--threads', '1', ...args], {
    timeout: 60_000,
    env,
  });
  let stderr = '';
  const url = await new Promise<string>((resolve, reject) => {
    started.child.stderr.on('data', (text: string) => {
      stderr += text;
      const found = /serving on (http:\S+)/.exec(stderr);
      if (found !== null && stderr.includes('curl')) resolve(found[1]!);
    });
    started.ended.then(() => reject(new Error(stderr)), reject);
  });
  return { ...started, url };
}

test('serves the bundled model, and ends with Ctrl-C', async () => {
  const { child, ended, url } = await startServe(['--log', 'json'], { BITNET_MODEL: '' });
  assert.equal((await fetch(`${url}/ready`)).status, 200);
  assert.equal((await fetch(`${url}/v1/nothing`)).status, 404);
  child.kill('SIGINT');
  const { status, stdout, stderr } = await ended;
  assert.equal(status, 130);
  const events = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    events.map(({ event }) => event),
    ['model-loaded', 'request', 'model-unloaded'],
  );
  assert.equal(events[0].model, BUNDLED_MODEL);
  assert.match(stderr, /curl http:\/\/127\.0\.0\.1:\d+\/v1\/completions -H /);
  assert.ok(stderr.includes(`"model":"${BUNDLED_MODEL}"`), stderr);
  assert.match(stderr, /answers under way have 30 seconds to end/);
});

test('SIGTERM ends it with status 0; a key from the environment is asked for', async () => {
  const { child, ended, url } = await startServe(['--log', 'off'], { BITNET_API_KEY: 'secret-key' });
  assert.equal((await fetch(`${url}/stats`)).status, 401);
  const headers = { authorization: 'Bearer secret-key' };
  assert.equal((await fetch(`${url}/stats`, { headers })).status, 200);
  child.kill('SIGTERM');
  const { status, stdout, stderr } = await ended;
  assert.equal(status, 0);
  assert.equal(stdout, '');
  assert.equal(stderr.includes('secret-key'), false);
});

test('what cannot be served is said in one sentence', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as { port: number };
  const fails = async (args: readonly string[], status: number, message: RegExp) => {
    const env = { BITNET_API_KEY: '' };
    const ended = await runNode([MAIN, 'serve', '--log', 'off', ...args], { timeout: 60_000, env });
    assert.match(ended.stderr, message);
    assert.equal(ended.stderr.trim().split('\n').length, 1, ended.stderr);
    assert.equal(ended.status, status);
  };
  await fails(
    ['--port', String(port)],
    1,
    new RegExp(`port ${port} of 127.0.0.1 is taken by another program`),
  );
  taken.close();
  await fails(['--host', '0.0.0.0'], 2, /lets others in, and there is no API key/);
  await fails(['--port', '70000'], 2, /--port is 70000/);
  await fails(['--tls-cert', 'x.pem'], 2, /--tls-key is missing/);
  await fails(
    ['--tls-cert', 'x.pem', '--tls-key', 'x.pem'],
    1,
    /--tls-cert x.pem cannot be read: it does not exist/,
  );
  await fails(
    ['--tls-cert', 'package.json', '--tls-key', 'package.json'],
    1,
    /certificate or its key cannot be used/,
  );
  await fails(['nothing.gguf', '--port', '0'], 1, /nothing\.gguf/);
  await fails(['a=x.gguf', 'a=y.gguf', '--port', '0'], 1, /two models are called "a"/);
  await fails(['--api-key', 'two words', '--port', '0'], 1, /an API key is/);
});
