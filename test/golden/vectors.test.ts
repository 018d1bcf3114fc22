/**
 * Logits of every model and type in test/golden/infer against an independent float64 implementation, by the tolerance
 * rule of the README there, on every backend that runs here.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openPath } from '#platform';
import type { ByteSource } from '#src/base/byte-source.js';
import { argmax } from '#src/engine/generation/sampler.js';
import { loadEngine } from '#src/engine/load-engine.js';
import type { EngineOptions } from '#src/engine/options.js';
import { Session } from '#src/engine/session.js';
import { openModel } from '#src/model/open.js';
import { usableBackends } from '../fixtures/usable-backends.ts';

const folder = new URL('../../../test/golden/infer/', import.meta.url);

/** What the JSON beside a model says. */
interface Description {
  readonly tokens: readonly number[];
  readonly vocab: number;
}

/** One logits row per prompt token. */
async function logitsOf(
  file: string,
  tokens: readonly number[],
  options: EngineOptions,
): Promise<Float32Array[]> {
  const opened = await openModel((await openPath(fileURLToPath(new URL(file, folder)))) as ByteSource);
  const engine = await loadEngine(opened, { ...options, threads: 0 });
  const rows: Float32Array[] = [];
  await new Session(engine).syncEach(tokens, 0, (_, logits) => rows.push(logits));
  await engine.dispose();
  await opened.close();
  assert.equal(engine.backendName, options.backend);
  return rows;
}

function referenceRows(file: string, vocabulary: number): Float32Array[] {
  const bytes = readFileSync(new URL(file, folder));
  const all = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  return Array.from({ length: all.length / vocabulary }, (_, i) =>
    all.subarray(i * vocabulary, (i + 1) * vocabulary),
  );
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

/** The rule for int8 files. */
function assertInt8Rule(found: readonly Float32Array[], expected: readonly Float32Array[]): void {
  const differences = found.map((row, i) => largestDifference(row, expected[i]!));
  const close = differences.filter((difference) => difference <= 1e-3).length;
  assert.ok(close >= 0.8 * found.length, `only ${close} of ${found.length} positions are within 1e-3`);
  assert.ok(Math.max(...differences) <= 1, `the largest difference is ${Math.max(...differences)}`);
  for (const [i, row] of expected.entries()) {
    const [first, second] = row.toSorted((a, b) => b - a) as unknown as [number, number];
    if (first - second > 1) assert.equal(argmax(found[i]!), argmax(row), `position ${i}`);
  }
}

const { main, others } = await usableBackends();
const backends = ['reference', ...main, ...others] as const;
const models = readdirSync(folder).filter((file) => file.endsWith('.gguf'));
assert.equal(models.length, 13, 'all models of the folder');

for (const file of models) {
  const [name, type] = file.split('.') as [string, string];
  const { tokens, vocab }: Description = JSON.parse(
    readFileSync(new URL(`${name}.json`, folder), 'utf8'),
  ) as Description;
  for (const backend of backends) {
    if (type === 'f16') {
      test(`${file} on ${backend}: dense logits within 2e-3 everywhere`, async () => {
        const found = await logitsOf(file, tokens, { backend, kvCache: 'f32' });
        const expected = referenceRows(`${name}.float-kvf32.logits.f32`, vocab);
        assert.equal(found.length, expected.length);
        for (const [i, row] of expected.entries()) {
          const difference = largestDifference(found[i]!, row);
          assert.ok(difference <= 2e-3, `position ${i} is off by ${difference}`);
        }
      });
      continue;
    }
    for (const kvCache of ['f32', 'f16'] as const) {
      test(`${file} on ${backend}, KV cache ${kvCache}: logits by the int8 rule`, async () => {
        const found = await logitsOf(file, tokens, { backend, kvCache });
        const expected = referenceRows(`${name}.int8-kv${kvCache}.logits.f32`, vocab);
        assert.equal(found.length, expected.length);
        assertInt8Rule(found, expected);
      });
    }
  }
}
