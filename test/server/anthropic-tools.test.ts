/** Tools and structured answers with Anthropic's own SDK: a random model can only be held to them by the grammar. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { betaTool } from '@anthropic-ai/sdk/helpers/beta/json-schema';
import { addAnthropicRoutes } from '#src/server/dialects/anthropic/routes.js';
import { startTinyServer, type TinyServer } from './tiny-chat-server.js';

let server: TinyServer;
let client: Anthropic;

before(async () => {
  server = await startTinyServer(addAnthropicRoutes);
  client = new Anthropic({ baseURL: server.url, apiKey: 'none', maxRetries: 0 });
});
after(() => server.close());

const MOOD = {
  type: 'object',
  properties: { mood: { enum: ['good', 'bad'] }, certain: { type: 'boolean' } },
  required: ['mood', 'certain'] as string[],
  additionalProperties: false,
} as const;
const TOOLS = [
  { name: 'tell_mood', description: 'Tells how you are', input_schema: MOOD },
  { name: 'end', input_schema: { type: 'object' as const, properties: {}, additionalProperties: false } },
];
const QUESTION = {
  model: 'tiny',
  max_tokens: 120,
  messages: [{ role: 'user' as const, content: 'hi' }],
  tools: [...TOOLS],
};

function assertMood(input: unknown): void {
  const { mood, certain, ...rest } = input as Record<string, unknown>;
  assert.ok(mood === 'good' || mood === 'bad');
  assert.equal(typeof certain, 'boolean');
  assert.deepEqual(rest, {});
}

test('a tool that has to be called is called with arguments of its schema', async () => {
  const choice = { type: 'tool', name: 'tell_mood', disable_parallel_tool_use: true } as const;
  const message = await client.messages.create({ ...QUESTION, tool_choice: choice });
  assert.equal(message.stop_reason, 'tool_use');
  const calls = message.content.filter((block) => block.type === 'tool_use');
  assert.equal(calls.length, 1);
  assert.equal(calls[0]!.name, 'tell_mood');
  assert.ok(calls[0]!.id.length > 0);
  assertMood(calls[0]!.input);
});

test('a stream of a call is put together by the SDK', async () => {
  const choice = { type: 'any', disable_parallel_tool_use: true } as const;
  const stream = client.messages.stream({ ...QUESTION, tool_choice: choice });
  let json = '';
  stream.on('inputJson', (part) => {
    json += part;
  });
  const message = await stream.finalMessage();
  assert.equal(message.stop_reason, 'tool_use');
  const call = message.content.find((block) => block.type === 'tool_use')!;
  assert.deepEqual(JSON.parse(json), call.input);
  if (call.name === 'tell_mood') assertMood(call.input);
  else assert.deepEqual(call.input, {});
});

test('the SDK runs tools and sends their results back', async () => {
  const told: unknown[] = [];
  const runner = client.beta.messages.toolRunner({
    ...QUESTION,
    tools: [
      betaTool({
        name: 'tell_mood',
        description: 'Tells how you are',
        inputSchema: MOOD,
        run: (input) => {
          told.push(input);
          return 'thanks';
        },
      }),
    ],
    tool_choice: { type: 'any', disable_parallel_tool_use: true },
    max_iterations: 2,
  });
  const last = await runner.runUntilDone();
  assert.equal(last.stop_reason, 'tool_use');
  assert.equal(told.length, 2);
  for (const input of told) assertMood(input);
  assert.equal(server.held(), 0);
});

test('an answer is held to the schema of output_config', async () => {
  const { tools: _, ...question } = QUESTION;
  const output_config = { format: { type: 'json_schema', schema: { ...MOOD } } } as const;
  const message = await client.messages.parse({ ...question, output_config });
  assert.equal(message.stop_reason, 'end_turn');
  assertMood(JSON.parse((message.content[0] as Anthropic.TextBlock).text));
});

test('schemas that cannot be enforced are refused', async () => {
  const schema = { type: 'object', properties: { a: { type: 'string', format: 'no-such-format' } } } as const;
  const faults: readonly [params: object, message: RegExp][] = [
    [
      { output_config: { format: { type: 'json_schema', schema: { $ref: '#/nowhere' } } }, tools: [] },
      /nowhere/,
    ],
    [{ tools: [{ name: 'a', input_schema: { type: 'string' } }] }, /object/],
    [{ tools: [{ name: 'a', input_schema: schema }], tool_choice: { type: 'any' } }, /format.*none of those/],
  ];
  for (const [params, message] of faults) {
    await assert.rejects(client.messages.create({ ...QUESTION, ...params }), (error) => {
      assert.ok(error instanceof Anthropic.BadRequestError, String(error));
      assert.match(error.apiMessage!, message);
      return true;
    });
  }
  assert.equal(server.held(), 0);
});

test('tokens of tools are counted', async () => {
  const { model, messages } = QUESTION;
  const bare = await client.messages.countTokens({ model, messages });
  const withTools = await client.messages.countTokens({ model, messages, tools: QUESTION.tools });
  assert.ok(withTools.input_tokens > bare.input_tokens + 100);
  const message = await client.messages.create({ ...QUESTION, max_tokens: 1 });
  const { input_tokens, cache_read_input_tokens } = message.usage;
  assert.equal(input_tokens + cache_read_input_tokens!, withTools.input_tokens);
});
