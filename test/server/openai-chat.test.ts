/** Chat completions with the official client over HTTP. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { failureOf, listOf, MODEL_NAME, type RunningServer, startServer } from './openai-server.js';

const MESSAGES = [
  { role: 'system' as const, content: 'Be brief.' },
  { role: 'user' as const, content: 'Tell me of the king.' },
];
const SHORT = { model: MODEL_NAME, messages: MESSAGES, max_completion_tokens: 12, seed: 7 };

describe('chat completions', () => {
  let server: RunningServer;
  let client: OpenAI;
  before(async () => {
    server = await startServer();
    client = new OpenAI({ baseURL: server.baseURL, apiKey: 'none', maxRetries: 0 });
  });
  after(() => server.close());

  test('a seed gives the same answer, with counts that add up', async () => {
    const one = await client.chat.completions.create(SHORT);
    const other = await client.chat.completions.create(SHORT);
    const [choice] = one.choices;
    assert.equal(one.object, 'chat.completion');
    assert.match(one.id, /^chatcmpl-/);
    assert.equal(one.model, MODEL_NAME);
    assert.equal(one.system_fingerprint, other.system_fingerprint);
    assert.equal(choice!.message.role, 'assistant');
    assert.equal(choice!.message.content, other.choices[0]!.message.content);
    assert.equal(choice!.finish_reason, 'length');
    assert.equal(choice!.logprobs, null);
    const { usage } = one;
    assert.equal(usage!.completion_tokens, 12);
    assert.equal(usage!.prompt_tokens, server.model.encodeChat(MESSAGES).length);
    assert.equal(usage!.total_tokens, usage!.prompt_tokens + usage!.completion_tokens);
    assert.ok(usage!.prompt_tokens_details!.cached_tokens! <= usage!.prompt_tokens);
    assert.equal(server.holds(), 0);
  });

  test('a stream gives the text of the whole answer', async () => {
    const whole = await client.chat.completions.create(SHORT);
    const stream = await client.chat.completions.create({
      ...SHORT,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await listOf(stream);
    const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
    assert.equal(text, whole.choices[0]!.message.content);
    assert.deepEqual(chunks[0]!.choices[0]!.delta, { role: 'assistant', content: '' });
    assert.equal(chunks.at(-2)!.choices[0]!.finish_reason, 'length');
    assert.deepEqual(chunks.at(-1)!.choices, []);
    assert.equal(chunks.at(-1)!.usage!.completion_tokens, 12);
    assert.ok(chunks.slice(0, -1).every(({ usage }) => usage === null));
    assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
    assert.equal(server.holds(), 0);
  });

  test('several choices share a prompt, each from a seed of its own', async () => {
    const { choices, usage } = await client.chat.completions.create({ ...SHORT, n: 3 });
    assert.deepEqual(
      choices.map(({ index }) => index),
      [0, 1, 2],
    );
    assert.equal(usage!.completion_tokens, 36);
    assert.equal(usage!.prompt_tokens, server.model.encodeChat(MESSAGES).length);
    const second = await client.chat.completions.create({ ...SHORT, seed: 8 });
    assert.equal(choices[1]!.message.content, second.choices[0]!.message.content);
    const stream = await client.chat.completions.create({ ...SHORT, n: 3, stream: true });
    const texts = ['', '', ''];
    for await (const chunk of stream) {
      for (const { index, delta } of chunk.choices) texts[index] += delta.content ?? '';
    }
    assert.deepEqual(
      texts,
      choices.map(({ message }) => message.content),
    );
  });

  test('scores have bytes and the most likely tokens', async () => {
    const { choices } = await client.chat.completions.create({
      ...SHORT,
      temperature: 0,
      logprobs: true,
      top_logprobs: 3,
    });
    const { content } = choices[0]!.logprobs!;
    assert.equal(content!.length, 12);
    for (const token of content!) {
      assert.equal(token.top_logprobs.length, 3);
      assert.equal(token.top_logprobs[0]!.logprob, token.logprob);
      assert.ok(token.bytes!.length > 0);
    }
    const bytes = content!.flatMap((token) => token.bytes!);
    assert.equal(new TextDecoder().decode(Uint8Array.from(bytes)), choices[0]!.message.content);
    const stream = await client.chat.completions.create({
      ...SHORT,
      temperature: 0,
      logprobs: true,
      top_logprobs: 3,
      stream: true,
    });
    const streamed = (await listOf(stream)).flatMap((chunk) => chunk.choices[0]?.logprobs?.content ?? []);
    assert.deepEqual(streamed, content);
  });

  test('stops before a stop string', async () => {
    const whole = await client.chat.completions.create(SHORT);
    const text = whole.choices[0]!.message.content!;
    const stop = text.slice(5, 9);
    const cut = await client.chat.completions.create({ ...SHORT, stop: [stop] });
    assert.equal(cut.choices[0]!.message.content, text.slice(0, text.indexOf(stop)));
    assert.equal(cut.choices[0]!.finish_reason, 'stop');
  });

  test('a bias rules what is drawn', async () => {
    const [id] = server.model.tokenize(' king');
    const { choices } = await client.chat.completions.create({
      ...SHORT,
      temperature: 0,
      max_completion_tokens: 3,
      logit_bias: { [id!]: 100 },
    });
    assert.equal(choices[0]!.message.content, server.model.detokenize([id!, id!, id!]));
  });

  test('parameters of ours', async () => {
    const greedy = await client.chat.completions.create({ ...SHORT, temperature: 0 });
    for (const extension of [{ top_k: 1 }, { min_p: 1 }, { top_p: 0 }]) {
      const { choices } = await client.chat.completions.create({ ...SHORT, ...extension });
      assert.equal(choices[0]!.message.content, greedy.choices[0]!.message.content);
    }
  });

  test('parts of text are one text, and developers are systems', async () => {
    const parts = await client.chat.completions.create({
      ...SHORT,
      messages: [
        {
          role: 'developer',
          content: [
            { type: 'text', text: 'Be ' },
            { type: 'text', text: 'brief.' },
          ],
        },
        MESSAGES[1]!,
      ],
    });
    const plain = await client.chat.completions.create(SHORT);
    assert.equal(parts.choices[0]!.message.content, plain.choices[0]!.message.content);
  });

  test('the streaming helper puts the message together', async () => {
    const stream = client.chat.completions.stream(SHORT);
    const whole = await client.chat.completions.create(SHORT);
    assert.equal(await stream.finalContent(), whole.choices[0]!.message.content);
  });

  test('a client that goes ends the generation', async () => {
    const stream = await client.chat.completions.create({
      ...SHORT,
      max_completion_tokens: 400,
      stream: true,
    });
    for await (const chunk of stream) if (chunk.choices[0]!.delta.content) break;
    for (let i = 0; i < 200 && server.holds() > 0; i++)
      await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(server.holds(), 0);
  });

  test('a prompt beyond the context names both numbers', async () => {
    const content = 'word '.repeat(3000);
    const error = await failureOf(
      client.chat.completions.create({ ...SHORT, messages: [{ role: 'user', content }] }),
    );
    assert.equal(error.status, 400);
    assert.equal(error.code, 'context_length_exceeded');
    assert.equal(error.param, 'messages');
    assert.equal(error.type, 'invalid_request_error');
    assert.match(error.message, new RegExp(`\\d{4,} tokens .* ${server.model.contextLength}`));
  });

  test('an unknown model is not found', async () => {
    const error = await failureOf(client.chat.completions.create({ ...SHORT, model: 'nobody' }));
    assert.deepEqual([error.status, error.code, error.param], [404, 'model_not_found', 'model']);
  });

  test('what is not supported is refused by its name', async () => {
    const image = { type: 'image_url', image_url: { url: 'data:,' } };
    const cases: [Record<string, unknown>, string, RegExp][] = [
      [{ temperature: 3 }, 'temperature', /temperature is 3, and may be at most 2/],
      [{ temperature: 'hot' }, 'temperature', /must be a number/],
      [{ n: 9 }, 'n', /at most 8/],
      [{ n: 1.5 }, 'n', /whole number/],
      [{ top_logprobs: 3 }, 'top_logprobs', /needs logprobs/],
      [{ nonsense: 1 }, 'nonsense', /not a parameter/],
      [{ store: true }, 'store', /can only be false/],
      [{ functions: [] }, 'functions', /use tools/],
      [{ reasoning_effort: 'high' }, 'reasoning_effort', /can only be "none"/],
      [{ stream_options: { include_usage: true } }, 'stream_options', /only for streams/],
      [{ tool_choice: 'required' }, 'tool_choice', /there are no tools/],
      [{ logit_bias: { word: 1 } }, 'logit_bias.word', /id of a token/],
      [{ logit_bias: { 99999999: 1 } }, 'logit_bias', /99999999/],
      [{ stop: Array.from({ length: 17 }, () => 'x') }, 'stop', /at most 16/],
      [{ response_format: { type: 'yaml' } }, 'response_format.type', /./],
      [{ messages: [] }, 'messages', /at least 1/],
      [{ messages: undefined }, 'messages', /missing/],
      [{ messages: [{ role: 'robot', content: '' }] }, 'messages[0].role', /"assistant"/],
      [{ messages: [{ role: 'user', content: [image] }] }, 'messages[0].content[0].type', /images/],
      [{ messages: [{ role: 'user', content: 'x', colour: 1 }] }, 'messages[0].colour', /not a parameter/],
    ];
    for (const [change, param, message] of cases) {
      const body = { ...SHORT, ...change } as typeof SHORT;
      const error = await failureOf(client.chat.completions.create(body));
      assert.equal(error.status, 400, `${JSON.stringify(change)}: ${error.message}`);
      assert.equal(error.param, param, error.message);
      assert.match(error.message, message);
    }
    assert.equal(server.holds(), 0);
  });
});
