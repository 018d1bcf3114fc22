/** `bitnet mcp` as a process: what it makes of its stdin, that stdout is the protocol's alone, and how it ends. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { MAIN, QUIET_BACKEND, runNode, type Started, startNode } from '../e2e/run-process.js';

const ENV = { BITNET_MODEL: '', BITNET_BACKEND: QUIET_BACKEND };

function request(id: number, method: string, params: object = {}): string {
  return `${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`;
}

const INITIALIZE = request(1, 'initialize', {
  protocolVersion: '2025-06-18',
  capabilities: {},
  clientInfo: { name: 'test', version: '1.0.0' },
});

/** A running server with its stdin open, and the answers that come from it. */
interface Conversation {
  readonly started: Started;
  send(line: string): void;
  /** The next message of the server, with a result or an error. */
  next(): Promise<{ id?: number; result?: Record<string, unknown>; error?: { code: number } }>;
}

function converse(args: readonly string[] = []): Conversation {
  const started = startNode([MAIN, 'mcp', ...args], { env: ENV, stdin: null, timeout: 60_000 });
  const { stdout, stdin } = started.child;
  const lines: string[] = [];
  let rest = '';
  stdout.on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop()!;
    lines.push(...parts);
  });
  return {
    started,
    send: (line) => stdin.write(line),
    next: async () => {
      while (lines.length === 0) await once(stdout, 'data');
      return JSON.parse(lines.shift()!) as Awaited<ReturnType<Conversation['next']>>;
    },
  };
}

test('the end of stdin ends it, before and after the model is loaded', async () => {
  const atOnce = await runNode([MAIN, 'mcp'], { env: ENV, stdin: '' });
  assert.deepEqual(atOnce, { status: 0, stdout: '', stderr: '' });
  const server = converse();
  server.send(INITIALIZE + request(2, 'tools/call', { name: 'model_information', arguments: {} }));
  assert.equal((await server.next()).id, 1);
  assert.equal((await server.next()).id, 2);
  server.started.child.stdin.end();
  const { status, stderr } = await server.started.ended;
  assert.equal(status, 0);
  assert.equal(stderr, '');
});

test('the end of stdin ends it while it generates, and what was under way is not answered', async () => {
  const server = converse(['--backend', 'reference', '--threads', '0']);
  const generate = {
    name: 'generate',
    arguments: { prompt: 'Once', max_tokens: 250 },
    _meta: { progressToken: 1 },
  };
  server.send(INITIALIZE + request(2, 'tools/call', generate));
  assert.equal((await server.next()).id, 1);
  // A notification on its progress.
  assert.equal((await server.next()).id, undefined);
  server.started.child.stdin.end();
  const { status, stdout, stderr } = await server.started.ended;
  assert.equal(status, 0);
  assert.ok(!stdout.includes('"id":2'), stdout);
  assert.equal(stderr, '');
});

for (const [signal, expected] of [
  ['SIGTERM', 0],
  ['SIGINT', 130],
] as const) {
  test(`${signal} ends it with status ${expected}, though stdin is open`, async () => {
    const server = converse();
    server.send(INITIALIZE);
    await server.next();
    server.started.child.kill(signal);
    const { status } = await server.started.ended;
    assert.equal(status, expected);
  });
}

test('a reader that has gone ends it', async () => {
  const server = converse();
  server.send(INITIALIZE);
  await server.next();
  server.started.child.stdout.destroy();
  server.send(request(2, 'tools/list'));
  assert.equal((await server.started.ended).status, 0);
});

test('lines that are no messages are passed over', async () => {
  const server = converse();
  const garbage = [
    '',
    'hello',
    '{"jsonrpc":"2.0"',
    '[]',
    '{"jsonrpc":"1.0","id":5,"method":"ping"}',
    'null',
    '\0\xff',
  ];
  server.send(`${garbage.join('\n')}\n${INITIALIZE}${garbage.join('\n')}\n`);
  assert.equal((await server.next()).id, 1);
  server.send(request(2, 'no/such/method'));
  const unknown = await server.next();
  assert.equal(unknown.id, 2);
  assert.equal(unknown.error?.code, -32_601);
  server.send(request(3, 'tools/call', { name: 5 }));
  assert.equal((await server.next()).error?.code, -32_602);
  server.send(request(4, 'tools/call', { name: 'tokenize', arguments: { text: 'a' } }));
  assert.equal((await server.next()).id, 4);
  server.started.child.stdin.end();
  const { status, stderr } = await server.started.ended;
  assert.equal(status, 0);
  assert.match(stderr, /^(bitnet: [^\n]*passed over\n)+$/);
});

test('a message without an end is not kept for ever', async () => {
  const server = converse();
  server.send(INITIALIZE);
  await server.next();
  server.started.child.stdin.end('a'.repeat(10_000_001));
  const { status, stderr } = await server.started.ended;
  assert.equal(status, 0);
  assert.match(stderr, /^bitnet: a message has more than 10000000 bytes, which ends the connection/);
});

test('it answers before the model is there, and ends with status 1 when it cannot be', async () => {
  const server = converse(['does-not-exist.gguf']);
  server.send(INITIALIZE + request(2, 'tools/list'));
  assert.equal((await server.next()).id, 1);
  const { result = {} } = await server.next();
  assert.equal((result.tools as unknown[]).length, 6);
  server.send(request(3, 'tools/call', { name: 'tokenize', arguments: { text: 'a' } }));
  assert.equal((await server.next()).result?.isError, true);
  server.started.child.stdin.end();
  const { status, stderr } = await server.started.ended;
  assert.equal(status, 1);
  assert.match(stderr, /^bitnet: does-not-exist\.gguf: there is no such file[^\n]*\n$/);
});

test('a command line that means nothing is refused before anything is answered', async () => {
  for (const args of [
    ['--threads', 'many'],
    ['a', 'b'],
    ['--port', '80'],
  ]) {
    const { status, stdout, stderr } = await runNode([MAIN, 'mcp', ...args], { env: ENV, stdin: INITIALIZE });
    assert.equal(status, 2, args.join(' '));
    assert.equal(stdout, '');
    assert.match(stderr, /^bitnet: [^\n]*\n$/);
  }
});
