/**
 * What training exports is what inference runs: one set of weights written as GGUF files and as a Hugging Face folder,
 * each loaded by the engine, and their logits compared. Files that hold the same numbers give the same bits, also where
 * one holds codes that the exporter made and the other latent weights that the loader quantises.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { GGMLQuantizationType, gguf } from '@huggingface/gguf';
import type { SourceFolder } from '#src/base/byte-source.js';
import { loadModel, type Model } from '#src/engine/model.js';
import { Session } from '#src/engine/session.js';
import type { ModelSource } from '#src/engine/source.js';
import { rowStride } from '#src/kernels/kernels.js';
import { bfloat16ToFloat, floatToBfloat16, floatToHalf, halfToFloat } from '#src/tensor/half.js';
import { type ExportFormat, type ExportOptions, exportModel } from '#src/train/export/export-model.js';
import { modelInTraining } from '#src/train/export/model-to-export.js';
import { createMemoryRunFolder, type MemoryRunFolder } from '#src/train/memory-run-folder.js';
import { createTrainingModel } from '#src/train/model/create.js';
import type { TrainingModel } from '#src/train/model/training-model.js';
import { someTokens } from '../fixtures/golden-models.ts';
import {
  END_OF_TEXT,
  type RandomTrained,
  randomTrained,
  TOKENIZER_JSON,
} from '../fixtures/random-trained-model.ts';

const CHAT_TEMPLATE = "{% for message in messages %}{{ message['content'] }}{% endfor %}";
const TOKENS = someTokens(40, 2048);
const OPTIONS: ExportOptions = {
  name: 'random',
  tokenizer: {
    tokenizerJson: TOKENIZER_JSON,
    bosToken: END_OF_TEXT,
    eosToken: END_OF_TEXT,
    chatTemplate: CHAT_TEMPLATE,
  },
  formats: [],
  embedding: 'F32',
  masters: 'F32',
};

async function exported(
  choice: RandomTrained,
  formats: readonly ExportFormat[],
  options: Partial<ExportOptions> = {},
): Promise<MemoryRunFolder> {
  const folder = createMemoryRunFolder('run');
  const files = await exportModel(folder, randomTrained(choice), { ...OPTIONS, formats, ...options });
  for (const file of files) assert.ok(folder.read(file)!.length > 0, file);
  return folder;
}

function open(source: ModelSource): Promise<Model> {
  return loadModel(source, { threads: 0, kvCache: 'f32', head: 'exact', backend: 'wasm-simd' });
}

/** Logits of every position, one after the other. */
async function logitsOf(source: ModelSource): Promise<Float32Array> {
  const model = await open(source);
  try {
    const { vocabularySize } = model.config;
    const all = new Float32Array(TOKENS.length * vocabularySize);
    const session = new Session(model.engine);
    await session.syncEach(TOKENS, 0, (position, logits) => all.set(logits, position * vocabularySize));
    session.dispose();
    assert.ok(all.every(Number.isFinite));
    return all;
  } finally {
    await model.dispose();
  }
}

function setWeights(model: TrainingModel, values: ReadonlyMap<string, Float32Array>): void {
  for (const { name, shape, offset } of model.parameters.list) {
    const columns = shape.at(-1)!;
    const weights = values.get(name)!;
    for (let row = 0; row < weights.length / columns; row++) {
      const address = model.weights + 4 * (offset + row * rowStride(columns));
      model.backend.heap.f32(address, columns).set(weights.subarray(row * columns, (row + 1) * columns));
    }
  }
}

/** The Hugging Face folder as the engine opens it. */
function modelFolder(folder: MemoryRunFolder): SourceFolder {
  return { name: 'model', open: (fileName) => folder.open(`model/${fileName}`) };
}

function largestDifference(one: Float32Array, other: Float32Array): number {
  assert.equal(one.length, other.length);
  return one.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i]!)), 0);
}

function gguf32(folder: MemoryRunFolder, format: ExportFormat): Uint8Array<ArrayBuffer> {
  return folder.read(`random.${format}.gguf`)!;
}

for (const architecture of ['bitnet-b1.58', 'bitnet', 'llama']) {
  const tiedHead = architecture !== 'bitnet-b1.58';
  describe(architecture, () => {
    test('codes in I2_S and latent weights in a folder are the same model', async () => {
      const folder = await exported({ architecture, tiedHead }, ['huggingface', 'i2_s']);
      const fromCodes = await logitsOf(gguf32(folder, 'i2_s'));
      const fromMasters = await logitsOf(modelFolder(folder));
      const difference = largestDifference(fromCodes, fromMasters);
      // The rows of a llama file's queries and keys lie in another order, and so do the terms of their products.
      if (architecture === 'llama') assert.ok(difference < 1e-4, `${difference}`);
      else assert.equal(difference, 0);
    });

    test('where 16 bits hold every number, all files are the same model', async () => {
      const formats = ['huggingface', 'i2_s', 'tq2_0'] as const;
      const folder = await exported({ architecture, tiedHead, isExact: true }, formats, { masters: 'BF16' });
      const logits = await logitsOf(gguf32(folder, 'i2_s'));
      assert.deepEqual(await logitsOf(gguf32(folder, 'tq2_0')), logits);
      const difference = largestDifference(await logitsOf(modelFolder(folder)), logits);
      if (architecture === 'llama') assert.ok(difference < 1e-4, `${difference}`);
      else assert.equal(difference, 0);
    });

    test('a dense twin is the same from a folder and from GGUF', async () => {
      const folder = await exported({ architecture, tiedHead, precision: 'f32' }, ['huggingface', 'f32']);
      const difference = largestDifference(
        await logitsOf(gguf32(folder, 'f32')),
        await logitsOf(modelFolder(folder)),
      );
      if (architecture === 'llama') assert.ok(difference < 1e-4, `${difference}`);
      else assert.equal(difference, 0);
    });

    test('quantising a dense model afterwards gives the absmean codes of its weights', async () => {
      const dense = await exported({ architecture, tiedHead, precision: 'f32' }, ['i2_s']);
      const ternary = await exported({ architecture, tiedHead }, ['i2_s']);
      assert.deepEqual(gguf32(dense, 'i2_s'), gguf32(ternary, 'i2_s'));
    });
  });
}

describe('the trainer itself', () => {
  for (const architecture of ['bitnet-b1.58', 'bitnet', 'llama']) {
    for (const precision of ['ternary', 'f32'] as const) {
      test(`${architecture}, ${precision}: what is exported says what the trainer says`, async () => {
        const tiedHead = architecture !== 'bitnet-b1.58';
        const { described, values } = randomTrained({ architecture, tiedHead, precision });
        const options = { described, tiedHead, precision, microSequences: 1, threads: 0 };
        const trained = await createTrainingModel({ ...options, backend: 'wasm-simd' });
        const folder = createMemoryRunFolder('run');
        let logits: Float32Array;
        try {
          setWeights(trained, values);
          const counts = await trained.prepareWeights();
          logits = await trained.logits(Int32Array.from(TOKENS));
          const formats = ['huggingface', precision === 'ternary' ? 'i2_s' : 'f32'] as const;
          await exportModel(folder, modelInTraining(trained, counts), { ...OPTIONS, formats });
        } finally {
          await trained.dispose();
        }
        const fromFolder = largestDifference(await logitsOf(modelFolder(folder)), logits);
        const format = precision === 'ternary' ? 'i2_s' : 'f32';
        const fromGguf = largestDifference(await logitsOf(gguf32(folder, format)), logits);
        if (precision === 'f32')
          assert.ok(fromFolder < 1e-4 && fromGguf < 1e-4, `${fromFolder}, ${fromGguf}`);
        else {
          assert.equal(fromFolder, 0);
          assert.ok(fromGguf <= (architecture === 'llama' ? 1e-4 : 0), `${fromGguf}`);
        }
      });
    }
  }
});

test('16-bit files hold weights rounded to nearest', async () => {
  const choice = { architecture: 'bitnet', precision: 'f32' } as const;
  const toBfloat16 = (weight: number) => bfloat16ToFloat(floatToBfloat16(weight));
  const toHalf = (weight: number) => halfToFloat(floatToHalf(weight));
  const bfloat16 = await exported(choice, ['huggingface'], { masters: 'BF16' });
  const rounded = await exported({ ...choice, round: toBfloat16 }, ['huggingface']);
  assert.deepEqual(await logitsOf(modelFolder(bfloat16)), await logitsOf(modelFolder(rounded)));
  const half = await exported({ ...choice }, ['f16'], { embedding: 'F16' });
  // Norms stay f32 in GGUF; these weights are near 1, so both rounded and not they fit.
  const roundedHalf = await exported({ ...choice, round: toHalf }, ['f32']);
  assert.ok(
    largestDifference(await logitsOf(gguf32(half, 'f16')), await logitsOf(gguf32(roundedHalf, 'f32'))) < 0.1,
  );
});

test('float files of a ternary model hold what its codes stand for', async () => {
  const folder = await exported({ architecture: 'bitnet' }, ['f32', 'i2_s']);
  const floats = await logitsOf(gguf32(folder, 'f32'));
  const codes = await logitsOf(gguf32(folder, 'i2_s'));
  // Only the activations are not quantised.
  assert.ok(largestDifference(floats, codes) < 1);
});

test("the tokenizer and its ends are the folder's in GGUF too", async () => {
  const folder = await exported({ architecture: 'bitnet' }, ['huggingface', 'i2_s'], {
    tokenizer: { ...OPTIONS.tokenizer, stopTokens: ['!', '?'] },
  });
  const [fromFolder, fromGguf] = await Promise.all([open(modelFolder(folder)), open(gguf32(folder, 'i2_s'))]);
  const one = fromFolder.tokenizer;
  const other = fromGguf.tokenizer;
  for (const text of ['Once upon a time', '  two\n\nlines 1234', 'ünïcödé 🙂 <|endoftext|>', "she's"]) {
    assert.deepEqual(other.encode(text), one.encode(text));
    assert.deepEqual(
      other.encode(text, { parseSpecial: true, addBos: false }),
      one.encode(text, { parseSpecial: true, addBos: false }),
    );
  }
  assert.deepEqual(other.stopIds, one.stopIds);
  assert.equal(one.stopIds.size, 3);
  assert.equal(one.bosId, 2047);
  assert.ok(one.addsBos && other.addsBos);
  assert.equal(fromGguf.chatTemplate, CHAT_TEMPLATE);
  assert.equal(fromFolder.chatTemplate, CHAT_TEMPLATE);
  await Promise.all([fromFolder.dispose(), fromGguf.dispose()]);
});

test('another reader sees the same GGUF', async () => {
  const folder = await exported({ architecture: 'llama' }, ['tq2_0']);
  const directory = mkdtempSync(join(tmpdir(), 'bitnet-export-'));
  try {
    const path = join(directory, 'random.tq2_0.gguf');
    writeFileSync(path, gguf32(folder, 'tq2_0'));
    const { metadata: typed, tensorInfos } = await gguf(path, { allowLocalFile: true });
    const metadata: Readonly<Record<string, unknown>> = { ...typed };
    assert.equal(metadata['general.architecture'], 'llama');
    assert.equal(metadata['general.name'], 'random');
    assert.equal(metadata['tokenizer.ggml.pre'], 'gpt-2');
    assert.deepEqual(
      tensorInfos
        .map(({ name, dtype, shape }) => [name, GGMLQuantizationType[dtype], shape.map(Number)])
        .slice(0, 4),
      [
        ['token_embd.weight', 'F32', [256, 2048]],
        ['blk.0.attn_norm.weight', 'F32', [256]],
        ['blk.0.attn_q.weight', 'TQ2_0', [256, 256]],
        ['blk.0.attn_k.weight', 'TQ2_0', [256, 128]],
      ],
    );
  } finally {
    rmSync(directory, { recursive: true });
  }
});
