/**
 * The chat page's transport to a server, against a server that says what a test has it say: chunks that end anywhere, errors
 * before and within a stream, connections that break off, and what is sent. It is plain fetch, so it runs in Node.js here.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'vite';

// This file runs as build/test/web/server-transport.test.js.
const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'bitnet-server-transport-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Delta {
  readonly count: number;
  readonly text: string;
  readonly tokens: readonly { text: string; logprob: number; alternatives: unknown[] }[];
}

interface Transport {
  models(signal: AbortSignal): Promise<unknown>;
  load(id: string, onProgress: (progress: unknown) => void, signal: AbortSignal): Promise<unknown>;
  reply(request: unknown, signal: AbortSignal): AsyncGenerator<Delta, Record<string, unknown>, undefined>;
}

async function bundled(): Promise<new (base: URL, key: () => string | undefined) => Transport> {
  const result = await build({
    root: join(root, 'web'),
    configFile: false,
    publicDir: false,
    logLevel: 'silent',
    build: {
      write: false,
      target: 'es2022',
      lib: { entry: join(root, 'web', 'chat', 'transport', 'server-transport.ts'), formats: ['es'] },
    },
  });
  const [first] = Array.isArray(result) ? result : [result];
  assert.ok(first !== undefined && 'output' in first);
  const file = join(folder, 'server-transport.mjs');
  writeFileSync(file, first.output[0].code);
  return ((await import(pathToFileURL(file).href)) as { ServerTransport: never }).ServerTransport;
}

/** What the server does with the next requests. */
let script: (request: IncomingMessage, body: string, response: ServerResponse) => void | Promise<void> =
  () => {};
const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => void script(request, Buffer.concat(parts).toString(), response));
});
await new Promise<void>((resolve) => {
  server.listen(0, '127.0.0.1', resolve);
});
after(() => {
  server.close();
  server.closeAllConnections();
});
const base = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/under/a/path/`);
const ServerTransport = await bundled();
let key: string | undefined;
const transport = new ServerTransport(base, () => key);

const REQUEST = {
  modelId: 'm',
  messages: [{ role: 'user', content: 'Hello.', id: 'of the page alone' }],
  sampling: {
    temperature: 0.7,
    topP: 0.9,
    topK: 20,
    minP: 0.1,
    repetitionPenalty: 1.1,
    seed: 3,
    maxTokens: 9,
  },
  hasDetails: true,
};

async function replied(signal: AbortSignal = new AbortController().signal, request = REQUEST) {
  const deltas: Delta[] = [];
  const reply = transport.reply(request, signal);
  for (;;) {
    const next = await reply.next();
    const text = () => deltas.map((delta) => delta.text).join('');
    if (next.done) return { deltas, text: text(), end: next.value };
    deltas.push(next.value);
  }
}

const event = (data: unknown) => `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
const chunk = (content: string | undefined, rest: object = {}) =>
  event({
    choices: [{ index: 0, delta: content === undefined ? {} : { content }, finish_reason: null, ...rest }],
  });
const END =
  chunk(undefined, { finish_reason: 'length' }) +
  event({
    choices: [],
    usage: { prompt_tokens: 12, completion_tokens: 3, prompt_tokens_details: { cached_tokens: 8 } },
  }) +
  event('[DONE]');
const STREAM = chunk('') + chunk('Grüße, ') + chunk('東京 ') + chunk('🙂.') + END;

/** Sends bytes in pieces of so many, one after the other. */
async function send(response: ServerResponse, text: string, pieceBytes: number): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const bytes = Buffer.from(text);
  for (let start = 0; start < bytes.length; start += pieceBytes) {
    response.write(bytes.subarray(start, start + pieceBytes));
    // So that each piece is a chunk of its own on the other side.
    await new Promise((resolve) => setImmediate(resolve));
  }
  response.end();
}

test('everything that shapes a reply is sent, the key too, and nothing of the page’s own', async () => {
  key = 'secret';
  let seen: unknown;
  script = (request, body, response) => {
    const { authorization } = request.headers;
    seen = { method: request.method, url: request.url, authorization, body: JSON.parse(body) };
    return send(response, STREAM, 1e6);
  };
  await replied();
  key = undefined;
  assert.deepEqual(seen, {
    method: 'POST',
    url: '/under/a/path/v1/chat/completions',
    authorization: 'Bearer secret',
    body: {
      model: 'm',
      messages: [{ role: 'user', content: 'Hello.' }],
      temperature: 0.7,
      top_p: 0.9,
      top_k: 20,
      min_p: 0.1,
      repetition_penalty: 1.1,
      seed: 3,
      max_completion_tokens: 9,
      logprobs: true,
      top_logprobs: 5,
      stream: true,
      stream_options: { include_usage: true },
    },
  });
});

test('chunks may end anywhere: within a character, a line, or between CR and LF', async () => {
  const crlf = STREAM.replaceAll('\n', '\r\n');
  const cr = STREAM.replaceAll('\n', '\r');
  const noisy = `: welcome\n\nevent: message\nid: 1\n${STREAM.replaceAll('data: ', 'data:')}`;
  for (const text of [STREAM, crlf, cr, noisy]) {
    for (const pieceBytes of [1, 2, 3, 7, 64, 1e6]) {
      script = (_request, _body, response) => send(response, text, pieceBytes);
      const { text: said, end } = await replied();
      assert.equal(said, 'Grüße, 東京 🙂.');
      const { finishReason, promptTokens, cachedTokens, generatedTokens } = end;
      assert.deepEqual([finishReason, promptTokens, cachedTokens, generatedTokens], ['length', 12, 8, 3]);
    }
  }
});

test('an event in several data lines is one', async () => {
  const broken = JSON.stringify({ choices: [{ delta: { content: 'whole' } }] }, undefined, 1);
  const lines = broken.split('\n').map((line) => `data: ${line}\n`);
  script = (_request, _body, response) => send(response, `${lines.join('')}\n${END}`, 5);
  assert.equal((await replied()).text, 'whole');
});

test('tokens come with their probabilities and what else was likely', async () => {
  const scored = (token: string, logprob: number) => ({ token, logprob, bytes: null });
  const logprobs = {
    content: [{ ...scored(' Oslo', -0.1), top_logprobs: [scored(' Oslo', -0.1), scored(' Bergen', -2.4)] }],
  };
  script = (_request, _body, response) => send(response, chunk(' Oslo', { logprobs }) + END, 11);
  const { deltas } = await replied();
  assert.deepEqual(
    deltas.flatMap(({ tokens }) => tokens),
    [
      {
        text: ' Oslo',
        logprob: -0.1,
        alternatives: [
          { text: ' Oslo', logprob: -0.1 },
          { text: ' Bergen', logprob: -2.4 },
        ],
      },
    ],
  );
});

test('errors say what is wrong in one sentence, and of what kind it is', async () => {
  const refuse = (status: number, error: object | string) => {
    script = (_request, _body, response) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(typeof error === 'string' ? error : JSON.stringify({ error }));
    };
  };
  refuse(401, { message: 'this server wants an API key', code: 'invalid_api_key' });
  await assert.rejects(replied(), { reason: 'unauthorised', message: 'This server wants an API key.' });
  refuse(400, { message: '900 tokens do not fit', code: 'context_length_exceeded' });
  await assert.rejects(replied(), { reason: 'context-full', message: /longer than the model’s context/ });
  refuse(400, { message: 'a base model', code: 'chat/no-template' });
  await assert.rejects(replied(), { reason: 'refused', message: /only continues texts/ });
  refuse(503, { message: 'too many requests wait', code: 'overloaded' });
  await assert.rejects(replied(), { reason: 'refused', message: 'Too many requests wait.' });
  refuse(502, '<html>Bad gateway</html>');
  await assert.rejects(replied(), { reason: 'unreachable', message: 'The server answered 502.' });
  refuse(200, '<html>what is this</html>');
  await assert.rejects(transport.models(new AbortController().signal), { reason: 'refused' });
});

test('an error within a stream ends it with what it says; what came before was given', async () => {
  const fault = event({ error: { message: 'the server was shut down', code: 'shutting_down' } });
  script = (_request, _body, response) => send(response, chunk('So far') + fault, 9);
  const texts: string[] = [];
  const reply = transport.reply(REQUEST, new AbortController().signal);
  await assert.rejects(
    async () => {
      for await (const { text } of reply) texts.push(text);
    },
    { name: 'TransportError', reason: 'refused', message: 'The server was shut down.' },
  );
  assert.equal(texts.join(''), 'So far');
});

test('a connection that ends before the reply does is told, cleanly closed or not', async () => {
  script = (_request, _body, response) => send(response, chunk('So far'), 1e6);
  await assert.rejects(replied(), { reason: 'unreachable', message: /ended before the reply did/ });
  script = (_request, _body, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(chunk('So far'), () => response.destroy());
  };
  await assert.rejects(replied(), { reason: 'unreachable' });
  const nowhere = new ServerTransport(new URL('http://127.0.0.1:9/'), () => undefined);
  await assert.rejects(nowhere.models(new AbortController().signal), { reason: 'unreachable' });
});

test('aborting and leaving close the connection', async () => {
  let closed: Promise<unknown> = Promise.resolve();
  script = (_request, _body, response) => {
    closed = new Promise((resolve) => response.on('close', resolve));
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(chunk('On and on'));
  };
  const controller = new AbortController();
  const reply = transport.reply(REQUEST, controller.signal);
  assert.equal((await reply.next()).value?.text, 'On and on');
  const next = reply.next();
  controller.abort(new Error('the user'));
  await assert.rejects(next, /the user/);
  await closed;
  for await (const { text } of transport.reply(REQUEST, new AbortController().signal)) {
    assert.equal(text, 'On and on');
    break;
  }
  await closed;
  await assert.rejects(replied(AbortSignal.abort(new Error('too late'))), /too late/);
});

test('without details none are asked for, and tokens are counted by their texts', async () => {
  let body: object | undefined;
  script = (_request, sent, response) => {
    body = JSON.parse(sent);
    return send(response, `${chunk('One')}${chunk('')}${chunk(' two')}${END}`, 1e6);
  };
  const { deltas, text } = await replied(undefined, { ...REQUEST, hasDetails: false });
  assert.equal(text, 'One two');
  assert.equal(
    deltas.reduce((sum, { count }) => sum + count, 0),
    2,
  );
  assert.ok(body !== undefined && !('logprobs' in body) && !('top_logprobs' in body));
});

test('models are told with what is known of them, and loading asks for no token', async () => {
  let isLoaded = false;
  const asked: string[] = [];
  script = (request, body, response) => {
    const path = request.url!.replace('/under/a/path/', '');
    asked.push(path);
    response.writeHead(200, { 'content-type': 'application/json' });
    if (path === 'v1/models')
      response.end(JSON.stringify({ object: 'list', data: [{ id: 'a' }, { id: 'b' }] }));
    else if (path === 'stats') {
      const b = isLoaded
        ? {
            id: 'b',
            loaded: true,
            backend: 'native-avx2',
            threads: 2,
            contextLength: 256,
            head: { form: 'fast' },
          }
        : { id: 'b', loaded: false };
      response.end(JSON.stringify({ memory: { rss: 5 }, models: [{ id: 'a', loaded: false }, b] }));
    } else {
      assert.deepEqual(JSON.parse(body), { model: 'b', prompt: 'Hello', max_tokens: 0 });
      isLoaded = true;
      response.end('{}');
    }
  };
  const { signal } = new AbortController();
  assert.deepEqual(await transport.load('b', () => {}, signal), {
    backend: 'native-avx2',
    threads: 2,
    areDetailsSlow: true,
  });
  assert.deepEqual(await transport.load('b', () => {}, signal), {
    backend: 'native-avx2',
    threads: 2,
    areDetailsSlow: true,
  });
  assert.equal(asked.filter((path) => path === 'v1/completions').length, 1);
  const common = { fileBytes: undefined, isRemovable: false };
  assert.deepEqual(await transport.models(signal), [
    { ...common, id: 'a', title: 'a', contextLength: undefined, isLoaded: false },
    { ...common, id: 'b', title: 'b', contextLength: 256, isLoaded: true },
  ]);
});
