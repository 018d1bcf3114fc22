/**
 * Files that change, lie about their size or are laid out to cost much, loaded whole: deep and long JSON, many keys,
 * symbolic links, a file that is cut while it is read, servers that do not send what they promise.
 */
import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ByteSource } from '#src/base/byte-source.js';
import { BitnetError } from '#src/base/errors.js';
import { type LoadOptions, loadModel } from '#src/engine/model.js';
import type { ModelSource } from '#src/engine/source.js';
import { readGguf } from '#src/formats/gguf/read.js';
import { readSafetensors } from '#src/formats/safetensors/read.js';
import { openHttp } from '#src/formats/sources/http.js';
import { memoryFolder } from '#src/formats/sources/memory.js';
import { writeFolder } from './draft-folder.js';
import { draftGguf, writeDraft } from './draft-gguf.js';
import { FOLDER_MODELS, GGUF_MODELS } from './seed-models.js';
import { strictSource } from './strict-source.js';

const OPTIONS: LoadOptions = { backend: 'wasm', threads: 0 };
const GGUF = await GGUF_MODELS[0]!.make();
const FOLDER = FOLDER_MODELS[0]!.draft;

async function refused(source: ModelSource, code: string, options: LoadOptions = OPTIONS): Promise<void> {
  await assert.rejects(loadModel(source, options), (error) => {
    assert.ok(error instanceof BitnetError, String(error instanceof Error ? error.stack : error));
    assert.equal(error.code, code, error.message);
    return true;
  });
}

async function loads(source: ModelSource): Promise<void> {
  const model = await loadModel(source, OPTIONS);
  assert.equal((await model.score([1, 2, 3])).length, 2);
  await model.dispose();
}

async function inTempFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'bitnet-hostile-'));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The folder with one file replaced by a text. */
function withFile(name: string, text: string): ModelSource {
  return memoryFolder(new Map([...writeFolder(FOLDER), [name, new TextEncoder().encode(text)]]), 'dir');
}

test('JSON that is nested a hundred thousand deep is no danger wherever it stands', async () => {
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
  const objects = `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`;
  const config = JSON.stringify(FOLDER.json['config.json']);
  const at = (key: string, value: string) => config.replace(/^\{/, `{${JSON.stringify(key)}:${value},`);
  await loads(withFile('config.json', at('unknown', deep)));
  await loads(withFile('config.json', at('unknown', objects)));
  const unnamed = JSON.stringify({ ...(FOLDER.json['config.json'] as object), architectures: undefined });
  await refused(
    withFile('config.json', unnamed.replace(/^\{/, `{"architectures":[${deep}],`)),
    'model/unsupported-architecture',
  );
  await refused(withFile('config.json', at('rope_scaling', deep)), 'model/bad-config');
  await refused(
    withFile('config.json', at('head_dim', objects).replace(/"head_dim":14,/, '')),
    'model/bad-config',
  );
  const parts = {
    normalizer: 'normalizers',
    pre_tokenizer: 'pretokenizers',
    post_processor: 'processors',
    decoder: 'decoders',
    model: 'vocab',
    added_tokens: 'content',
  };
  for (const [part, list] of Object.entries(parts)) {
    const json = JSON.stringify({ ...(FOLDER.json['tokenizer.json'] as object), [part]: undefined });
    const nested = `{"type":"Sequence","${list}":[`;
    for (const value of [deep, objects, `${nested.repeat(50_000)}${']}'.repeat(50_000)}`]) {
      const text = json.replace(/^\{/, `{"${part}":${value},`);
      await assert.rejects(
        loadModel(withFile('tokenizer.json', text), OPTIONS),
        (error) => error instanceof BitnetError && error.code.startsWith('tokenizer/'),
        part,
      );
    }
  }
  await loads(withFile('tokenizer_config.json', `{"chat_template":{"a":${deep}},"bos_token":${objects}}`));
});

test('a safetensors header of a hundred million blanks is read, one of more refused', async () => {
  const blank = (length: number): ByteSource => ({
    name: 'blank',
    size: length + 8,
    async readInto(target, offset) {
      target.fill(0x20);
      if (offset > 8) return;
      const start = new Uint8Array(10);
      new DataView(start.buffer).setBigUint64(0, BigInt(length), true);
      start.set([0x7b, 0x7d], 8);
      target.set(start.subarray(offset, offset + target.length));
    },
    async close() {},
  });
  assert.equal((await readSafetensors(blank(100_000_000))).tensors.size, 0);
  await assert.rejects(
    readSafetensors(blank(100_000_001)),
    (error) => error instanceof BitnetError && error.code === 'safetensors/header-length',
  );
});

test('many metadata keys are read, more than a million refused', async () => {
  const draft = await draftGguf(GGUF);
  for (let i = 0; i < 20_000; i++) draft.entries.push({ key: `k${i}`, type: 'u8', value: 1 });
  await loads(strictSource(writeDraft(draft)).source);
  const header = new Uint8Array(24);
  header.set(GGUF.subarray(0, 8));
  new DataView(header.buffer).setBigUint64(16, 2n ** 20n + 1n, true);
  await assert.rejects(
    readGguf(strictSource(header, 2 ** 32).source),
    (error) => error instanceof BitnetError && error.code === 'gguf/bad-count',
  );
});

test('a key that is there twice is refused, in metadata as in JSON', async () => {
  const draft = await draftGguf(GGUF);
  draft.entries.push({ key: 'general.architecture', type: 'string', value: 'llama' });
  await refused(strictSource(writeDraft(draft)).source, 'gguf/repeated-key');
  const config = JSON.stringify(FOLDER.json['config.json']);
  await refused(withFile('config.json', config.replace(/^\{/, '{"vocab_size":7,')), 'json/repeated-key');
});

test('shards may be symbolic links to files, not to folders or to nothing', () =>
  inTempFolder(async (folder) => {
    const blobs = join(folder, 'blobs');
    const model = join(folder, 'model');
    await mkdir(blobs);
    await mkdir(model);
    for (const [name, bytes] of writeFolder(FOLDER)) {
      const isShard = name.endsWith('.safetensors');
      await writeFile(join(isShard ? blobs : model, name), bytes);
    }
    await symlink(join(blobs, 'a.safetensors'), join(model, 'a.safetensors'));
    await refused(model, 'safetensors/missing-shard');
    await symlink(join(blobs, 'none'), join(model, 'b.safetensors'));
    await refused(model, 'safetensors/missing-shard');
    await rm(join(model, 'b.safetensors'));
    await symlink(blobs, join(model, 'b.safetensors'));
    await refused(model, 'safetensors/missing-shard');
    await rm(join(model, 'b.safetensors'));
    await symlink('b.safetensors', join(model, 'b.safetensors'));
    await refused(model, 'safetensors/missing-shard');
    await rm(join(model, 'b.safetensors'));
    await symlink(join('..', 'blobs', 'b.safetensors'), join(model, 'b.safetensors'));
    await loads(model);
  }));

test('a file that is cut or changed while it is read is an error', () =>
  inTempFolder(async (folder) => {
    const path = join(folder, 'model.gguf');
    await writeFile(path, GGUF);
    const onProgress = (): void => truncateSync(path, GGUF.length / 2);
    await refused(path, 'source/read-failed', { ...OPTIONS, onProgress });
    await refused(path, 'gguf/tensor-outside');
  }));

test('a file whose ternary codes change between two reads is not trusted', async () => {
  const { source } = strictSource(GGUF);
  const reads = new Map<number, number>();
  const changing: ByteSource = {
    ...source,
    async readInto(target, offset) {
      await source.readInto(target, offset);
      // Every read after the first gives other valid codes than the one before, whichever backend it is for.
      const count = reads.get(offset) ?? 0;
      if (count > 0 && target.length > 1000)
        target.fill(count % 2 === 0 ? 0xaa : 0x55, 0, target.length - 32);
      reads.set(offset, count + 1);
    },
  };
  await assert.rejects(
    loadModel(changing, OPTIONS),
    (error) => error instanceof BitnetError && error.code.startsWith('backend/'),
  );
});

type Answer = (request: IncomingMessage, response: ServerResponse, range: [number, number]) => void;

/** Serves one file under `/model.gguf` by `answer`. */
async function served(answer: Answer, use: (url: string) => Promise<void>): Promise<void> {
  const server = createServer((request, response) => {
    const [first = 0, last = 0] = (request.headers.range ?? '').slice(6).split('-').map(Number);
    answer(request, response, [first, last]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}/model.gguf`);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Answers a range honestly, but for the size of the whole file. */
const claiming =
  (size: number): Answer =>
  (_request, response, [first, last]) => {
    const part = GGUF.subarray(first, Math.min(last + 1, GGUF.length));
    const range = `bytes ${first}-${first + part.length - 1}/${size}`;
    response.writeHead(206, { 'content-range': range, 'content-length': part.length }).end(part);
  };

test('servers that lie about the size of a file are found out', async () => {
  const open = (url: string) => openHttp(url, { retryDelayMs: 1 });
  await served(claiming(GGUF.length), loads);
  for (const size of [GGUF.length + 1000, 2 ** 52]) {
    await served(claiming(size), async (url) => refused(await open(url), 'source/read-failed'));
  }
  await served(claiming(GGUF.length - 1000), (url) => refused(url, 'source/read-failed'));
  await served(claiming(2 ** 60), (url) => refused(url, 'http/no-ranges'));
});

test('a body without end is not read to its end', () =>
  served(
    (_request, response) => {
      response.writeHead(206, { 'content-range': `bytes 0-${GGUF.length - 1}/${GGUF.length}` });
      const piece = new Uint8Array(1 << 16);
      const push = (): void => {
        if (!response.destroyed && response.write(piece)) setImmediate(push);
      };
      response.on('drain', push);
      push();
    },
    (url) => refused(url, 'source/read-failed'),
  ));

test('URLs that are none or lead nowhere are errors', async () => {
  await refused('http://[', 'source/bad-url');
  await refused('https://', 'source/bad-url');
  await refused('data:text/plain', 'source/read-failed');
  await refused('blob:nodedata:0', 'source/read-failed');
  await refused('data:application/octet-stream;base64,R0dVRg==', 'gguf/truncated');
});
