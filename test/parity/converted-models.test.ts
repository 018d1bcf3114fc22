/**
 * Conversions there and back: what a type can hold comes out bit for bit, logits included, and what it cannot hold is
 * said. One golden model is there in three forms; others have random weights in the layout of each family.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openPath } from '#platform';
import { BitnetError } from '#src/base/errors.js';
import { readGguf } from '#src/formats/gguf/read.js';
import { memorySource } from '#src/formats/sources/memory.js';
import { readTensor, type TensorInfo } from '#src/formats/tensor-info.js';
import { openModel } from '#src/model/open.js';
import { exportModel } from '#src/train/export/export-model.js';
import { createMemoryRunFolder, type MemoryRunFolder } from '#src/train/memory-run-folder.js';
import { type Converted, logitsAfter, openExact, toFolder, toGguf } from '../fixtures/converted.ts';
import {
  END_OF_TEXT,
  type RandomTrained,
  randomTrained,
  TOKENIZER_JSON,
} from '../fixtures/random-trained-model.ts';

const golden = (name: string) =>
  fileURLToPath(new URL(`../../../test/golden/tiny-tales/${name}`, import.meta.url));
const PACKED = golden('hf-packed');
const MASTERS = golden('hf-bf16');
/** F16 has no room for 24 values of its embedding. */
const F32_TABLE = { table: 'F32' } as const;

/** The layout that training writes: latent weights, in float32 where they are not exact. */
async function trained(choice: RandomTrained): Promise<MemoryRunFolder> {
  const folder = createMemoryRunFolder('trained');
  await exportModel(folder, randomTrained(choice), {
    name: 'random',
    tokenizer: { tokenizerJson: TOKENIZER_JSON, bosToken: END_OF_TEXT, eosToken: END_OF_TEXT },
    formats: ['huggingface'],
    masters: 'F32',
  });
  return inFolder(folder);
}

/** The model folder of a run, as a folder of its own. */
function inFolder(run: MemoryRunFolder): MemoryRunFolder {
  return { ...run, open: (name) => run.open(`model/${name}`), read: (name) => run.read(`model/${name}`) };
}

async function tensorsOf(source: string | Converted['result']): Promise<ReadonlyMap<string, TensorInfo>> {
  const opened =
    source instanceof Uint8Array
      ? memorySource(source)
      : typeof source === 'string'
        ? await openPath(source)
        : source;
  return (await openModel(opened)).tensors;
}

async function assertSameTensors(
  one: ReadonlyMap<string, TensorInfo>,
  other: ReadonlyMap<string, TensorInfo>,
  except: RegExp = /^$/,
): Promise<void> {
  assert.deepEqual([...other.keys()].sort(), [...one.keys()].sort());
  for (const [name, info] of one) {
    if (except.test(name)) continue;
    const again = other.get(name)!;
    assert.deepEqual([again.dtype, again.shape], [info.dtype, info.shape], name);
    assert.deepEqual(await readTensor(again), await readTensor(info), name);
  }
}

/** @param tolerance  of a difference; 0 asks for the same bits */
function assertSame(one: Float32Array, other: Float32Array, tolerance = 0): void {
  const largest = one.reduce((most, logit, i) => Math.max(most, Math.abs(logit - other[i]!)), 0);
  assert.ok(one.length === other.length && largest <= tolerance, `logits differ by ${largest}`);
}

const hasCode = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof BitnetError, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, message);
  return true;
};

describe('packed folder to GGUF and back', () => {
  test('codes, scales, norms and logits are the same', async () => {
    const gguf = await toGguf(PACKED, 'I2_S', F32_TABLE);
    const folder = await toFolder(gguf.result);
    assert.deepEqual([...gguf.losses.sentences, ...folder.losses.sentences], []);
    await assertSameTensors(await tensorsOf(PACKED), await tensorsOf(folder.result), /embed_tokens/);
    const before = await logitsAfter(PACKED);
    assertSame(await logitsAfter(gguf.result), before);
    assertSame(await logitsAfter(folder.result), before);
  });

  test('the published file is the one that comes out, but for what it lacks', async () => {
    const { result, notes, losses } = await toGguf(PACKED);
    const official = await tensorsOf(golden('tiny-tales.i2_s.gguf'));
    await assertSameTensors(official, await tensorsOf(result));
    assert.deepEqual(losses.sentences, [
      '24 of 524288 values of token_embd.weight are not among the numbers that F16 has, and rounded.',
    ]);
    assert.match(notes[0]!, /do not say whether texts begin/);
    const { metadata } = await readGguf(memorySource(result as Uint8Array<ArrayBuffer>));
    assert.equal(metadata.get('bitnet-b1.58.hidden_activation'), 'relu2');
    assert.equal(metadata.get('tokenizer.ggml.pre'), 'gpt-2');
    assert.equal(metadata.get('tokenizer.ggml.add_bos_token'), true);
    assert.equal(metadata.get('general.name'), 'hf-packed');
  });

  test('a folder in several weight files is the same model', async () => {
    const { result, names } = await toFolder(PACKED, 'U8', { shardBytes: 200_000 });
    assert.deepEqual(names.slice(0, 2), [
      'model-00001-of-00004.safetensors',
      'model-00002-of-00004.safetensors',
    ]);
    assert.ok(names.includes('model.safetensors.index.json'));
    assert.equal(names.at(-1), 'config.json');
    await assertSameTensors(await tensorsOf(PACKED), await tensorsOf(result));
  });
});

describe('master weights', () => {
  const types = ['I2_S', 'TQ1_0', 'TQ2_0'] as const;
  for (const type of types) {
    test(`to ${type}: the codes that training used, and its logits`, async () => {
      const { result, losses } = await toGguf(MASTERS, type, F32_TABLE);
      assert.equal(losses.tolerance, 0);
      assertSame(await logitsAfter(result), await logitsAfter(MASTERS));
      const back = await toGguf(result, 'I2_S');
      await assertSameTensors(
        await tensorsOf(golden('tiny-tales.i2_s.gguf')),
        await tensorsOf(back.result),
        /token_embd/,
      );
    });
  }

  test('packed: the folder that was published', async () => {
    const { result } = await toFolder(MASTERS);
    await assertSameTensors(await tensorsOf(PACKED), await tensorsOf(result));
  });

  test('kept as they are; in another float type their scales are others', async () => {
    const same = await toFolder(MASTERS, 'BF16');
    assert.deepEqual(same.losses.sentences, []);
    await assertSameTensors(await tensorsOf(MASTERS), await tensorsOf(same.result));
    assertSame(await logitsAfter(same.result), await logitsAfter(MASTERS));
    const { losses } = await toFolder(MASTERS, 'F32');
    assert.match(losses.sentences.join(), /^All 21 scales are those of F32 master weights/);
  });

  test('as 16-bit weights they are what their codes stand for, and turn back into codes', async () => {
    const half = await toGguf(MASTERS, 'F16');
    assert.match(half.losses.sentences.join(), /without their int8 activations/);
    const codes = await toGguf(half.result, 'I2_S');
    const official = await tensorsOf(golden('tiny-tales.i2_s.gguf'));
    await assertSameTensors(official, await tensorsOf(codes.result));
  });
});

describe('every family, there and back', () => {
  for (const architecture of ['bitnet-b1.58', 'bitnet', 'llama']) {
    for (const type of ['I2_S', 'TQ2_0'] as const) {
      test(`${architecture} through ${type}`, async () => {
        const tiedHead = architecture !== 'llama';
        const source = await trained({ architecture, tiedHead, isExact: true });
        const gguf = await toGguf(source, type, F32_TABLE);
        const folder = await toFolder(gguf.result);
        assert.deepEqual([...gguf.losses.sentences, ...folder.losses.sentences], []);
        const before = await logitsAfter(source);
        // The rows of a llama file's queries and keys lie in another order, and so do the terms of their products.
        assertSame(await logitsAfter(gguf.result), before, architecture === 'llama' ? 1e-4 : 0);
        assertSame(await logitsAfter(folder.result), before);
      });
    }
  }

  test('scales without an inverse among float32 numbers are written to be multiplied by', async () => {
    const source = await trained({ architecture: 'llama', tiedHead: false });
    const { result } = await toFolder(source);
    const model = await openModel(result as MemoryRunFolder);
    assert.ok(model.format === 'huggingFace');
    const quantization = model.checkpoint.config.quantization_config as Record<string, unknown>;
    assert.equal(quantization.linear_class, 'autobitlinear');
    assertSame(await logitsAfter(result), await logitsAfter(source));
  });

  test('scales that 16 bits cannot hold are rounded, and that is said', async () => {
    const source = await trained({ architecture: 'bitnet-b1.58' });
    const { result, losses } = await toGguf(source, 'TQ1_0', F32_TABLE);
    assert.match(losses.sentences.join(), /^All 14 scales are rounded, by at most 1\/2048/);
    assert.ok(losses.tolerance > 0);
    await assert.doesNotReject(logitsAfter(result));
  });
});

describe('dense models', () => {
  test('are not made ternary unless that is insisted on', async () => {
    const source = await trained({ architecture: 'llama', precision: 'f32', tiedHead: false });
    for (const type of ['I2_S', 'TQ1_0', 'TQ2_0'] as const) {
      await assert.rejects(toGguf(source, type), hasCode('convert/dense', /not a ternary model.*--force/));
    }
    await assert.rejects(toFolder(source, 'U8'), hasCode('convert/dense', /q_proj/));
    const { losses } = await toGguf(source, 'I2_S', { force: true });
    assert.match(losses.sentences.join(), /14 projections were dense/);
    assert.equal(losses.tolerance, Number.POSITIVE_INFINITY);
  });

  test('keep their weights in GGUF and come back', async () => {
    const source = await trained({ architecture: 'llama', precision: 'f32', tiedHead: false });
    const gguf = await toGguf(source, 'F32', F32_TABLE);
    const folder = await toFolder(gguf.result);
    await assertSameTensors(await tensorsOf(source), await tensorsOf(folder.result));
    assertSame(await logitsAfter(folder.result), await logitsAfter(source));
  });
});

test('embeddings in blocks compute nearly the same, and are kept when only projections change', async () => {
  const before = await logitsAfter(MASTERS);
  const spread = Math.sqrt(before.reduce((sum, x) => sum + x * x, 0) / before.length);
  for (const [table, limit] of [
    ['Q8_0', 0.02],
    ['Q6_K', 0.08],
  ] as const) {
    const { result, losses } = await toGguf(MASTERS, 'I2_S', { table });
    assert.match(
      losses.sentences.join(),
      new RegExp(`^All 524288 values of token_embd.weight are rounded to ${table}`),
    );
    const after = await logitsAfter(result);
    const error = Math.sqrt(after.reduce((sum, x, i) => sum + (x - before[i]!) ** 2, 0) / after.length);
    assert.ok(error > 0 && error < limit * spread, `${table}: ${error / spread}`);
    const again = await toGguf(result, 'TQ2_0');
    assertSame(await logitsAfter(again.result), after);
  }
});

test('text is the same in every form, and known defects of published files are gone', async () => {
  const official = golden('tiny-tales.i2_s.gguf');
  const folder = await toFolder(official);
  const models = [await openExact(official), await openExact(folder.result)];
  try {
    const [one, other] = models as [(typeof models)[0], (typeof models)[0]];
    const text = "Once upon a time, there weren't 12345 kings.\n\n  Naïve 東京 🙂";
    assert.deepEqual(other.tokenizer.encode(text), one.tokenizer.encode(text));
    assert.equal(other.chatTemplate, one.chatTemplate);
    assert.equal(other.tokenizer.addsBos, one.tokenizer.addsBos);
    assert.deepEqual(other.tokenizer.stopIds, one.tokenizer.stopIds);
    assert.deepEqual(other.notes, []);
  } finally {
    for (const model of models) await model.dispose();
  }
});
