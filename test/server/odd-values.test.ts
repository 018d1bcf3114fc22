/** Values that no parameter can have, in every parameter of the Anthropic and Ollama APIs: refused, and nothing breaks. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { addAnthropicRoutes } from '#src/server/dialects/anthropic/routes.js';
import { addOllamaRoutes } from '#src/server/dialects/ollama/routes.js';
import { startTinyServer, type TinyServer } from './tiny-chat-server.js';

let server: TinyServer;

before(async () => {
  server = await startTinyServer((app, context) => {
    addAnthropicRoutes(app, context);
    addOllamaRoutes(app, context);
  });
});
after(() => server.close());

/** As JSON text, since some of them are no JavaScript values. */
const ODD = [
  '-1',
  '-2147483648',
  '1e308',
  '1e999',
  '-0.5',
  '9007199254740993',
  '"x"',
  '[]',
  '{}',
  '[[]]',
  'true',
  '""',
];

const MESSAGES = [{ role: 'user', content: 'x' }];
const ENDPOINTS: readonly { path: string; body: Record<string, unknown>; parameters: readonly string[] }[] = [
  {
    path: '/v1/messages',
    body: { model: 'tiny', max_tokens: 1, messages: MESSAGES },
    parameters: [
      ...['model', 'max_tokens', 'messages', 'system', 'temperature', 'top_p', 'top_k', 'stop_sequences'],
      ...['stream', 'tools', 'tool_choice', 'thinking', 'metadata', 'output_config', 'context_management'],
      ...['cache_control', 'service_tier', 'speed', 'container', 'diagnostics', 'inference_geo', '__proto__'],
    ],
  },
  {
    path: '/v1/messages/count_tokens',
    body: { model: 'tiny', messages: MESSAGES },
    parameters: ['messages', 'system'],
  },
  {
    path: '/api/chat',
    body: { model: 'tiny', stream: false, options: { num_predict: 1 } },
    parameters: [
      'model',
      'messages',
      'tools',
      'format',
      'stream',
      'keep_alive',
      'think',
      'logprobs',
      'options',
    ],
  },
  {
    path: '/api/generate',
    body: { model: 'tiny', prompt: 'x', stream: false, options: { num_predict: 1 } },
    parameters: [
      'prompt',
      'system',
      'raw',
      'context',
      'template',
      'suffix',
      'images',
      'format',
      'top_logprobs',
    ],
  },
  {
    path: '/api/embed',
    body: { model: 'tiny' },
    parameters: ['input', 'truncate', 'dimensions', 'keep_alive'],
  },
  { path: '/api/embeddings', body: { model: 'tiny' }, parameters: ['prompt'] },
  { path: '/api/show', body: {}, parameters: ['model', 'name', 'verbose', 'template'] },
];

const OPTIONS = [
  ...['num_predict', 'num_ctx', 'temperature', 'top_k', 'top_p', 'min_p', 'seed', 'stop', 'repeat_penalty'],
  ...[
    'repeat_last_n',
    'presence_penalty',
    'frequency_penalty',
    'num_keep',
    'num_thread',
    'mirostat',
    '__proto__',
  ],
];

async function post(path: string, body: string): Promise<void> {
  const response = await fetch(server.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  const text = await response.text();
  assert.ok([200, 400, 404].includes(response.status), `${path} ${body}: ${response.status} ${text}`);
  if (response.status !== 200) {
    const { error } = JSON.parse(text) as { error: string | { message: string } };
    assert.ok((typeof error === 'string' ? error : error.message).length > 10, text);
  } else assert.ok(!text.includes('"error"'), `${path} ${body}: ${text}`);
}

/** JSON of an object with one entry more or another value, as text. */
function withEntry(body: Record<string, unknown>, key: string, value: string): string {
  const { [key]: _, ...rest } = body;
  return `${JSON.stringify(rest).slice(0, -1)}${Object.keys(rest).length > 0 ? ',' : ''}"${key}":${value}}`;
}

test('odd values are answered or refused with a sentence', async () => {
  for (const { path, body, parameters } of ENDPOINTS) {
    for (const parameter of parameters)
      for (const odd of ODD) await post(path, withEntry(body, parameter, odd));
  }
  for (const option of OPTIONS) {
    for (const odd of ODD) {
      const options = withEntry(option === 'num_predict' ? {} : { num_predict: 1 }, option, odd);
      await post(
        '/api/generate',
        withEntry({ model: 'tiny', prompt: 'x', stream: false }, 'options', options),
      );
    }
  }
  assert.equal(server.held(), 0);
});

test('bodies that are no objects are refused', async () => {
  for (const path of ['/v1/messages', '/api/chat', '/api/generate', '/api/embed', '/api/show']) {
    for (const body of ['', 'null', '[]', '7', '"x"', '{', '{"model":']) {
      const response = await fetch(server.url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      assert.equal(response.status, 400, `${path} ${body}`);
    }
  }
});
