/**
 * Every numeric parameter of every API with numbers that mean nothing, schemas that explode, and conversations that are no
 * conversations: each is answered at once, by a sentence that blames the request, and the server goes on.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { loadModel, type Model } from '#src/index.js';
import { type Listening, listen } from '#src/server/listen.js';
import { createServer } from '#src/server/server.js';
import { post } from './test-server.js';
import { tinyChatGguf } from './tiny-chat-server.js';

const CHAT = { model: 'model', messages: [{ role: 'user', content: 'hello' }] };
/** A request of each kind, with its numeric parameters. */
const REQUESTS: readonly (readonly [path: string, body: object, parameters: readonly string[]])[] = [
  [
    '/v1/chat/completions',
    { ...CHAT, max_completion_tokens: 2 },
    [
      'temperature',
      'top_p',
      'top_k',
      'min_p',
      'presence_penalty',
      'frequency_penalty',
      'seed',
      'n',
      'max_tokens',
      'max_completion_tokens',
      'top_logprobs',
      'logit_bias.5',
    ],
  ],
  [
    '/v1/completions',
    { model: 'model', prompt: 'hello', max_tokens: 2 },
    ['temperature', 'top_p', 'seed', 'n', 'best_of', 'max_tokens', 'logprobs', 'presence_penalty', 'prompt'],
  ],
  [
    '/v1/responses',
    { model: 'model', input: 'hello', max_output_tokens: 16 },
    ['temperature', 'top_p', 'max_output_tokens'],
  ],
  ['/v1/embeddings', { model: 'model', input: 'hello' }, ['dimensions', 'input']],
  [
    '/v1/messages',
    { ...CHAT, max_tokens: 2 },
    ['temperature', 'top_p', 'top_k', 'max_tokens', 'thinking.budget_tokens'],
  ],
  [
    '/api/chat',
    { ...CHAT, stream: false, options: { num_predict: 2 } },
    [
      'options.temperature',
      'options.top_p',
      'options.top_k',
      'options.min_p',
      'options.seed',
      'options.num_predict',
      'options.num_ctx',
      'options.repeat_penalty',
      'options.repeat_last_n',
      'keep_alive',
    ],
  ],
  [
    '/api/generate',
    { model: 'model', prompt: 'hi', stream: false, options: { num_predict: 2 } },
    ['options.num_keep'],
  ],
  ['/api/embed', { model: 'model', input: 'hello' }, ['dimensions']],
];

/** As JSON texts, since some of them are no numbers once parsed. */
const NUMBERS = [
  '-1',
  '-1e308',
  '1e308',
  '1e999',
  '-1e999',
  '9007199254740993',
  '4294967296',
  '0.5',
  '"1"',
  '[]',
  '{}',
  'true',
];

let model: Model;
let listening: Listening;
let url = '';

before(async () => {
  model = await loadModel(await tinyChatGguf(), { threads: 0 });
  const server = createServer({ models: [{ id: 'model', source: model }] });
  listening = await listen(server, { port: 0 });
  url = listening.urls[0]!;
});

after(async () => {
  await listening.close();
  await model.dispose();
});

/** The body's text with a parameter set to a text. */
function withParameter(body: object, path: string, text: string): string {
  const copy = structuredClone(body) as Record<string, unknown>;
  const keys = path.split('.');
  const last = keys.pop()!;
  let at = copy;
  for (const key of keys) {
    at[key] ??= {};
    at = at[key] as Record<string, unknown>;
  }
  at[last] = '<here>';
  return JSON.stringify(copy).replace('"<here>"', text);
}

/** Sends a body; what comes back has to be an answer or the request's own fault. */
async function send(path: string, body: string, what: string): Promise<number> {
  const response = await post(url + path, body, { signal: AbortSignal.timeout(20_000) });
  const text = await response.text();
  assert.ok(response.status === 200 || (response.status >= 400 && response.status < 500), `${what}: ${text}`);
  if (response.status !== 200) {
    const { error } = JSON.parse(text);
    const message = typeof error === 'string' ? error : error.message;
    assert.ok(
      typeof message === 'string' && message.length > 10 && message.length < 2000,
      `${what}: ${text}`,
    );
  }
  return response.status;
}

async function goesOn(): Promise<void> {
  const stats = JSON.parse(await (await fetch(`${url}/stats`)).text());
  const { running, waiting, kvCacheInUse } = stats.models[0].scheduler;
  assert.deepEqual({ running, waiting, kvCacheInUse }, { running: 0, waiting: 0, kvCacheInUse: 0 });
  assert.equal((await fetch(`${url}/ready`)).status, 200);
}

for (const [path, body, parameters] of REQUESTS) {
  test(`numbers that mean nothing: ${path}`, async () => {
    for (const parameter of parameters) {
      const statuses = new Map<string, number>();
      for (const number of NUMBERS) {
        const what = `${path} ${parameter} ${number}`;
        statuses.set(number, await send(path, withParameter(body, parameter, number), what));
      }
      for (const nothing of ['1e999', '[]', '{}']) {
        assert.ok(statuses.get(nothing)! >= 400, `${path} takes ${nothing} for ${parameter}`);
      }
    }
    await goesOn();
  });
}

test('schemas that explode', async () => {
  const nested = (depth: number): object =>
    depth === 0
      ? { type: 'string' }
      : { type: 'object', properties: { a: nested(depth - 1) }, required: ['a'] };
  const doubled: Record<string, object> = { d0: { type: 'string' } };
  for (let i = 1; i < 30; i++) {
    const $ref = `#/$defs/d${i - 1}`;
    doubled[`d${i}`] = { type: 'object', properties: { a: { $ref }, b: { $ref } }, required: ['a', 'b'] };
  }
  const schemas: Record<string, object> = {
    deep: nested(40),
    'doubles thirty times': { $defs: doubled, $ref: '#/$defs/d29' },
    'refers to itself': { $defs: { a: { $ref: '#/$defs/a' } }, $ref: '#/$defs/a' },
    'many choices': { enum: Array.from({ length: 20_000 }, (_, i) => `choice ${i}`) },
    'long texts': { type: 'string', minLength: 1_000_000_000 },
    'long lists': { type: 'array', items: { type: 'integer' }, minItems: 1_000_000_000 },
    'many properties': {
      type: 'object',
      properties: Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`p${i}`, { type: 'string' }])),
    },
    'nested repetitions': { type: 'string', pattern: '^((a{1,1000}){1,1000}){1,1000}$' },
    'a pattern that backtracks': { type: 'string', pattern: '^(a+)+b$' },
    'combinations of combinations': {
      allOf: Array.from({ length: 12 }, () => ({ anyOf: [{ type: 'string' }, { type: 'number' }] })),
    },
    'no schema': { type: 'nothing' },
  };
  for (const [name, schema] of Object.entries(schemas)) {
    const format = { type: 'json_schema', json_schema: { name: 'x', strict: true, schema } };
    const body = { ...CHAT, max_completion_tokens: 2, response_format: format };
    await send('/v1/chat/completions', JSON.stringify(body), name);
  }
  await goesOn();
});

test('texts that are no conversation, and prompts that are too long', async () => {
  const bodies: readonly (readonly [path: string, body: object])[] = [
    ['/v1/chat/completions', { ...CHAT, messages: [] }],
    ['/v1/chat/completions', { ...CHAT, messages: [{ role: 'tool', content: 'x' }] }],
    ['/v1/chat/completions', { ...CHAT, messages: [{ role: 'user', content: 'hello '.repeat(20_000) }] }],
    ['/v1/completions', { model: 'model', prompt: [-1, 2 ** 31] }],
    ['/v1/completions', { model: 'model', prompt: [] }],
    ['/v1/completions', { model: '../../etc/passwd', prompt: 'x' }],
    ['/v1/completions', { model: 'model', prompt: 'x', stop: Array.from({ length: 10_000 }, () => 'y') }],
    ['/v1/messages', { ...CHAT, max_tokens: 2, messages: 'hello' }],
    ['/api/chat', { ...CHAT, messages: { __proto__: 1 } }],
  ];
  for (const [path, body] of bodies) {
    const text = JSON.stringify(body);
    assert.ok((await send(path, text, text.slice(0, 100))) >= 400, text.slice(0, 200));
  }
  await goesOn();
});
