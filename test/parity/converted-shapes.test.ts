/**
 * Every published model, in the form that it is published in, converted: the GGUF file has the very tensors that an
 * independent writer of such files makes, and the folder made of that file those of the packed form. Layers and
 * vocabularies are smaller than in the published models.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BitnetError } from '#src/base/errors.js';
import { RANDOM_SHAPES } from '#src/cli/random-model/shapes.js';
import { openSource } from '#src/engine/source.js';
import { readTensor } from '#src/formats/tensor-info.js';
import { readCatalogue } from '#src/hub/catalogue/catalogue.js';
import type { CatalogueEntry } from '#src/hub/catalogue/catalogue-entry.js';
import { openModel } from '#src/model/open.js';
import { type Converted, toFolder, toGguf } from '../fixtures/converted.ts';
import { type Form, writePublished } from '../fixtures/published-models.ts';

/** The smallest for which there are control tokens. */
const VOCABULARY = Math.min(...[...RANDOM_SHAPES.values()].map((shape) => shape.vocabularySize));

const { models } = await readCatalogue();

/** One model of each architecture and width, and its forms. */
const different = new Map<string, { entry: CatalogueEntry; forms: Set<Form> }>();
for (const entry of models) {
  const { embeddingLength, feedForwardLength, headCount } = entry.shape;
  const key = [entry.architecture, embeddingLength, feedForwardLength, headCount].join();
  const known = different.get(key) ?? { entry, forms: new Set<Form>() };
  for (const { format } of entry.files) known.forms.add(format as Form);
  different.set(key, known);
}

/** Tensors that have to be the same: all but the tables, which an embedding type is chosen for. */
async function assertSameTensors(
  one: string | Converted['result'],
  other: Converted['result'],
): Promise<void> {
  const [a, b] = [await openModel(await openSource(one)), await openModel(await openSource(other))];
  try {
    assert.deepEqual([...b.tensors.keys()].sort(), [...a.tensors.keys()].sort());
    for (const [name, info] of a.tensors) {
      const again = b.tensors.get(name)!;
      assert.deepEqual(again.shape, info.shape, name);
      if (/token_embd|embed_tokens|^output\.weight|lm_head|norm|_ln|layernorm/.test(name)) continue;
      assert.equal(again.dtype, info.dtype, name);
      assert.ok(Buffer.from(await readTensor(again)).equals(await readTensor(info)), name);
    }
  } finally {
    await a.close();
    await b.close();
  }
}

for (const { entry, forms } of different.values()) {
  const small = { ...entry, shape: { ...entry.shape, vocabularySize: VOCABULARY } };
  const { embeddingLength, feedForwardLength, headCount, headLength } = entry.shape;
  const fits = [embeddingLength, feedForwardLength, headCount * headLength].every(
    (columns) => columns % 128 === 0,
  );
  for (const form of forms) {
    if (form === 'I2_S') continue;
    test(`${entry.name}, ${form}`, async () => {
      const folder = await mkdtemp(join(tmpdir(), 'bitnet-converted-'));
      const write = async (as: Form): Promise<string> => {
        const path = join(folder, as === 'I2_S' ? 'model.gguf' : as);
        await writePublished(path, small, as, 1);
        return path;
      };
      try {
        const source = await write(form);
        const packed = form === 'packed' ? source : await write('packed');
        await assertSameTensors(packed, (await toFolder(source, 'U8')).result);
        if (!fits) {
          await assert.rejects(
            toGguf(source),
            (error) =>
              error instanceof BitnetError &&
              /a GGUF file of type f16, or a folder of type packed/.test(error.message),
          );
          return;
        }
        const { result, losses } = await toGguf(source);
        assert.deepEqual(losses.sentences, []);
        await assertSameTensors(await write('I2_S'), result);
        await assertSameTensors(packed, (await toFolder(result)).result);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    });
  }
}
