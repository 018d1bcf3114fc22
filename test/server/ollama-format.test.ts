/** Formats and tools with Ollama's own package: a random model can only be held to them by the grammar. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Ollama } from 'ollama';
import { addOllamaRoutes } from '#src/server/dialects/ollama/routes.js';
import { startTinyServer, type TinyServer } from './tiny-chat-server.js';

let server: TinyServer;
let client: Ollama;

before(async () => {
  server = await startTinyServer(addOllamaRoutes);
  client = new Ollama({ host: server.url });
});
after(() => server.close());

const MOOD = {
  type: 'object',
  properties: { mood: { enum: ['good', 'bad'] } },
  required: ['mood'],
  additionalProperties: false,
};
const MESSAGES = [{ role: 'user', content: 'hi' }];
const OPTIONS = { seed: 3, temperature: 1, num_predict: 200 };

test('answers are held to a schema, at once and in parts', async () => {
  const request = { model: 'tiny', messages: MESSAGES, format: MOOD, options: OPTIONS };
  const { message, done_reason } = await client.chat(request);
  assert.equal(done_reason, 'stop');
  const { mood } = JSON.parse(message.content) as { mood: string };
  assert.ok(mood === 'good' || mood === 'bad');
  let streamed = '';
  for await (const part of await client.chat({ ...request, stream: true }))
    streamed += part.message.content ?? '';
  assert.equal(streamed, message.content);
  const { response } = await client.generate({
    model: 'tiny-base',
    prompt: 'x',
    format: MOOD,
    options: OPTIONS,
  });
  assert.deepEqual(Object.keys(JSON.parse(response!) as object), ['mood']);
});

test('json is any object', async () => {
  const { response, done_reason } = await client.generate({
    model: 'tiny',
    prompt: 'x',
    format: 'json',
    options: { ...OPTIONS, num_predict: 600 },
  });
  if (done_reason === 'stop') assert.equal(typeof JSON.parse(response!), 'object');
  assert.match(response!, /^\s*\{/);
});

test('tools, calls and their results are taken', async () => {
  const tool = { type: 'function', function: { name: 'tell_mood', description: 'Tells', parameters: MOOD } };
  const { message, prompt_eval_count } = await client.chat({
    model: 'tiny',
    messages: [
      ...MESSAGES,
      {
        role: 'assistant',
        content: '',
        tool_calls: [{ function: { name: 'tell_mood', arguments: { mood: 'good' } } }],
      },
      { role: 'tool', content: 'thanks', tool_name: 'tell_mood' },
    ],
    tools: [tool],
    options: { temperature: 0, num_predict: 5 },
  });
  assert.equal(message.role, 'assistant');
  const bare = await client.chat({ model: 'tiny', messages: MESSAGES, options: { num_predict: 1 } });
  assert.ok(prompt_eval_count > bare.prompt_eval_count + 100);
});

test('a schema that cannot be enforced is refused', async () => {
  const format = { type: 'object', properties: { a: { $ref: '#/nowhere' } } };
  for (const stream of [true, false]) {
    await assert.rejects(
      client.chat({ model: 'tiny', messages: MESSAGES, format, stream: stream as false }),
      {
        status_code: 400,
        message: /nowhere/,
      },
    );
  }
  assert.equal(server.held(), 0);
});
