/**
 * One answer everywhere: the logits of a model are the same bits on every backend, for any number of threads, any size of
 * prefill chunks, with a cached prefix or without, and whatever else is in the batch. And they are the bits that were
 * written down in test/golden/hashes.json, so that a runtime or a CPU that computes otherwise is found.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { Engine } from '#src/engine/engine.js';
import { loadEngine } from '#src/engine/load-engine.js';
import type { EngineOptions } from '#src/engine/options.js';
import { Session } from '#src/engine/session.js';
import type { RunningBackend } from '#src/kernels/backend-name.js';
import { openGolden, someTokens } from '../fixtures/golden-models.ts';
import { usableBackends } from '../fixtures/usable-backends.ts';

/** Heads of 64 and 96, both rotations, ternary and dense projections, and dims that fill no tile. */
const MODELS = ['tiny-tales', 'bitnet-wide.i2_s', 'llama-ternary.i2_s', 'llama-ternary.f16', 'ragged-packed'];
/** Past the first block of attention; all chunkings of the prefill leave a remainder. */
const PREFILL = 66;
const DECODED = 6;
const KV_CACHES = ['f16', 'f32', 'q8'] as const;

const { main, others } = await usableBackends();

async function withEngine<T>(
  name: string,
  options: EngineOptions,
  use: (engine: Engine) => Promise<T>,
): Promise<T> {
  const opened = await openGolden(name);
  const engine = await loadEngine(opened, options);
  try {
    if (options.backend !== undefined) assert.equal(engine.backendName, options.backend);
    return await use(engine);
  } finally {
    await engine.dispose();
    await opened.close();
  }
}

function hashOf(rows: Iterable<Float32Array>): string {
  const hash = createHash('sha256');
  for (const row of rows) hash.update(new Uint8Array(row.buffer, row.byteOffset, row.byteLength));
  return hash.digest('hex');
}

/** The hash of logits at 11 places of a chunked prefill and of each token decoded after it. */
async function fingerprint(engine: Engine): Promise<string> {
  const tokens = someTokens(PREFILL + DECODED, engine.config.vocabularySize);
  const cache = engine.allocateCache();
  const rows: Float32Array[] = [];
  for (let position = 0; position < tokens.length; ) {
    const isPrefill = position < PREFILL;
    const count = isPrefill ? Math.min(engine.batchTokens, PREFILL - position) : 1;
    const outputs = Array.from({ length: count }, (_, index) => ({ index })).filter(
      ({ index }) => !isPrefill || (position + index) % 6 === 5,
    );
    const chunk = tokens.slice(position, position + count);
    const results = await engine.step([{ cache, position, tokens: chunk, outputs }]);
    rows.push(...results.map(({ logits }) => logits));
    position += count;
  }
  engine.freeCache(cache);
  assert.equal(rows.length, PREFILL / 6 + DECODED);
  return hashOf(rows);
}

const SETTINGS: readonly Pick<EngineOptions, 'threads' | 'batchTokens'>[] = [
  { threads: 0, batchTokens: 1 },
  { threads: 0, batchTokens: 7 },
  { threads: 0, batchTokens: 64 },
  { threads: 0, batchTokens: PREFILL },
  { threads: 1, batchTokens: 64 },
  { threads: 2, batchTokens: 1 },
  { threads: 3, batchTokens: 7 },
  { threads: 4, batchTokens: PREFILL },
];
/** One token, a few and many at a time have paths of their own. */
const FEW_SETTINGS = [
  { threads: 2, batchTokens: 1 },
  { threads: 0, batchTokens: 7 },
  { threads: 0, batchTokens: 64 },
];

/** Other variants with other caches have to give the bits that were written down, which is enough. */
function settingsOf(backend: RunningBackend, kvCache: (typeof KV_CACHES)[number]): typeof SETTINGS {
  if (main.includes(backend)) return kvCache === 'f16' ? SETTINGS : SETTINGS.slice(5, 7);
  return kvCache === 'f16' ? FEW_SETTINGS : [];
}

for (const name of MODELS) {
  describe(`${name}: the same bits`, () => {
    for (const kvCache of KV_CACHES) {
      test(`on every backend, for 0 to 4 threads and chunks of 1, 7, 64 and all, KV cache ${kvCache}`, async () => {
        const reference = { backend: 'reference', kvCache } as const;
        const whole = { ...reference, threads: 0, batchTokens: PREFILL };
        const expected = await withEngine(name, whole, fingerprint);
        if (name.startsWith('ragged')) {
          const threaded = { ...reference, threads: 3, batchTokens: 7 };
          assert.equal(await withEngine(name, threaded, fingerprint), expected, 'reference, 3 threads');
        }
        for (const backend of [...main, ...others]) {
          for (const settings of settingsOf(backend, kvCache)) {
            const found = await withEngine(name, { backend, kvCache, ...settings }, fingerprint);
            assert.equal(found, expected, `${backend}, ${JSON.stringify(settings)}`);
          }
        }
      });
    }

    test('with the int8 head', async () => {
      const int8 = { head: 'int8', batchTokens: 32 } as const;
      const expected = await withEngine(name, { ...int8, backend: 'reference', threads: 0 }, fingerprint);
      assert.notEqual(
        await withEngine(name, { head: 'exact', threads: 0 }, fingerprint),
        expected,
        'one head',
      );
      for (const backend of [...main, ...others]) {
        assert.equal(
          await withEngine(name, { ...int8, backend, threads: main.includes(backend) ? 3 : 0 }, fingerprint),
          expected,
          backend,
        );
      }
    });

    for (const backend of main.slice(0, 2)) {
      test(`after a shared prefix, a branch, a step back and a repeat, on ${backend}`, async () => {
        await withEngine(name, { backend, threads: 2, batchTokens: 16 }, async (engine) => {
          const { vocabularySize } = engine.config;
          const tokens = someTokens(80, vocabularySize);
          const branch = [...tokens.slice(0, 41), ...someTokens(30, vocabularySize, 2)];
          const alone = async (ids: readonly number[]) => {
            const session = new Session(engine);
            const logits = await session.sync(ids);
            session.dispose();
            return hashOf([logits]);
          };
          const session = new Session(engine);
          for (const ids of [
            tokens.slice(0, 41),
            tokens,
            branch,
            tokens,
            tokens.slice(0, 3),
            branch.slice(0, 50),
            branch.slice(0, 50),
            branch,
          ]) {
            assert.equal(hashOf([await session.sync(ids)]), await alone(ids), `${ids.length} tokens`);
            assert.deepEqual(session.tokens, ids);
          }
        });
      });

      test(`whatever else is in the batch, on ${backend}`, async () => {
        await withEngine(name, { backend, threads: 2, batchTokens: 24 }, async (engine) => {
          const { vocabularySize } = engine.config;
          const lengths = [1, 30, 5, 17];
          const sequences = lengths.map((length, i) => someTokens(length, vocabularySize, i + 3));
          const expected: string[] = [];
          for (const tokens of sequences) {
            const session = new Session(engine);
            const rows: Float32Array[] = [];
            await session.syncEach(tokens, 0, (_, logits) => rows.push(logits));
            session.dispose();
            expected.push(hashOf(rows));
          }
          const caches = sequences.map(() => engine.allocateCache());
          const found: Float32Array[][] = sequences.map(() => []);
          const done = sequences.map(() => 0);
          // Rounds in which every sequence goes on by another number of tokens, the last ones first.
          for (let round = 0; done.some((count, i) => count < lengths[i]!); round++) {
            const parts = sequences
              .map((tokens, i) => ({ i, next: tokens.slice(done[i], done[i]! + 1 + ((round + i) % 4)) }))
              .filter(({ next }) => next.length > 0)
              .reverse();
            const items = parts.map(({ i, next }) => ({
              cache: caches[i]!,
              position: done[i]!,
              tokens: next,
              outputs: next.map((_, index) => ({ index })),
            }));
            const rows = await engine.step(items);
            for (const { i, next } of parts) {
              found[i]!.push(...rows.splice(0, next.length).map(({ logits }) => logits));
              done[i]! += next.length;
            }
          }
          assert.deepEqual(found.map(hashOf), expected);
        });
      });
    }
  });
}

interface GoldenHashes {
  readonly tokens: number;
  readonly models: Readonly<Record<string, Readonly<Record<(typeof KV_CACHES)[number], string>>>>;
}

const golden = JSON.parse(
  readFileSync(new URL('../../../test/golden/hashes.json', import.meta.url), 'utf8'),
) as GoldenHashes;

for (const [name, hashes] of Object.entries(golden.models)) {
  for (const kvCache of KV_CACHES) {
    test(`${name}, KV cache ${kvCache}: the bits that were written down`, async () => {
      for (const backend of [...main, ...others]) {
        const found = await withEngine(name, { backend, kvCache }, async (engine) => {
          const rows: Float32Array[] = [];
          const tokens = someTokens(golden.tokens, engine.config.vocabularySize);
          await new Session(engine).syncEach(tokens, 0, (_, logits) => rows.push(logits));
          return hashOf(rows);
        });
        assert.equal(found, hashes[kvCache], backend);
      }
    });
  }
}
