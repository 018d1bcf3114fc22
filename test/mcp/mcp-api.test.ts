/** `bitnet.ts/mcp`: a program's own model as a server on a transport of its choice. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, InMemoryTransport } from '@modelcontextprotocol/client';
import { createMcpServer } from 'bitnet.ts/mcp';
import { loadModel } from '#src/index.js';
import { TINY_TALES } from '../e2e/run-process.js';
import { call, ended } from './mcp-client.js';

test("a program's own model is served while it is used otherwise, and outlives the server", async (t) => {
  const model = await loadModel(TINY_TALES);
  t.after(() => model.dispose());
  const server = createMcpServer(model, { name: 'stories', version: '2.0.0', label: 'tiny tales' });
  const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
  await server.connect(serverSide);
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(clientSide);
  assert.deepEqual(client.getServerVersion(), { name: 'stories', title: 'bitnet.ts', version: '2.0.0' });

  const args = { prompt: 'Once', max_tokens: 16, seed: 4 };
  const [answer, own] = await Promise.all([
    call(client, 'generate', args),
    ended(model.generate('Once', { maxTokens: 16, seed: 4 })),
  ]);
  assert.equal(answer.text, own.text);
  const { structured } = await call(client, 'model_information', {});
  assert.equal(structured.model, 'tiny tales');
  assert.equal(structured.file, undefined);

  await client.close();
  assert.equal(await model.generate('Once', { maxTokens: 16, seed: 4 }).text(), own.text);
});

test('clients are not told the secrets of an address', async (t) => {
  const model = await loadModel(TINY_TALES);
  t.after(() => model.dispose());
  const source = 'https://someone:secret@models.example.org/a.gguf?signature=secret';
  const server = createMcpServer(model, { name: 'stories', version: '2.0.0', source });
  const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
  await server.connect(serverSide);
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(clientSide);
  t.after(() => client.close());
  const { structured } = await call(client, 'model_information', {});
  assert.equal(structured.file, 'https://models.example.org/a.gguf');
});

test('a fault of our own is noted, and clients are told no more than that', async (t) => {
  const model = await loadModel(TINY_TALES);
  t.after(() => model.dispose());
  const noted: string[] = [];
  const log = (fault: string) => noted.push(fault);
  const broken = new Proxy(model, {
    get: (target, key) =>
      key === 'tokenize' ? () => assert.fail('broken') : Reflect.get(target, key, target),
  });
  const server = createMcpServer(Promise.resolve(broken), { name: 'stories', version: '2.0.0', log });
  const [clientSide, serverSide] = InMemoryTransport.createLinkedPair();
  await server.connect(serverSide);
  const client = new Client({ name: 'test', version: '1.0.0' });
  await client.connect(clientSide);
  t.after(() => client.close());
  const { isError, text } = await call(client, 'tokenize', { text: 'a' });
  assert.ok(isError);
  assert.match(text, /^internal error: the log of the server/);
  assert.match(noted.join(), /broken/);
});
