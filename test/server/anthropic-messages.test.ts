/** `/v1/messages` as Anthropic's own SDK sees it, over HTTP and with a tiny random model. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import Anthropic from '@anthropic-ai/sdk';
import { addAnthropicRoutes } from '#src/server/dialects/anthropic/routes.js';
import { startTinyServer, TINY_CONTEXT, type TinyServer } from './tiny-chat-server.js';

let server: TinyServer;
let client: Anthropic;

before(async () => {
  server = await startTinyServer(addAnthropicRoutes);
  client = new Anthropic({ baseURL: server.url, apiKey: 'none', maxRetries: 0 });
});
after(() => server.close());

// The SDK's types no longer have the sampling parameters that the API still takes.
const SAMPLING = { temperature: 0, top_k: 5, top_p: 0.9 };
const QUESTION = {
  ...SAMPLING,
  model: 'tiny',
  max_tokens: 24,
  system: 'Be brief.',
  messages: [{ role: 'user', content: 'hello' }],
} satisfies Anthropic.MessageCreateParamsNonStreaming;

/** The tiny model's prompt: bytes but for `hell`, which is one token. */
const PROMPT = 'system: Be brief.<|eot_id|>user: hello<|eot_id|>';

function promptTokens(text: string): number {
  return server.models.get('tiny')!.tokenize(text, { addBos: true, parseSpecial: true }).length;
}

test('a message has the shape, the text and the counts of the model’s reply', async () => {
  const message = await client.messages.create(QUESTION);
  assert.match(message.id, /^msg_[0-9a-f]{32}$/);
  assert.equal(message.type, 'message');
  assert.equal(message.role, 'assistant');
  assert.equal(message.model, 'tiny');
  assert.equal(message.content.length, 1);
  assert.equal(message.stop_reason, 'max_tokens');
  assert.equal(message.stop_sequence, null);
  assert.equal(message.usage.output_tokens, 24);
  const { input_tokens, cache_read_input_tokens } = message.usage;
  assert.equal(input_tokens + cache_read_input_tokens!, promptTokens(PROMPT));
  const model = server.models.get('tiny')!;
  const prompt = model.tokenize(PROMPT, { addBos: true, parseSpecial: true });
  let text = '';
  for await (const piece of model.generate(prompt, { temperature: 0, maxTokens: 24 })) text += piece.text;
  assert.deepEqual(message.content[0], { type: 'text', text, citations: null });
  assert.equal(server.held(), 0);
});

test('events of a stream come in order and make up the same message', async () => {
  const stream = client.messages.stream(QUESTION);
  const types: string[] = [];
  stream.on('streamEvent', (event) => void (types.at(-1) !== event.type && types.push(event.type)));
  const [streamed, whole] = [await stream.finalMessage(), await client.messages.create(QUESTION)];
  assert.deepEqual(types, [
    'message_start',
    'content_block_start',
    'content_block_delta',
    'content_block_stop',
    'message_delta',
    'message_stop',
  ]);
  assert.deepEqual(streamed.content, whole.content);
  assert.equal(streamed.stop_reason, whole.stop_reason);
  assert.equal(streamed.usage.output_tokens, whole.usage.output_tokens);
  const total = (usage: Anthropic.Usage) => usage.input_tokens + usage.cache_read_input_tokens!;
  assert.equal(total(streamed.usage), total(whole.usage));
});

test('the raw stream names its events and pings', async () => {
  const response = await fetch(`${server.url}/v1/messages?beta=true`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'anthropic-beta': 'some-beta-2025-01-01' },
    body: JSON.stringify({ ...QUESTION, stream: true }),
  });
  assert.equal(response.headers.get('content-type'), 'text/event-stream');
  assert.ok(response.headers.get('request-id'));
  const events = (await response.text()).trim().split('\n\n');
  for (const event of events) {
    const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(event)!;
    assert.equal(name, (JSON.parse(data!) as { type: string }).type);
  }
  assert.ok(events.includes('event: ping\ndata: {"type":"ping"}'));
});

test('a stop sequence ends the text before it and is named', async () => {
  const whole = await client.messages.create(QUESTION);
  const { text } = whole.content[0] as Anthropic.TextBlock;
  const stop = text.slice(-2);
  const message = await client.messages.create({ ...QUESTION, stop_sequences: ['never said', stop] });
  assert.equal(message.stop_reason, 'stop_sequence');
  assert.equal(message.stop_sequence, stop);
  const before = text.slice(0, text.indexOf(stop));
  assert.notEqual(before, '');
  assert.equal((message.content[0] as Anthropic.TextBlock).text, before);
});

test('max_tokens beyond the context ends where the context does, and says so', async () => {
  const stream = client.messages.stream({
    ...QUESTION,
    messages: [{ role: 'user', content: 'x'.repeat(TINY_CONTEXT - promptTokens(PROMPT)) }],
    max_tokens: 32_000,
  });
  const message = await stream.finalMessage();
  assert.equal(message.stop_reason, 'model_context_window_exceeded');
  const { input_tokens, cache_read_input_tokens, output_tokens } = message.usage;
  assert.equal(input_tokens + cache_read_input_tokens! + output_tokens, TINY_CONTEXT + 1);
});

test('max_tokens 0 computes the prompt and says nothing', async () => {
  const message = await client.messages.create({ ...QUESTION, max_tokens: 0 });
  assert.deepEqual(message.content, []);
  assert.equal(message.stop_reason, 'max_tokens');
  assert.equal(message.usage.output_tokens, 0);
});

test('counted tokens are those of the prompt', async () => {
  const { model, system, messages } = QUESTION;
  const count = await client.messages.countTokens({ model, system, messages });
  assert.deepEqual(count, { input_tokens: promptTokens(PROMPT) });
  assert.equal(server.held(), 0);
});

test('what coding agents send is taken: blocks, cache marks, metadata, tools, results of tools', async () => {
  const cache = { cache_control: { type: 'ephemeral' as const } };
  const message = await client.beta.messages.create({
    ...QUESTION,
    betas: ['context-management-2025-06-27'],
    context_management: { edits: [{ type: 'clear_thinking_20251015', keep: 'all' }] },
    system: [
      { type: 'text', text: 'You are an agent.' },
      { type: 'text', text: 'Be brief.', ...cache },
    ],
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'list files', ...cache }] },
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'I look.', citations: null },
          { type: 'tool_use', id: 'toolu_1', name: 'Bash', input: { command: 'ls' } },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'toolu_1', content: [{ type: 'text', text: 'a b' }], ...cache },
          { type: 'text', text: 'go on' },
        ],
      },
    ],
    tools: [
      { name: 'Bash', description: 'Runs a command', input_schema: { type: 'object' }, ...cache },
      { name: 'Read', input_schema: { type: 'object', properties: { path: { type: 'string' } } } },
    ],
    tool_choice: { type: 'none' },
    thinking: { type: 'adaptive' },
    output_config: { effort: 'high' },
    metadata: { user_id: 'someone' },
    service_tier: 'auto',
  });
  assert.ok(message.usage.output_tokens > 0);
  assert.deepEqual(message.context_management, { applied_edits: [] });
});

test('errors have the shape that the SDK’s classes are made from', async () => {
  const attempt = (params: object) =>
    client.messages.create({ ...QUESTION, ...params } as Anthropic.MessageCreateParamsNonStreaming).then(
      () => assert.fail('the request was taken'),
      (error: unknown) => error,
    );
  const unknown = await attempt({ model: 'other' });
  assert.ok(unknown instanceof Anthropic.NotFoundError);
  assert.equal(unknown.type, 'not_found_error');
  const { error, request_id } = unknown.error as { error: { message: string }; request_id: string };
  assert.match(error.message, /other/);
  assert.equal(request_id, unknown.requestID);
  const faults: readonly [params: object, message: RegExp][] = [
    [{ mcp_servers: [] }, /^mcp_servers is not a parameter/],
    [
      { context_management: { edits: [{ type: 'compact_20260112' }] } },
      /^context_management\.edits\[0\]\.type is "compact_20260112"/,
    ],
    [{ thinking: { type: 'enabled', budget_tokens: 1024 } }, /^thinking\.type must be .*disabled/],
    [{ max_tokens: undefined }, /^max_tokens is missing/],
    [{ max_tokens: -1 }, /^max_tokens is -1, .*at least 0/],
    [{ temperature: 1.5 }, /^temperature is 1\.5, .*at most 1/],
    [{ messages: [] }, /^messages has 0 entries, .*at least 1/],
    [
      { messages: [{ role: 'user', content: [{ type: 'image', source: {} }] }] },
      /^messages\[0\]\.content\[0\]\.type is "image", and must be "text" or "tool_result"/,
    ],
    [{ messages: [{ role: 'user', content: 7 }] }, /^messages\[0\]\.content is 7, .*string or a list/],
    [
      { messages: [...QUESTION.messages, { role: 'assistant', content: 'I' }] },
      /^messages\[1\] .*last message/,
    ],
    [{ tools: [{ type: 'bash_20250124', name: 'bash' }] }, /^tools\[0\]\.type is "bash_20250124"/],
    [{ tool_choice: { type: 'tool', name: 'x' } }, /^tool_choice\.name is "x"/],
    [
      { messages: [{ role: 'user', content: 'x'.repeat(TINY_CONTEXT) }] },
      new RegExp(`context of ${TINY_CONTEXT}`),
    ],
  ];
  for (const [params, message] of faults) {
    const fault = await attempt(params);
    assert.ok(fault instanceof Anthropic.BadRequestError, `${JSON.stringify(params)}: ${fault}`);
    assert.equal(fault.type, 'invalid_request_error');
    assert.match(fault.apiMessage!, message);
  }
  assert.equal(server.held(), 0);
});

test('a model without a chat template refuses messages', async () => {
  const attempt = client.messages.create({ ...QUESTION, model: 'tiny-base:latest' });
  await assert.rejects(attempt, (error) => {
    assert.ok(error instanceof Anthropic.BadRequestError);
    assert.match(error.apiMessage!, /no chat template/);
    return true;
  });
  assert.equal(server.held(), 0);
});

test('a client that goes in the middle of a stream lets go of the model', async () => {
  const stream = await client.messages.create({ ...QUESTION, max_tokens: 500, stream: true });
  for await (const event of stream) if (event.type === 'content_block_delta') break;
  while (server.held() > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal((await client.messages.create(QUESTION)).usage.output_tokens, 24);
});
