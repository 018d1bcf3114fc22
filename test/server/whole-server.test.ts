/** Anthropic's and Ollama's clients in front of the whole server: its keys, its log, its models and its limits. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { Ollama } from 'ollama';
import { type Listening, listen } from '#src/server/listen.js';
import { createServer, type LogEntry } from '#src/server/server.js';
import { writeTinyModels } from './tiny-chat-server.js';

const log: LogEntry[] = [];
let listening: Listening;
let url: string;
let removeModels: () => Promise<void>;

before(async () => {
  const { paths, remove } = await writeTinyModels();
  removeModels = remove;
  const server = createServer({
    models: [...paths].map(([id, source]) => ({ id, source })),
    load: { threads: 0 },
    apiKeys: ['secret'],
    log: (entry) => log.push(entry),
    limits: { bodyBytes: 100_000 },
  });
  listening = await listen(server, { port: 0 });
  url = listening.urls[0]!.replace(/\/$/, '');
  await server.ready;
});
after(async () => {
  await listening.close();
  await removeModels();
});

const QUESTION = {
  model: 'tiny',
  max_tokens: 4,
  messages: [{ role: 'user', content: 'hello' }],
} satisfies Anthropic.MessageCreateParamsNonStreaming;

test('a key opens both dialects, and without one each is told in its own words', async () => {
  const anthropic = new Anthropic({ baseURL: url, apiKey: 'secret', maxRetries: 0 });
  assert.equal((await anthropic.messages.create(QUESTION)).usage.output_tokens > 0, true);
  const locked = new Anthropic({ baseURL: url, apiKey: 'wrong', maxRetries: 0 });
  await assert.rejects(locked.messages.create(QUESTION), (error) => {
    assert.ok(error instanceof Anthropic.AuthenticationError);
    assert.equal(error.type, 'authentication_error');
    assert.ok(error.requestID);
    return true;
  });
  const ollama = new Ollama({ host: url, headers: { authorization: 'Bearer secret' } });
  assert.equal((await ollama.list()).models.length, 2);
  await assert.rejects(new Ollama({ host: url }).list(), { status_code: 401 });
});

test('the number of a request is that of its line in the log', async () => {
  const anthropic = new Anthropic({ baseURL: url, apiKey: 'secret', maxRetries: 0 });
  const { request_id } = await anthropic.messages.create(QUESTION).withResponse();
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.ok(log.some((entry) => JSON.stringify(entry).includes(request_id!)));
});

test('models are loaded when asked for, kept and let go as the request says', async () => {
  const ollama = new Ollama({ host: url, headers: { authorization: 'Bearer secret' } });
  const loaded = async () => (await ollama.ps()).models.map(({ name }) => name);
  assert.deepEqual(await loaded(), ['tiny']);
  await ollama.generate({ model: 'tiny-base', prompt: 'x', options: { num_predict: 2 }, keep_alive: '5m' });
  assert.deepEqual(await loaded(), ['tiny', 'tiny-base:latest']);
  await ollama.generate({ model: 'tiny-base', prompt: '', keep_alive: 0 });
  while ((await loaded()).length > 1) await new Promise((resolve) => setTimeout(resolve, 5));
});

test('the second time, a conversation’s prompt comes from the prefix cache', async () => {
  const anthropic = new Anthropic({ baseURL: url, apiKey: 'secret', maxRetries: 0 });
  const long = { ...QUESTION, messages: [{ role: 'user', content: 'tell me '.repeat(40) }] } as const;
  const first = await anthropic.messages.create({ ...long, messages: [...long.messages] });
  const second = await anthropic.messages.stream({ ...long, messages: [...long.messages] }).finalMessage();
  const total = (usage: Anthropic.Usage) => usage.input_tokens + usage.cache_read_input_tokens!;
  assert.equal(total(second.usage), total(first.usage));
  assert.ok(second.usage.cache_read_input_tokens! > 100);
});

test('a body that is too large is refused in the shape of each dialect', async () => {
  const content = 'x'.repeat(200_000);
  const anthropic = new Anthropic({ baseURL: url, apiKey: 'secret', maxRetries: 0 });
  await assert.rejects(
    anthropic.messages.create({ ...QUESTION, messages: [{ role: 'user', content }] }),
    (error) => {
      assert.ok(error instanceof Anthropic.APIError);
      assert.equal(error.status, 413);
      assert.equal(error.type, 'request_too_large');
      return true;
    },
  );
  const ollama = new Ollama({ host: url, headers: { authorization: 'Bearer secret' } });
  await assert.rejects(ollama.generate({ model: 'tiny', prompt: content }), { status_code: 413 });
});

test('Ollama’s paths take JSON of any type, but not from pages of foreign origins', async () => {
  const send = async (path: string, headers: Record<string, string>) => {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { authorization: 'Bearer secret', ...headers },
      body: JSON.stringify({ model: 'tiny', prompt: 'x', stream: false, options: { num_predict: 1 } }),
    });
    return [response.status, ((await response.json()) as { error?: string }).error === undefined];
  };
  const text = { 'content-type': 'text/plain' };
  assert.deepEqual(await send('/api/generate', {}), [200, true]);
  assert.deepEqual(await send('/api/generate', { 'content-type': 'application/octet-stream' }), [200, true]);
  assert.deepEqual(await send('/api/generate', { ...text, origin: 'http://localhost:3000' }), [200, true]);
  assert.deepEqual(await send('/api/generate', { ...text, origin: 'https://example.org' }), [403, false]);
  assert.deepEqual(await send('/api/generate', { ...text, origin: 'null' }), [403, false]);
  assert.deepEqual(await send('/v1/completions', text), [415, false]);
});
