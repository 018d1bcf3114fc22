/** Responses, embeddings and models with the official client over HTTP. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import OpenAI from 'openai';
import { failureOf, listOf, MODEL_NAME, type RunningServer, startServer } from './openai-server.js';

const SHORT = { model: MODEL_NAME, input: 'Tell me of the king.', max_output_tokens: 12, seed: 7 };

describe('responses, embeddings and models', () => {
  let server: RunningServer;
  let client: OpenAI;
  before(async () => {
    server = await startServer();
    client = new OpenAI({ baseURL: server.baseURL, apiKey: 'none', maxRetries: 0 });
  });
  after(() => server.close());

  test('a response is the chat completion of the same conversation', async () => {
    const instructions = 'Be brief.';
    const response = await client.responses.create({ ...SHORT, instructions });
    const completion = await client.chat.completions.create({
      model: MODEL_NAME,
      messages: [
        { role: 'system', content: instructions },
        { role: 'user', content: SHORT.input },
      ],
      max_tokens: 12,
      seed: 7,
    });
    assert.equal(response.object, 'response');
    assert.match(response.id, /^resp_/);
    assert.equal(response.output_text, completion.choices[0]!.message.content);
    assert.equal(response.status, 'incomplete');
    assert.deepEqual(response.incomplete_details, { reason: 'max_output_tokens' });
    assert.equal(response.instructions, instructions);
    assert.equal((response as { store?: boolean }).store, false);
    const { usage } = response;
    assert.deepEqual(
      [usage!.input_tokens, usage!.output_tokens, usage!.total_tokens],
      [completion.usage!.prompt_tokens, 12, completion.usage!.total_tokens],
    );
  });

  test('a stream tells the whole sequence of events', async () => {
    const whole = await client.responses.create(SHORT);
    const events = await listOf(await client.responses.create({ ...SHORT, stream: true }));
    assert.deepEqual(
      events.map((event) => event.sequence_number),
      [...events.keys()],
    );
    const types = events.map(({ type }) => type);
    assert.deepEqual(
      types.filter((type, i) => type !== types[i - 1]),
      [
        'response.created',
        'response.in_progress',
        'response.output_item.added',
        'response.content_part.added',
        'response.output_text.delta',
        'response.output_text.done',
        'response.content_part.done',
        'response.output_item.done',
        'response.incomplete',
      ],
    );
    const text = events
      .map((event) => (event.type === 'response.output_text.delta' ? event.delta : ''))
      .join('');
    assert.equal(text, whole.output_text);
    const last = events.at(-1)!;
    assert.ok(last.type === 'response.incomplete');
    assert.deepEqual(last.response.usage!.output_tokens, 12);
    assert.equal(server.holds(), 0);
  });

  test('the streaming helper puts the response together', async () => {
    const stream = client.responses.stream(SHORT);
    const response = await stream.finalResponse();
    assert.equal(response.output_text, (await client.responses.create(SHORT)).output_text);
  });

  test('items of an answer can be sent back', async () => {
    const first = await client.responses.create({ ...SHORT, max_output_tokens: 4 });
    const again = await client.responses.create({
      ...SHORT,
      input: [
        { role: 'user', content: SHORT.input },
        ...first.output,
        { role: 'user', content: 'More.' },
      ] as never,
    });
    const same = await client.chat.completions.create({
      model: MODEL_NAME,
      messages: [
        { role: 'user', content: SHORT.input },
        { role: 'assistant', content: first.output_text },
        { role: 'user', content: 'More.' },
      ],
      max_tokens: 12,
      seed: 7,
    });
    assert.equal(again.output_text, same.choices[0]!.message.content);
  });

  test('scores are included where they are asked for', async () => {
    const response = await client.responses.create({
      ...SHORT,
      include: ['message.output_text.logprobs'],
      top_logprobs: 2,
    });
    const [item] = response.output;
    assert.ok(item?.type === 'message');
    const [part] = item.content;
    assert.ok(part?.type === 'output_text');
    assert.equal(part.logprobs!.length, 12);
    assert.equal(part.logprobs![0]!.top_logprobs.length, 2);
  });

  test('what needs state or is not supported is refused by its name', async () => {
    const cases: [Record<string, unknown>, string, RegExp][] = [
      [{ previous_response_id: 'resp_1' }, 'previous_response_id', /keeps no answers/],
      [{ conversation: 'conv_1' }, 'conversation', /keeps no answers/],
      [{ store: true }, 'store', /can only be false/],
      [{ background: true }, 'background', /can only be false/],
      [{ truncation: 'auto' }, 'truncation', /"disabled"/],
      [{ tools: [{ type: 'web_search' }] }, 'tools[0].type', /no tools of its own/],
      [{ reasoning: { effort: 'high' } }, 'reasoning.effort', /"none"/],
      [{ input: [{ type: 'item_reference', id: 'x' }] }, 'input[0].type', /function_call_output/],
      [
        { input: [{ role: 'user', content: [{ type: 'input_image' }] }] },
        'input[0].content[0].type',
        /images/,
      ],
      [{ text: { format: { type: 'json_schema' }, verbosity: 'low' } }, 'text.verbosity', /how long/],
      [{ input: 5 }, 'input', /is 5, and must be a string or a list/],
      [{ nonsense: 1 }, 'nonsense', /not a parameter/],
    ];
    for (const [change, param, message] of cases) {
      const error = await failureOf(client.responses.create({ ...SHORT, ...change } as typeof SHORT));
      assert.equal(error.status, 400, error.message);
      assert.equal(error.param, param, error.message);
      assert.match(error.message, message);
    }
    assert.equal((await failureOf(client.responses.retrieve('resp_1'))).status, 404);
  });

  test('texts and tokens have the same vectors', async () => {
    const { tokenizer, config } = server.model;
    const input = ['The king.', 'A fox and a bird.'];
    const texts = await client.embeddings.create({ model: MODEL_NAME, input });
    const counts = input.map((text) => tokenizer.encode(text).length);
    assert.deepEqual(texts.usage, {
      prompt_tokens: counts[0]! + counts[1]!,
      total_tokens: counts[0]! + counts[1]!,
    });
    assert.deepEqual(
      texts.data.map(({ index, embedding }) => [index, embedding.length]),
      [
        [0, config.embeddingLength],
        [1, config.embeddingLength],
      ],
    );
    const tokens = await client.embeddings.create({
      model: MODEL_NAME,
      input: input.map((text) => tokenizer.encode(text)),
      encoding_format: 'float',
      dimensions: config.embeddingLength,
    });
    // The client asks for base64 and decodes it where no format is given.
    assert.deepEqual(
      texts.data.map(({ embedding }) => [...embedding]),
      tokens.data.map(({ embedding }) => embedding),
    );
  });

  test('embeddings refuse what they cannot do', async () => {
    const short = { model: MODEL_NAME, input: 'x' };
    const cases: [Record<string, unknown>, string, RegExp][] = [
      [{ dimensions: 3 }, 'dimensions', /cannot be cut/],
      [{ input: '' }, 'input', /./],
      [{ input: [] }, 'input', /none of them empty/],
      [{ pooling: 'max' }, 'pooling', /"last" or "mean"/],
      [{ encoding_format: 'int8' }, 'encoding_format', /"float" or "base64"/],
    ];
    for (const [change, param, message] of cases) {
      const error = await failureOf(client.embeddings.create({ ...short, ...change }));
      assert.equal(error.param, param, error.message);
      assert.match(error.message, message);
    }
  });

  test('models are listed and found by their name', async () => {
    const models = await listOf(client.models.list());
    assert.deepEqual(models, [
      { id: MODEL_NAME, object: 'model', created: 1_700_000_000, owned_by: 'bitnet.ts' },
    ]);
    assert.deepEqual(await client.models.retrieve(MODEL_NAME), models[0]);
    const error = await failureOf(client.models.retrieve('nobody'));
    assert.deepEqual([error.status, error.code], [404, 'model_not_found']);
  });
});
