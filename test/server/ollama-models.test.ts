/** What Ollama's own package learns about models, and vectors of texts, over HTTP. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Ollama } from 'ollama';
import { addOllamaRoutes } from '#src/server/dialects/ollama/routes.js';
import { startTinyServer, TINY_CONTEXT, type TinyServer } from './tiny-chat-server.js';

let server: TinyServer;
let client: Ollama;

before(async () => {
  server = await startTinyServer(addOllamaRoutes);
  client = new Ollama({ host: server.url });
});
after(() => server.close());

test('the root says what clients look for, and the version is one', async () => {
  for (const method of ['GET', 'HEAD']) {
    const response = await fetch(server.url, { method });
    assert.equal(response.status, 200);
    assert.equal(await response.text(), method === 'GET' ? 'Ollama is running' : '');
  }
  assert.match((await client.version()).version, /^\d+\.\d+\.\d+$/);
});

test('models are listed with what their files tell, loaded or not', async () => {
  const { models } = await client.list();
  assert.deepEqual(
    models.map(({ name, model }) => [name, model]),
    [
      ['tiny', 'tiny'],
      ['tiny-base:latest', 'tiny-base:latest'],
    ],
  );
  for (const { details, size, modified_at } of models) {
    assert.deepEqual(details, {
      parent_model: '',
      format: 'gguf',
      family: 'bitnet-b1.58',
      families: ['bitnet-b1.58'],
      parameter_size: '363K',
      quantization_level: 'I2_S',
    });
    assert.ok(size > 0);
    assert.equal(String(modified_at), '2023-11-14T22:13:20.000Z');
  }
});

test('a model is shown with its dims, its template and what it can do', async () => {
  const shown = await client.show({ model: 'tiny:latest' });
  assert.equal(shown.template, server.models.get('tiny')!.chatTemplate);
  assert.deepEqual(shown.capabilities, ['completion', 'tools', 'embedding']);
  const info = shown.model_info as unknown as Record<string, unknown>;
  assert.equal(info['general.architecture'], 'bitnet-b1.58');
  assert.equal(info['bitnet-b1.58.context_length'], TINY_CONTEXT);
  assert.equal(info['bitnet-b1.58.embedding_length'], 128);
  const base = await client.show({ model: 'tiny-base' });
  assert.equal(base.template, '');
  assert.deepEqual(base.capabilities, ['completion', 'embedding']);
  await assert.rejects(client.show({ model: 'other' }), { status_code: 404, message: /'other' not found/ });
});

test('loaded models are listed with their memory and when they go', async () => {
  await client.generate({ model: 'tiny-base', prompt: '', keep_alive: '5m' });
  const { models } = await client.ps();
  assert.deepEqual(
    models.map(({ name }) => name),
    ['tiny', 'tiny-base:latest'],
  );
  for (const { size, expires_at, size_vram } of models) {
    assert.ok(size > 100_000);
    assert.equal(size_vram, 0);
    assert.ok(Date.parse(String(expires_at)) > 0);
  }
});

test('texts become vectors of the model’s length', async () => {
  const { embeddings, prompt_eval_count, model } = await client.embed({ model: 'tiny', input: ['a', 'bcd'] });
  assert.equal(model, 'tiny');
  assert.deepEqual(
    embeddings.map(({ length }) => length),
    [128, 128],
  );
  const tokens = (text: string) => server.models.get('tiny')!.tokenize(text, { addBos: true }).length;
  assert.equal(prompt_eval_count, tokens('a') + tokens('bcd'));
  const single = await client.embed({ model: 'tiny', input: 'bcd' });
  assert.deepEqual(single.embeddings, [embeddings[1]]);
  assert.deepEqual((await client.embed({ model: 'tiny', input: '' })).embeddings, []);
  const { embedding } = await client.embeddings({ model: 'tiny', prompt: 'bcd' });
  assert.equal(embedding.length, 128);
  await assert.rejects(client.embed({ model: 'tiny', input: 'a', dimensions: 64 }), {
    status_code: 400,
    message: /^dimensions is 64/,
  });
  assert.equal(server.held(), 0);
});

test('models are neither fetched nor made nor removed', async () => {
  const attempts = [
    () => client.pull({ model: 'llama3' }),
    () => client.create({ model: 'mine', from: 'tiny' }),
    () => client.copy({ source: 'tiny', destination: 'other' }),
    () => client.delete({ model: 'tiny' }),
    () => client.push({ model: 'tiny' }),
  ];
  for (const attempt of attempts)
    await assert.rejects(attempt(), { status_code: 501, message: /not supported/ });
});
