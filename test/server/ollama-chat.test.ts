/** `/api/chat` and `/api/generate` as Ollama's own package sees them, over HTTP and with tiny random models. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ChatResponse, type GenerateResponse, Ollama } from 'ollama';
import { addOllamaRoutes } from '#src/server/dialects/ollama/routes.js';
import { startTinyServer, TINY_CONTEXT, type TinyServer } from './tiny-chat-server.js';

let server: TinyServer;
let client: Ollama;

before(async () => {
  server = await startTinyServer(addOllamaRoutes);
  client = new Ollama({ host: server.url });
});
after(() => server.close());

const MESSAGES = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'hello' },
];
const PROMPT = 'system: Be brief.<|eot_id|>user: hello<|eot_id|>';
const SEEDED = { seed: 7, num_predict: 20, temperature: 1, top_k: 0, stop: ['never said'] };

function promptTokens(text: string): number[] {
  return server.models.get('tiny')!.tokenize(text, { addBos: true, parseSpecial: true });
}

async function untilReleased(): Promise<void> {
  while (server.held() > 0) await new Promise((resolve) => setTimeout(resolve, 5));
}

function assertCounts(answer: ChatResponse | GenerateResponse, prompt: number, generated: number): void {
  assert.equal(answer.prompt_eval_count, prompt);
  assert.equal(answer.eval_count, generated);
  for (const key of ['total_duration', 'load_duration', 'prompt_eval_duration', 'eval_duration'] as const) {
    assert.ok(Number.isSafeInteger(answer[key]) && answer[key] >= 0, `${key} is ${answer[key]}`);
  }
}

test('an answer has the shape, the counts and the text that a seed gives', async () => {
  const answer = await client.chat({ model: 'tiny', messages: MESSAGES, options: SEEDED });
  assert.equal(answer.model, 'tiny');
  assert.equal(answer.done, true);
  assert.equal(answer.message.role, 'assistant');
  assert.equal(answer.done_reason, 'length');
  assert.ok(!Number.isNaN(Date.parse(String(answer.created_at))));
  assertCounts(answer, promptTokens(PROMPT).length, 20);
  const again = await client.chat({ model: 'tiny:latest', messages: MESSAGES, options: SEEDED });
  assert.equal(again.message.content, answer.message.content);
  assert.equal(again.model, 'tiny:latest');
  const other = await client.chat({ model: 'tiny', messages: MESSAGES, options: { ...SEEDED, seed: 8 } });
  assert.notEqual(other.message.content, answer.message.content);
  assert.equal(server.held(), 0);
});

test('a stream is the same answer in parts', async () => {
  const request = { model: 'tiny', messages: MESSAGES, options: SEEDED };
  const parts: ChatResponse[] = [];
  for await (const part of await client.chat({ ...request, stream: true })) parts.push(part);
  const whole = await client.chat(request);
  assert.ok(parts.length > 2);
  assert.deepEqual(new Set(parts.slice(0, -1).map(({ done }) => done)), new Set([false]));
  assert.equal(parts.map(({ message }) => message.content).join(''), whole.message.content);
  const last = parts.at(-1)!;
  assert.equal(last.done_reason, whole.done_reason);
  assertCounts(last, whole.prompt_eval_count, whole.eval_count);
});

test('answers are streamed unless the request says otherwise, as lines of JSON', async () => {
  const response = await fetch(`${server.url}/api/generate`, {
    method: 'POST',
    // As curl has it where nobody says what the body is.
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: JSON.stringify({ model: 'tiny', prompt: 'hello', options: { num_predict: 3, temperature: 0 } }),
  });
  assert.equal(response.headers.get('content-type'), 'application/x-ndjson');
  const lines = (await response.text()).trimEnd().split('\n');
  assert.equal((JSON.parse(lines.at(-1)!) as GenerateResponse).done, true);
});

test('a prompt becomes a message of the user, and its context goes on', async () => {
  const options = { temperature: 0, num_predict: 5 };
  const first = await client.generate({ model: 'tiny', prompt: 'hello', system: 'Be brief.', options });
  const prompt = promptTokens(PROMPT);
  assertCounts(first, prompt.length, 5);
  assert.deepEqual(first.context.slice(0, -5), prompt);
  const second = await client.generate({ model: 'tiny', prompt: 'more', context: first.context, options });
  const more = promptTokens('user: more<|eot_id|>').slice(1);
  assert.deepEqual(second.context.slice(0, -5), [...first.context, ...more]);
  const chat = await client.chat({ model: 'tiny', messages: MESSAGES, options });
  assert.equal(chat.message.content, first.response);
});

test('a raw prompt and a base model’s prompt are continued as they are', async () => {
  const options = { temperature: 0, num_predict: 6 };
  const raw = await client.generate({ model: 'tiny', prompt: PROMPT, raw: true, options });
  const chat = await client.chat({ model: 'tiny', messages: MESSAGES, options });
  assert.equal(raw.response, chat.message.content);
  assert.equal(raw.context, undefined);
  const base = await client.generate({ model: 'tiny-base', prompt: 'hello', options });
  assert.equal(base.prompt_eval_count, promptTokens('hello').length);
  const system = client.generate({ model: 'tiny-base', prompt: 'hello', system: 'Be brief.', options });
  await assert.rejects(system, { status_code: 400, message: /no chat template/ });
});

test('options stop an answer where they say', async () => {
  const request = { model: 'tiny', messages: MESSAGES };
  const whole = await client.chat({ ...request, options: { temperature: 0, num_predict: 30 } });
  const text = whole.message.content;
  const stop = text.slice(-2);
  const stopped = await client.chat({ ...request, options: { temperature: 0, stop: [stop] } });
  assert.equal(stopped.done_reason, 'stop');
  assert.equal(stopped.message.content, text.slice(0, text.indexOf(stop)));
  const prompt = promptTokens(PROMPT).length;
  const bounded = await client.chat({ ...request, options: { temperature: 0, num_ctx: prompt + 9 } });
  assertCounts(bounded, prompt, 10);
  assert.equal(bounded.done_reason, 'length');
  const small = client.chat({ ...request, options: { num_ctx: prompt - 1 } });
  await assert.rejects(small, { status_code: 400, message: new RegExp(`${prompt} tokens.*${prompt - 1}`) });
  const large = client.chat({ ...request, options: { num_ctx: TINY_CONTEXT + 1 } });
  await assert.rejects(large, {
    status_code: 400,
    message: new RegExp(`^options\\.num_ctx is .*${TINY_CONTEXT}`),
  });
});

test('log-probabilities come with every token', async () => {
  const options = { temperature: 0, num_predict: 4 };
  const request = { model: 'tiny', prompt: 'hello', logprobs: true, top_logprobs: 2, options };
  const { logprobs } = await client.generate(request);
  assert.equal(logprobs!.length, 4);
  for (const { logprob, top_logprobs: top } of logprobs!) {
    assert.equal(top!.length, 2);
    assert.equal(top![0]!.logprob, logprob);
    assert.ok(top![1]!.logprob <= logprob && logprob <= 0);
  }
  const parts = [];
  for await (const part of await client.generate({ ...request, stream: true }))
    parts.push(...(part.logprobs ?? []));
  assert.deepEqual(parts, logprobs);
});

test('without anything to answer a model is loaded, or unloaded', async () => {
  const loaded = await client.generate({ model: 'tiny-base', prompt: '', keep_alive: '1h30m' });
  assert.equal(loaded.done_reason, 'load');
  assert.equal(server.loaded.get('tiny-base:latest'), 5400);
  const forever = await client.chat({ model: 'tiny-base', messages: [], keep_alive: -1 });
  assert.equal(forever.done_reason, 'load');
  assert.equal(server.loaded.get('tiny-base:latest'), -1);
  const unloaded = await client.chat({ model: 'tiny-base', keep_alive: 0 });
  assert.equal(unloaded.done_reason, 'unload');
  assert.equal(server.loaded.has('tiny-base:latest'), false);
  assert.equal(server.held(), 0);
});

test('a client that goes in the middle of a stream lets go of the model', async () => {
  const stream = await client.generate({ model: 'tiny', prompt: 'hello', stream: true });
  await assert.rejects(
    async () => {
      for await (const part of stream) if (part.response !== '') stream.abort();
    },
    { name: 'AbortError' },
  );
  await untilReleased();
  assert.ok((await client.generate({ model: 'tiny', prompt: 'hello', options: { num_predict: 1 } })).done);
});

test('what is not supported is refused by its name', async () => {
  const faults: readonly [path: string, params: object, status: number, message: RegExp][] = [
    ['chat', { model: 'other' }, 404, /model 'other' not found/],
    [
      'chat',
      { messages: [{ role: 'user', content: 'x', images: ['aGk='] }] },
      400,
      /^messages\[0\]\.images must be empty/,
    ],
    [
      'chat',
      { messages: [{ role: 'robot', content: 'x' }] },
      400,
      /^messages\[0\]\.role is "robot", .*"assistant"/,
    ],
    ['chat', { messages: [{ role: 'tool', content: 'x' }] }, 400, /^messages\[0\] .*call/],
    ['chat', { think: true }, 400, /^think must be false/],
    ['chat', { something: 1 }, 400, /^something is not a parameter/],
    ['chat', { options: { mirostat: 2 } }, 400, /^options\.mirostat must be 0/],
    ['chat', { options: { whatever: 2 } }, 400, /^options\.whatever is not a parameter/],
    ['chat', { options: { temperature: -1 } }, 400, /^options\.temperature is -1, .*at least 0/],
    ['chat', { keep_alive: 'soon' }, 400, /^keep_alive is no duration.*"5m"/],
    [
      'chat',
      { messages: [{ role: 'user', content: 'x'.repeat(TINY_CONTEXT) }] },
      400,
      new RegExp(`context of ${TINY_CONTEXT}`),
    ],
    ['generate', { prompt: 'x', suffix: 'y' }, 400, /^suffix must be empty/],
    ['generate', { prompt: 'x', template: '{{ .Prompt }}' }, 400, /^template must be empty/],
    ['generate', { prompt: 'x', format: 'xml' }, 400, /^format is "xml", .*json/],
    ['generate', { prompt: 'x', context: [1e6] }, 400, /^context\[0\] is 1000000/],
    ['generate', { prompt: 'x', raw: true, system: 'y' }, 400, /^system .*raw/],
    ['generate', { prompt: 'x', top_logprobs: 2 }, 400, /^top_logprobs needs/],
    ['pull', { model: 'llama3' }, 501, /not supported/],
  ];
  for (const [path, params, status, message] of faults) {
    const response = await fetch(`${server.url}/api/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'tiny', messages: path === 'chat' ? MESSAGES : undefined, ...params }),
    });
    const { error } = (await response.json()) as { error: string };
    assert.equal(response.status, status, error);
    assert.match(error, message);
  }
  assert.equal(server.held(), 0);
});
