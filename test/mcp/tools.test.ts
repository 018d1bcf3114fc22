/**
 * The tools of `bitnet mcp` with the official client, in both generations of the protocol: what they list, and that each
 * answers what the API does.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { loadModel, type Model } from '#src/index.js';
import { ROOT } from '../e2e/run-process.js';
import { call, connect, ended, MODERN } from './mcp-client.js';

const TALES = `${ROOT}models/tales/tales.i2_s.gguf`;
const NAMES = ['generate', 'chat', 'tokenize', 'detokenize', 'score', 'model_information'];
const PROMPT = 'Once upon a time';

let model: Model;
before(async () => {
  model = await loadModel(TALES);
});
after(() => model.dispose());

for (const [era, options] of [
  ['with initialize', {}],
  ['of 2026-07-28', MODERN],
] as const) {
  test(`the protocol ${era}: tools are listed and answer as the API does`, async (t) => {
    const connected = await connect(['tales'], options);
    t.after(() => connected.close());
    const { client } = connected;
    assert.equal(client.getServerVersion()?.name, 'bitnet');
    assert.match(client.getInstructions() ?? '', /^tales is a small 1-bit language model/);
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map(({ name }) => name).sort(), NAMES.toSorted());

    const text = await model.generate(PROMPT, { maxTokens: 24, seed: 7 }).text();
    const answer = await call(client, 'generate', { prompt: PROMPT, max_tokens: 24, seed: 7 });
    assert.equal(answer.text, text);
    assert.equal(answer.structured.text, text);
    assert.equal(connected.log(), '');
  });
}

test('schemas are JSON Schema with descriptions, and results are valid by them', async (t) => {
  const connected = await connect([]);
  t.after(() => connected.close());
  const { tools } = await connected.client.listTools();
  const ajv = new Ajv2020({ strict: false });
  const examples: Record<string, Record<string, unknown>> = {
    generate: { prompt: PROMPT, max_tokens: 4 },
    chat: { messages: [{ role: 'user', content: 'Tell a story.' }], max_tokens: 4 },
    tokenize: { text: PROMPT },
    detokenize: { ids: model.tokenize(PROMPT) },
    score: { text: PROMPT },
    model_information: {},
  };
  for (const { name, title, description, inputSchema, outputSchema, annotations } of tools) {
    const args = examples[name]!;
    assert.ok(title && description && outputSchema, name);
    assert.equal(annotations?.readOnlyHint, true, name);
    for (const [parameter, schema] of Object.entries(inputSchema.properties ?? {})) {
      assert.ok((schema as { description?: string }).description, `${name}.${parameter} has no description`);
    }
    const takes = ajv.compile(inputSchema);
    assert.ok(takes(args), `${name}: ${ajv.errorsText(takes.errors)}`);
    assert.ok(!takes({ ...args, surplus: 1 }), name);
    const { structured, isError } = await call(connected.client, name, args);
    const gives = ajv.compile(outputSchema);
    assert.ok(!isError && gives(structured), `${name}: ${ajv.errorsText(gives.errors)}`);
  }
});

test('each tool gives what the API gives', async (t) => {
  const connected = await connect(['tales']);
  t.after(() => connected.close());
  const { client } = connected;

  await t.test('generate: sampling, penalties and stop texts', async () => {
    const sampling = { temperature: 1.2, top_p: 0.9, top_k: 20, min_p: 0.01, repetition_penalty: 1.1 };
    const { structured } = await call(client, 'generate', {
      prompt: PROMPT,
      ...sampling,
      presence_penalty: 0.5,
      frequency_penalty: 0.25,
      seed: 3,
      stop: [' the', '!'],
    });
    const expected = await ended(
      model.generate(PROMPT, {
        temperature: 1.2,
        topP: 0.9,
        topK: 20,
        minP: 0.01,
        repetitionPenalty: 1.1,
        presencePenalty: 0.5,
        frequencyPenalty: 0.25,
        seed: 3,
        stop: [' the', '!'],
        maxTokens: 256,
        overflow: 'stop',
      }),
    );
    assert.equal(structured.text, expected.text);
    assert.equal(structured.finish_reason, expected.finishReason);
    assert.equal(structured.stop_string, expected.stopString);
    assert.equal(structured.generated_tokens, expected.generatedTokens);
  });

  await t.test(
    'generate: the seed that was chosen gives the same text again, and null is left out',
    async () => {
      const first = await call(client, 'generate', { prompt: PROMPT, max_tokens: 30 });
      const { seed } = first.structured;
      const again = await call(client, 'generate', {
        prompt: PROMPT,
        max_tokens: 30,
        seed,
        temperature: null,
      });
      assert.equal(again.text, first.text);
      assert.equal(first.structured.finish_reason, 'length');
    },
  );

  await t.test('generate: the end of the context ends the text, and says so', async () => {
    const sequence = { prompt: PROMPT, temperature: 2, top_k: 0, top_p: 1, min_p: 0, max_tokens: 100_000 };
    const { structured } = await call(client, 'generate', { ...sequence, seed: 5 });
    const expected = await ended(
      model.generate(PROMPT, { temperature: 2, topK: 0, topP: 1, minP: 0, seed: 5, overflow: 'stop' }),
    );
    assert.equal(structured.text, expected.text);
    assert.equal(structured.finish_reason, expected.finishReason);
  });

  await t.test('chat: the reply by the template of the model', async () => {
    const messages = [
      { role: 'user', content: 'Tell a story about a dog.' },
      { role: 'assistant', content: 'There was a dog.' },
      { role: 'user', content: 'And then?' },
    ];
    const { text, structured } = await call(client, 'chat', { messages, max_tokens: 30, temperature: 0 });
    const prompt = model.encodeChat(messages);
    const expected = await ended(model.generate(prompt, { maxTokens: 30, temperature: 0 }));
    assert.equal(text, expected.text);
    assert.equal(structured.prompt_tokens, prompt.length);
  });

  await t.test('tokenize and detokenize: there and back', async () => {
    const text = 'Hello, 世界 <|end|>';
    const { structured } = await call(client, 'tokenize', { text });
    assert.deepEqual(structured.ids, model.tokenize(text));
    assert.equal(structured.count, model.tokenize(text).length);
    assert.equal((structured.pieces as string[])[0], 'Hello');
    assert.equal((await call(client, 'detokenize', { ids: structured.ids })).text, text);
    const special = await call(client, 'tokenize', { text, add_bos: true, parse_special: true });
    assert.deepEqual(special.structured.ids, model.tokenize(text, { addBos: true, parseSpecial: true }));
    assert.deepEqual((special.structured.pieces as string[]).at(-1), '<|end|>');
  });

  await t.test('score: log-probabilities, their sum and the perplexity', async () => {
    const text = 'Once upon a time there was a dog.';
    const expected = await model.score(model.tokenize(text, { addBos: true }));
    const { structured } = await call(client, 'score', { text });
    const tokens = structured.tokens as { id: number; logprob: number }[];
    assert.deepEqual(
      tokens.map(({ id }) => id),
      model.tokenize(text),
    );
    assert.deepEqual(
      tokens.map(({ logprob }) => Math.fround(logprob)),
      [...expected],
    );
    const sum = tokens.reduce((total, { logprob }) => total + logprob, 0);
    assert.equal(structured.log_probability, sum);
    assert.equal(structured.perplexity, Math.exp(-sum / tokens.length));
    const bits = -sum / Math.LN2 / Buffer.byteLength(text);
    assert.ok(Math.abs((structured.bits_per_byte as number) - bits) < 1e-12);
  });

  await t.test('score: with a context, the end of the whole is scored alone', async () => {
    const [context, text] = ['Once upon a time', ' there was a dog.'];
    const whole = await call(client, 'score', { text: context + text });
    const end = await call(client, 'score', { context, text });
    const tokens = end.structured.tokens as { piece: string }[];
    assert.deepEqual(tokens, (whole.structured.tokens as unknown[]).slice(-tokens.length));
    assert.equal(tokens.map(({ piece }) => piece).join(''), text);
    const more = await call(client, 'score', { context: 'Once up', text: 'on a time' });
    const straddling = more.structured.tokens as { piece: string }[];
    assert.ok(
      straddling
        .map(({ piece }) => piece)
        .join('')
        .endsWith('on a time'),
    );
  });

  await t.test('model_information: what is known of the loaded model', async () => {
    const { structured, text } = await call(client, 'model_information', {});
    assert.deepEqual(JSON.parse(text), structured);
    const { activity, memory_bytes: memory, load_seconds: seconds, ...facts } = structured;
    assert.ok((memory as number) > 0 && (seconds as number) > 0);
    assert.equal((activity as Record<string, number>).running, 0);
    assert.ok((activity as Record<string, number>).generated_tokens! > 0);
    assert.deepEqual(facts, {
      model: 'tales',
      name: 'tales',
      file: TALES,
      file_bytes: 1_402_976,
      architecture: 'bitnet-b1.58',
      weights: { ternary: 3_276_800, other: 262_144 },
      dimensions: {
        layers: 5,
        embedding: 256,
        feed_forward: 512,
        heads: 8,
        key_value_heads: 8,
        head: 32,
        vocabulary: 1024,
      },
      context: 256,
      trained_context: 256,
      chat_template: true,
      backend: facts.backend,
      threads: model.threads,
      notes: model.notes,
    });
  });
});
