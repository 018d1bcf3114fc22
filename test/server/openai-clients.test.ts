/** Other clients of OpenAI's API on the bundled model, and what all of them see when something goes wrong under way. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { APICallError, embed, embedMany, generateText, streamText } from 'ai';
import OpenAI from 'openai';
import { BitnetError } from '#src/index.js';
import { failureOf, listOf, MODEL_NAME, type RunningServer, startServer } from './openai-server.js';

const PROMPT = 'Tell me of the king.';

describe('clients of the API', () => {
  let server: RunningServer;
  let client: OpenAI;
  let expected: string;
  before(async () => {
    server = await startServer();
    client = new OpenAI({ baseURL: server.baseURL, apiKey: 'none', maxRetries: 0 });
    const { choices } = await client.chat.completions.create({
      model: MODEL_NAME,
      messages: [{ role: 'user', content: PROMPT }],
      temperature: 0,
      max_tokens: 10,
    });
    expected = choices[0]!.message.content!;
  });
  after(() => server.close());

  describe('ai with @ai-sdk/openai-compatible', () => {
    const provider = () =>
      createOpenAICompatible({ name: 'bitnet', baseURL: server.baseURL, includeUsage: true });
    const settings = () => ({
      model: provider()(MODEL_NAME),
      prompt: PROMPT,
      temperature: 0,
      maxOutputTokens: 10,
      maxRetries: 0,
    });

    test('generateText and streamText', async () => {
      const answer = await generateText(settings());
      assert.equal(answer.text, expected);
      assert.equal(answer.finishReason, 'length');
      assert.equal(answer.usage.outputTokens, 10);
      const stream = streamText(settings());
      assert.equal((await listOf(stream.textStream)).join(''), expected);
      assert.deepEqual(await stream.usage, answer.usage);
    });

    test('completions', async () => {
      const model = provider().completionModel(MODEL_NAME);
      const { text, usage } = await generateText({ ...settings(), model });
      assert.equal(usage.outputTokens, 10);
      const stream = streamText({ ...settings(), model });
      assert.equal((await listOf(stream.textStream)).join(''), text);
    });

    test('embed and embedMany', async () => {
      const model = provider().embeddingModel(MODEL_NAME);
      const { embedding, usage } = await embed({ model, value: PROMPT });
      assert.equal(embedding.length, server.model.config.embeddingLength);
      assert.equal(usage.tokens, server.model.tokenizer.encode(PROMPT).length);
      const { embeddings } = await embedMany({ model, values: [PROMPT, 'Another text.'] });
      assert.deepEqual(embeddings[0], embedding);
    });

    test('an error says what is wrong', async () => {
      const model = provider()('nobody');
      await assert.rejects(generateText({ ...settings(), model }), (error) => {
        assert.ok(APICallError.isInstance(error));
        assert.equal(error.statusCode, 404);
        assert.match(error.message, /no model "nobody"/);
        return true;
      });
    });
  });

  describe('@langchain/openai', () => {
    const chat = () =>
      new ChatOpenAI({
        model: MODEL_NAME,
        apiKey: 'none',
        temperature: 0,
        maxTokens: 10,
        maxRetries: 0,
        configuration: { baseURL: server.baseURL },
      });

    test('invoke and stream', async () => {
      const message = await chat().invoke(PROMPT);
      assert.equal(message.content, expected);
      assert.equal(message.usage_metadata!.output_tokens, 10);
      const chunks = await listOf(await chat().stream(PROMPT));
      assert.equal(chunks.map(({ content }) => content).join(''), expected);
      assert.equal(chunks.reduce((all, chunk) => all.concat(chunk)).usage_metadata!.output_tokens, 10);
    });

    test('embeddings', async () => {
      const embeddings = new OpenAIEmbeddings({
        model: MODEL_NAME,
        apiKey: 'none',
        configuration: { baseURL: server.baseURL },
      });
      const [vector] = await embeddings.embedDocuments([PROMPT]);
      assert.equal(vector!.length, server.model.config.embeddingLength);
    });
  });

  describe('when something goes wrong', () => {
    const body = {
      model: MODEL_NAME,
      messages: [{ role: 'user' as const, content: PROMPT }],
      max_tokens: 10,
    };
    const textBody = { model: MODEL_NAME, prompt: PROMPT, max_tokens: 10 };

    test('a full queue is a 503 that says when to come back', async (t) => {
      t.mock.method(server.scheduler, 'submit', () => {
        throw new BitnetError('scheduler/full', 'too many wait; try again');
      });
      for (const send of [
        () => client.chat.completions.create({ ...body, n: 2 }),
        () => client.chat.completions.create({ ...body, stream: true }),
        () => client.completions.create(textBody),
        () => client.responses.create({ model: MODEL_NAME, input: PROMPT, stream: true }),
      ]) {
        const error = await failureOf(send());
        assert.deepEqual([error.status, error.code, error.type], [503, 'overloaded', 'server_error']);
        assert.equal(error.headers!.get('retry-after'), '1');
      }
      assert.equal(server.holds(), 0);
    });

    test('an error within a stream is an event of it, and no secret of ours', async (t) => {
      const submit = server.scheduler.submit.bind(server.scheduler);
      t.mock.method(server.scheduler, 'submit', (...args: Parameters<typeof submit>) => {
        const sequence = submit(...args);
        async function* some() {
          let count = 0;
          for await (const event of sequence) {
            yield event;
            if (++count === 3) throw new Error('secret');
          }
        }
        const events = some();
        return { progress: sequence.progress, [Symbol.asyncIterator]: () => events };
      });
      for (const send of [
        async () => listOf(await client.chat.completions.create({ ...body, stream: true })),
        async () => listOf(await client.completions.create({ ...textBody, stream: true })),
      ]) {
        const error = await failureOf(send());
        assert.equal(error.code, 'internal_error');
        assert.doesNotMatch(error.message, /secret/);
      }
      const events = await listOf(
        await client.responses.create({ model: MODEL_NAME, input: PROMPT, stream: true }),
      );
      const last = events.at(-1)!;
      assert.ok(last.type === 'response.failed');
      assert.equal(last.response.error!.code, 'internal_error');
      const whole = await failureOf(client.chat.completions.create(body));
      assert.deepEqual([whole.status, whole.type], [500, 'server_error']);
      assert.equal(server.holds(), 0);
    });
  });

  test('a body that is no JSON', async () => {
    const response = await fetch(`${server.baseURL}/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"messages":',
    });
    assert.equal(response.status, 400);
    const { error } = (await response.json()) as { error: Record<string, unknown> };
    assert.deepEqual([error.type, error.code, error.param], ['invalid_request_error', 'invalid_json', null]);
  });
});
