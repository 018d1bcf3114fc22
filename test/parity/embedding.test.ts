/**
 * Hidden states that a step answers are those that the logits come from, and vectors of texts have the same bits on every
 * backend, for any threads and chunks, and whatever else is in a step.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { embedTokens } from '#src/engine/embedding.js';
import type { Engine } from '#src/engine/engine.js';
import { loadEngine } from '#src/engine/load-engine.js';
import type { EngineOptions } from '#src/engine/options.js';
import type { OutputRequest } from '#src/engine/step-outputs.js';
import { readTensor } from '#src/formats/tensor-info.js';
import { dotLanes } from '#src/kernels/reference/arithmetic.js';
import { dequantize } from '#src/tensor/dequantize.js';
import { openGolden, someTokens } from '../fixtures/golden-models.ts';
import { usableBackends } from '../fixtures/usable-backends.ts';

/** Tied and separate heads, norms after and before blocks, and dims that fill no tile. */
const MODELS = ['tiny-tales', 'llama-ternary.f16', 'ragged-masters'];
/** More than a block of attention. */
const LENGTH = 70;
const POOLINGS = ['last', 'mean'] as const;

const { main, others } = await usableBackends();

async function withEngine<T>(
  name: string,
  options: EngineOptions,
  use: (engine: Engine) => Promise<T>,
): Promise<T> {
  const opened = await openGolden(name);
  const engine = await loadEngine(opened, options);
  try {
    return await use(engine);
  } finally {
    await engine.dispose();
    await opened.close();
  }
}

/** The head's rows as f32. */
async function readHead(name: string): Promise<Float32Array> {
  const opened = await openGolden(name);
  const names = ['output.weight', 'lm_head.weight', 'token_embd.weight', 'model.embed_tokens.weight'];
  const info = names.map((tensor) => opened.tensors.get(tensor)).find((tensor) => tensor !== undefined)!;
  const [rows, columns] = info.shape as [number, number];
  const weights = dequantize(info.dtype, await readTensor(info), rows * columns);
  await opened.close();
  return weights;
}

function bitsOf(values: Float32Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length);
}

/** Outputs of a step on a fresh cache, all of its logits and states. */
async function compute(engine: Engine, tokens: readonly number[], outputs: readonly OutputRequest[]) {
  const cache = engine.allocateCache();
  const rows = await engine.step([{ cache, position: 0, tokens, outputs }]);
  engine.freeCache(cache);
  return rows;
}

for (const name of MODELS) {
  describe(name, () => {
    test('logits are the products of the head and the states, bit by bit', async () => {
      const head = await readHead(name);
      for (const options of [
        { head: 'exact', threads: 0 },
        { head: 'fast', threads: 2 },
      ] as const) {
        await withEngine(name, { ...options, batchTokens: 16 }, async (engine) => {
          const { vocabularySize, embeddingLength } = engine.config;
          const tokens = someTokens(12, vocabularySize);
          const outputs = tokens.flatMap((_, index) => [{ index, state: true } as const, { index }]);
          const rows = await compute(engine, tokens, outputs);
          for (const index of tokens.keys()) {
            const { state } = rows[2 * index]!;
            assert.equal(state!.length, embeddingLength);
            const products = Float32Array.from({ length: vocabularySize }, (_, id) =>
              dotLanes(head, id * embeddingLength, state!, 0, embeddingLength),
            );
            assert.deepEqual(bitsOf(rows[2 * index + 1]!.logits), bitsOf(products), `token ${index}`);
          }
        });
      }
    });

    for (const threads of [0, 1, 2, 3]) {
      test(`any mixture with logits changes neither, ${threads} workers`, async () => {
        await withEngine(name, { head: 'fast', threads, batchTokens: 32 }, async (engine) => {
          const { vocabularySize: V } = engine.config;
          const tokens = someTokens(20, V);
          const all = tokens.map((_, index) => index);
          const states = await compute(
            engine,
            tokens,
            all.map((index) => ({ index, state: true }) as const),
          );
          const logits = [
            ...(await compute(
              engine,
              tokens.slice(0, 16),
              all.slice(0, 16).map((index) => ({ index })),
            )),
          ];
          const mixtures: OutputRequest[][] = [
            [{ index: 19, state: true }],
            [{ index: 3 }, { index: 3, state: true }, { index: 0, state: true }],
            [{ index: 9, state: true }, { index: 8, top: 1 }, { index: 2 }, { index: 7, state: true }],
            [
              { index: 1, top: 5 },
              { index: 2, top: 5 },
              { index: 3, top: 2 },
              { index: 4 },
              { index: 5 },
              ...all.map((index) => ({ index, state: true }) as const),
            ],
          ];
          for (const outputs of mixtures) {
            // Several times: threads that read what others have not written yet would differ now and then.
            for (let time = 0; time < 5; time++) {
              const rows = await compute(engine, tokens, outputs);
              for (const [o, { index, state }] of outputs.entries()) {
                const row = rows[o]!;
                if (state) {
                  assert.deepEqual(bitsOf(row.state!), bitsOf(states[index]!.state!), `state ${index}`);
                  continue;
                }
                assert.equal(row.state, undefined);
                for (const [i, logit] of row.logits.entries()) {
                  assert.equal(logit, logits[index]!.logits[row.ids?.[i] ?? i], `logits of ${index}`);
                }
              }
            }
          }
        });
      });
    }

    test('vectors have the same bits for any backend, threads and chunks', async () => {
      const vectors = (engine: Engine) =>
        Promise.all(
          POOLINGS.map(async (pooling) => {
            const tokens = someTokens(LENGTH, engine.config.vocabularySize);
            return bitsOf(await embedTokens(engine, tokens, pooling));
          }),
        );
      const reference = { backend: 'reference', threads: 0, batchTokens: LENGTH } as const;
      const expected = await withEngine(name, reference, vectors);
      const settings: EngineOptions[] = [
        { threads: 0, batchTokens: 1 },
        { threads: 2, batchTokens: 7 },
        { threads: 3, batchTokens: 64 },
      ];
      for (const backend of main) {
        for (const options of settings) {
          const found = await withEngine(name, { backend, ...options }, vectors);
          assert.deepEqual(found, expected, `${backend}, ${JSON.stringify(options)}`);
        }
      }
      for (const backend of others) {
        const found = await withEngine(name, { backend, threads: 0 }, vectors);
        assert.deepEqual(found, expected, backend);
      }
      // The int8 head has an embedding of its own, so its states differ; its bits have to agree all the same.
      const int8 = { head: 'int8', threads: 0 } as const;
      const rounded = await withEngine(name, { ...int8, backend: 'reference' }, vectors);
      for (const backend of main) {
        assert.deepEqual(await withEngine(name, { ...int8, backend, threads: 2 }, vectors), rounded, backend);
      }
    });

    test('vectors do not depend on sequences that are computed between their chunks', async () => {
      await withEngine(name, { threads: 2, batchTokens: 16 }, async (engine) => {
        const { vocabularySize: V } = engine.config;
        const texts = [5, 40, 33].map((length, i) => someTokens(length, V, i + 1));
        const alone: Float32Array[] = [];
        for (const tokens of texts) alone.push(await embedTokens(engine, tokens, 'mean'));
        const together = await Promise.all(texts.map((tokens) => embedTokens(engine, tokens, 'mean')));
        assert.deepEqual(together, alone);
      });
    });

    test('states do not depend on the other items of a step, with outputs or without', async () => {
      await withEngine(name, { threads: 2, batchTokens: 32 }, async (engine) => {
        const { vocabularySize: V } = engine.config;
        const items = [3, 10, 6, 8].map((length, i) => ({
          cache: engine.allocateCache(),
          position: 0,
          tokens: someTokens(length, V, i + 7),
        }));
        const [plain, greedy, embedded, silent] = items as [Item, Item, Item, Item];
        const state = { index: 4, state: true } as const;
        const expected = await compute(engine, embedded.tokens, [state]);
        const rows = await engine.step([
          { ...plain, outputs: [{ index: 2 }] },
          { ...greedy, outputs: [{ index: 9, top: 1 }] },
          { ...embedded, outputs: [state] },
          { ...silent, outputs: [] },
        ]);
        assert.equal(rows.length, 3);
        assert.deepEqual(rows[2], expected[0]);
        for (const { cache } of items) engine.freeCache(cache);
      });
    });
  });
}

type Item = Omit<Parameters<Engine['step']>[0][number], 'outputs'> & { readonly tokens: number[] };
