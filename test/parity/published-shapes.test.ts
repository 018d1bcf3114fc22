/**
 * Every model of the catalogue, in every form that it is published in: tensors of the exact names and shapes load, and all
 * forms of a model give the same logits bit for bit. Layers are fewer than in the published models (the others have the
 * same tensors), and models that differ in nothing else are loaded once.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readCatalogue } from '#src/hub/catalogue/catalogue.js';
import type { CatalogueEntry } from '#src/hub/catalogue/catalogue-entry.js';
import { loadModel } from '#src/index.js';
import { type Form, WRITTEN_ROWS, writePublished } from '../fixtures/published-models.ts';

/** Bits of logits do not depend on it; large heads are then used where they lie. */
const HEAD = 'exact';
/** Weights of one layer up to which a second is loaded as well. */
const SMALL_LAYER = 64 * 2 ** 20;
const TOKENS = [3, 1, 4, 1, 5, 9, 2, 6, 511];

const { models } = await readCatalogue();

/** Models without what makes no difference to tensors. */
const different = new Map<string, CatalogueEntry[]>();
for (const entry of models) {
  const { blockCount: _, contextLength: __, ...dims } = entry.shape;
  const key = JSON.stringify([entry.architecture, dims]);
  different.set(key, [...(different.get(key) ?? []), entry]);
}

/** The forms that a model is published in, and the GGUF file that a conversion makes of it where there can be one. */
function formsOf(entries: readonly CatalogueEntry[]): Form[] {
  const published = entries.flatMap(({ files }) => files.map(({ format }) => format as Form));
  return [...new Set<Form>([...published, ...(fitsI2s(entries[0]!) ? ['I2_S' as const] : [])])];
}

/** Whether all rows are whole blocks of 128. */
function fitsI2s({ shape }: CatalogueEntry): boolean {
  const { embeddingLength, feedForwardLength, headCount, headLength } = shape;
  return [embeddingLength, feedForwardLength, headCount * headLength].every((columns) => columns % 128 === 0);
}

async function logitsOf(path: string, entry: CatalogueEntry): Promise<Float32Array> {
  const model = await loadModel(path, { head: HEAD, contextLength: 64 });
  try {
    const { shape } = entry;
    assert.equal(model.config.architecture, entry.architecture);
    assert.equal(model.config.vocabularySize, shape.vocabularySize);
    assert.equal(model.config.headLength, shape.headLength);
    assert.equal(model.config.ropeFreqBase, shape.ropeFreqBase);
    assert.equal(model.config.layerNormRmsEpsilon, Math.fround(shape.layerNormRmsEpsilon));
    return await model.logits(TOKENS);
  } finally {
    await model.dispose();
  }
}

function hasSameBits(a: Float32Array, b: Float32Array): boolean {
  const [x, y] = [a, b].map((values) => new Uint32Array(values.buffer, values.byteOffset, values.length));
  return x!.every((bits, i) => bits === y![i]);
}

for (const entries of different.values()) {
  const [entry] = entries as [CatalogueEntry];
  const forms = formsOf(entries);
  const names = entries.map(({ name }) => name).join(', ');
  test(`${names}: ${forms.join(', ')}`, async () => {
    const folder = await mkdtemp(join(tmpdir(), 'bitnet-shapes-'));
    try {
      const { embeddingLength, feedForwardLength, vocabularySize } = entry.shape;
      const layers = embeddingLength * feedForwardLength * 4 <= SMALL_LAYER ? 2 : 1;
      let first: Float32Array | undefined;
      for (const form of forms) {
        const path = join(folder, form === 'I2_S' ? 'model.gguf' : form);
        const length = await writePublished(path, entry, form, layers);
        assert.ok(length > vocabularySize * embeddingLength * 2, `${form}: ${length} bytes`);
        const logits = await logitsOf(path, entry);
        assert.equal(logits.length, vocabularySize);
        assert.ok(logits.every(Number.isFinite), `${form}: not finite`);
        const written = logits.subarray(0, WRITTEN_ROWS);
        assert.ok(new Set(written).size > WRITTEN_ROWS / 2, `${form}: logits alike`);
        first ??= logits;
        assert.ok(hasSameBits(logits, first), `${form} against ${forms[0]}`);
        await rm(path, { recursive: true });
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
}

test('models that no I2_S file can hold are published in another form', () => {
  const ragged = models.filter((entry) => !fitsI2s(entry));
  assert.deepEqual(
    ragged.map(({ name }) => name),
    ['bitnet-xl', 'bitnet-3b'],
  );
  assert.ok(ragged.every(({ files }) => files.every(({ format }) => format === 'masters')));
});
