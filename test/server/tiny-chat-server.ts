/** A server over real HTTP with a tiny random chat model, a base model beside it, and a record of what is held. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Hono } from 'hono';
import { BitnetError } from '#src/base/errors.js';
import { type GgufEntry, writeGguf } from '#src/formats/gguf/write.js';
import { loadModel, type Model } from '#src/index.js';
import type { ModelRegistry } from '#src/server/models/served-model.js';
import type { AddRoutes, ServerEnvironment } from '#src/server/server-context.js';
import { seededRandom } from '../properties/mutate.js';
import { architectureOf, tinyTensors } from '../properties/tiny-models.js';
import { BYTE_LEVEL_SIZE, byteLevelMetadata } from '../properties/tiny-text.js';
import { disposeServed, listenAnywhere, servedOf } from './served-for-test.js';

const DIMS = {
  embedding_length: 128,
  block_count: 2,
  feed_forward_length: 256,
  'attention.head_count': 4,
  'attention.head_count_kv': 2,
  context_length: 2048,
  vocab_size: BYTE_LEVEL_SIZE,
};

/** Tokens that a conversation with the tiny models can hold. */
export const TINY_CONTEXT: number = DIMS.context_length;

/** A model whose tokens are bytes; with a chat template unless it is a base model. */
export async function tinyChatGguf(kind: 'chat' | 'base' = 'chat'): Promise<Uint8Array> {
  const name = 'bitnet-b1.58';
  const tensors = tinyTensors(
    architectureOf(name),
    {
      embeddingLength: DIMS.embedding_length,
      headCount: 4,
      headCountKv: 2,
      headLength: 32,
      feedForwardLength: DIMS.feed_forward_length,
      blockCount: DIMS.block_count,
      vocabularySize: BYTE_LEVEL_SIZE,
    },
    // A head of its own: a tied one would say the last token again and again.
    { projections: 'I2_S', embedding: 'F16', head: 'F16' },
    'gguf',
    seededRandom(7),
  );
  const text = byteLevelMetadata().map((entry) => (kind === 'base' ? withoutTurns(entry) : entry));
  const parts: Uint8Array[] = [];
  await writeGguf(async (part) => void parts.push(part.slice()), {
    metadata: [
      { key: 'general.architecture', type: 'string', value: name },
      ...Object.entries(DIMS).map(([key, value]) => ({ key: `${name}.${key}`, type: 'u32', value }) as const),
      { key: `${name}.attention.layer_norm_rms_epsilon`, type: 'f32', value: 1e-5 },
      ...text.filter(({ key }) => kind === 'chat' || key !== 'tokenizer.chat_template'),
    ],
    tensors,
  });
  return new Uint8Array(Buffer.concat(parts));
}

/** Without the token that ends a turn, by which the family's template is known. */
function withoutTurns(entry: GgufEntry): GgufEntry {
  if (entry.key !== 'tokenizer.ggml.tokens' || entry.type !== 'string[]') return entry;
  const tokens = [...(entry.value as Iterable<string>)];
  return { ...entry, value: tokens.map((token) => (token === '<|eot_id|>' ? '<|end|>' : token)) };
}

/** The files of `tiny` (chat) and `tiny-base:latest`, by name. */
export async function writeTinyModels(): Promise<{
  paths: Map<string, string>;
  remove: () => Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), 'bitnet-server-'));
  const paths = new Map([
    ['tiny', join(folder, 'tiny.gguf')],
    ['tiny-base:latest', join(folder, 'tiny-base.gguf')],
  ]);
  for (const [id, path] of paths) await writeFile(path, await tinyChatGguf(id === 'tiny' ? 'chat' : 'base'));
  return { paths, remove: () => rm(folder, { recursive: true }) };
}

/** A server to test with. */
export interface TinyServer {
  /** Without a slash at the end. */
  readonly url: string;
  /** Leases that have not been released. */
  readonly held: () => number;
  /** Models that are loaded, by name, with how long they were asked to stay. */
  readonly loaded: ReadonlyMap<string, number | undefined>;
  readonly models: ReadonlyMap<string, Model>;
  close(): Promise<void>;
}

/** Serves `tiny` (chat) and `tiny-base:latest` with the routes of a dialect. */
export async function startTinyServer(addRoutes: AddRoutes): Promise<TinyServer> {
  const { paths, remove } = await writeTinyModels();
  const models = new Map<string, Model>();
  for (const [id, path] of paths) models.set(id, await loadModel(path, { threads: 0 }));
  const loaded = new Map<string, number | undefined>([['tiny', undefined]]);
  let held = 0;
  const servedModels = new Map([...models].map(([id, model]) => [id, servedOf(id, model)]));
  const registry: ModelRegistry = {
    list: () =>
      [...servedModels.values()].map((served) => ({
        id: served.id,
        created: served.created,
        source: paths.get(served.id)!,
        fileBytes: 1234,
        loaded: loaded.has(served.id) ? served : undefined,
        expiresAt: loaded.has(served.id) && loaded.get(served.id) !== -1 ? 1_800_000_000_000 : undefined,
      })),
    async acquire(name, keepAliveSeconds) {
      const served = servedModels.get(name ?? 'tiny');
      if (served === undefined) throw new BitnetError('server/unknown-model', `there is no model ${name}`);
      loaded.set(served.id, keepAliveSeconds);
      held++;
      let isHeld = true;
      return {
        served,
        release() {
          if (isHeld) held--;
          isHeld = false;
        },
      };
    },
    unload: (name) => void loaded.delete(name),
    dispose: async () => {},
  };
  const app = new Hono<ServerEnvironment>();
  app.use(async (c, next) => {
    c.set('requestId', crypto.randomUUID());
    c.set('signal', c.req.raw.signal);
    await next();
  });
  addRoutes(app, { models: registry });
  const listening = await listenAnywhere(app);
  return {
    url: listening.url,
    held: () => held,
    loaded,
    models,
    async close() {
      await listening.close();
      for (const served of servedModels.values()) await disposeServed(served);
      await remove();
    },
  };
}
