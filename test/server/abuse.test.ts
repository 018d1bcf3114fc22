/**
 * Clients that mean no good. After each, the server answers the next request. docs/server.md has the table of what happens.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { post, sendRaw, type TestServer, until, withServer } from './test-server.js';

const LIMITS = { bodyBytes: 100_000, jsonValues: 10_000, idleSeconds: 0.3 };
const LISTEN = { headersSeconds: 0.5, bodySeconds: 1.5, maxConnections: 32 };

/** Runs one abuse, and then a request that has to succeed. */
function abuse(name: string, attack: (server: TestServer) => Promise<void>, limits = {}): void {
  test(name, () =>
    withServer(
      { limits: { ...LIMITS, ...limits } },
      async (server) => {
        await attack(server);
        const answer = await post(`${server.url}/test/generate`, { prompt: 'Once upon', max_tokens: 3 });
        assert.equal(answer.status, 200, await answer.clone().text());
        const stats = JSON.parse(await (await fetch(`${server.url}/stats`)).text());
        const { running, waiting, kvCacheInUse } = stats.models[0].scheduler;
        assert.deepEqual({ running, waiting, kvCacheInUse }, { running: 0, waiting: 0, kvCacheInUse: 0 });
      },
      LISTEN,
    ),
  );
}

/** The status and the error's code of a refused body. */
async function refusal(url: string, body: string | Uint8Array, headers = {}): Promise<[number, string]> {
  const response = await post(`${url}/test/echo`, body, { headers });
  const { error } = JSON.parse(await response.text());
  return [response.status, error.code];
}

const isAnswered = (text: string) => text.includes('}}');
const HEAD = 'POST /test/echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';

abuse('slow-loris: heads that never end are cut off', async ({ port }) => {
  const slow = async function* () {
    yield 'POST /test/echo HTTP/1.1\r\nHost: localhost\r\n';
    for (let i = 0; i < 100; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      yield `X-${i}: y\r\n`;
    }
  };
  const answers = await Promise.all(Array.from({ length: 10 }, () => sendRaw(port, slow())));
  for (const answer of answers) assert.match(answer, /^HTTP\/1\.1 408 .*request_too_slow/s);
});

abuse('slow bodies: one that stops is refused, one that trickles is cut off', async ({ port }) => {
  const stopped = await sendRaw(port, [`${HEAD}Content-Length: 1000\r\n\r\n{"a":`], (text) =>
    text.includes('}}'),
  );
  assert.match(stopped, /^HTTP\/1\.1 408 .*body_timeout/s);
  const trickle = async function* () {
    yield `${HEAD}Content-Length: 1000\r\n\r\n{"a":"`;
    for (let i = 0; i < 100; i++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      yield 'x';
    }
  };
  await sendRaw(port, trickle());
});

abuse('100 MB bodies: refused by their length, or once too much has come', async ({ port, url }) => {
  const block = Buffer.alloc(1_000_000, 0x20);
  const declared = await sendRaw(
    port,
    (function* () {
      yield `${HEAD}Content-Length: 100000000\r\n\r\n`;
      for (let i = 0; i < 100; i++) yield block;
    })(),
    isAnswered,
  );
  assert.match(declared, /^HTTP\/1\.1 413 .*body_too_large/s);
  const before = process.memoryUsage.rss();
  const chunked = await sendRaw(
    port,
    (function* () {
      yield `${HEAD}Transfer-Encoding: chunked\r\n\r\n`;
      for (let i = 0; i < 100; i++) {
        yield `${block.length.toString(16)}\r\n`;
        yield block;
        yield '\r\n';
      }
    })(),
    isAnswered,
  );
  assert.match(chunked, /^HTTP\/1\.1 413 .*body_too_large/s);
  assert.ok(process.memoryUsage.rss() - before < 90_000_000);
  assert.deepEqual(await refusal(url, `"${'x'.repeat(LIMITS.bodyBytes)}"`), [413, 'body_too_large']);
});

abuse('deep and crowded JSON', async ({ url }) => {
  assert.deepEqual(await refusal(url, '['.repeat(10_000)), [400, 'json_too_deep']);
  assert.deepEqual(await refusal(url, `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`), [
    400,
    'json_too_deep',
  ]);
  assert.deepEqual(await refusal(url, `[${'1,'.repeat(20_000)}1]`), [400, 'json_too_large']);
  assert.deepEqual(await refusal(url, '['.repeat(50)), [400, 'invalid_json']);
  const text = `"${'[{'.repeat(1000)}\\"${'[,'.repeat(10_000)}"`;
  assert.equal((await post(`${url}/test/echo`, text)).status, 200);
});

abuse('what is no JSON or no UTF-8', async ({ url }) => {
  assert.deepEqual(await refusal(url, Uint8Array.of(0x22, 0xff, 0xfe, 0x22)), [400, 'invalid_utf8']);
  assert.deepEqual(await refusal(url, Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22)), [400, 'invalid_utf8']);
  assert.deepEqual(await refusal(url, '{"a":1'), [400, 'invalid_json']);
  assert.deepEqual(await refusal(url, ''), [400, 'invalid_json']);
  assert.deepEqual(await refusal(url, '{}', { 'content-type': 'text/plain' }), [
    415,
    'unsupported_content_type',
  ]);
  assert.deepEqual(await refusal(url, '{}', { 'content-encoding': 'gzip' }), [415, 'unsupported_encoding']);
});

abuse('path traversal and damaged requests', async ({ port }) => {
  const paths = [
    '/../../etc/passwd',
    '/v1/../../../etc/passwd',
    '/%2e%2e/%2e%2e/etc/passwd',
    '/..%2f..%2fetc/passwd',
  ];
  for (const path of [...paths, '/v1/models/..%2f..%2fx', '/%00', '/%', `/${'a'.repeat(8000)}`]) {
    const answer = await sendRaw(port, [
      `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    ]);
    assert.match(answer, /^HTTP\/1\.1 404 .*"error"/s, path);
    assert.doesNotMatch(answer, /root:/, path);
  }
  const damaged = {
    'GET /health HTTP/1.1\r\n\r\n': 400,
    'GET \\evil HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n': 400,
    'GET /health HTTP/9.9\r\nHost: localhost\r\n\r\n': 400,
    '\x16\x03\x01\x02\x00\x01\x00\x01': 400,
    [`GET /health HTTP/1.1\r\nHost: localhost\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`]: 431,
    [`${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`]: 400,
    [`${HEAD}Content-Length: -1\r\n\r\n`]: 400,
  };
  for (const [request, status] of Object.entries(damaged)) {
    const answer = await sendRaw(port, [request]);
    assert.match(
      answer,
      new RegExp(`^HTTP/1\\.1 ${status} `),
      `${JSON.stringify(request.slice(0, 80))}: ${answer}`,
    );
  }
});

abuse('clients that are killed in the middle of streams', async ({ port, url }) => {
  const body = JSON.stringify({ prompt: 'Once upon a time', max_tokens: 100, stream: true });
  const request = `POST /test/generate HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  await Promise.all(
    Array.from({ length: 16 }, (_, i) =>
      sendRaw(port, [request], (text) => text.split('data: ').length > i % 4),
    ),
  );
  await until(async () => {
    const stats = JSON.parse(await (await fetch(`${url}/stats`)).text());
    return stats.models[0].scheduler.running + stats.models[0].scheduler.waiting === 0;
  });
});

abuse('a client that does not read is given up', async ({ port, log }) => {
  const socket = connect(port, '127.0.0.1').pause();
  const body = JSON.stringify({ size: 60_000_000 });
  socket.on('error', () => {});
  // An answer larger than all buffers between: it can only be written as fast as it is read.
  socket.write(`POST /test/flood HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`);
  socket.write(`Content-Length: ${body.length}\r\n\r\n${body}`);
  await until(() => log.some(({ event, path }) => event === 'request' && path === '/test/flood'));
  const entry = log.find(({ path }) => path === '/test/flood');
  assert.equal(entry?.status, 408);
  assert.match(String(entry?.error), /was not read/);
  socket.destroy();
});

abuse('more connections than allowed', async ({ port, url }) => {
  const sockets = Array.from({ length: 100 }, () => connect(port, '127.0.0.1').on('error', () => {}));
  await until(() => sockets.filter(({ closed }) => closed).length >= 100 - LISTEN.maxConnections);
  for (const socket of sockets) socket.destroy();
  await until(() =>
    fetch(`${url}/health`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
});

abuse(
  'an answer that takes too long ends with a sentence',
  async ({ url }) => {
    const streamed = await post(`${url}/test/slow`, { stream: true });
    assert.match(await streamed.text(), /request_timeout/);
    const whole = await post(`${url}/test/slow`, { stream: false });
    assert.equal(whole.status, 504);
    assert.equal(JSON.parse(await whole.text()).error.code, 'request_timeout');
  },
  { requestSeconds: 0.3 },
);
