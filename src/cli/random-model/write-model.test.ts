import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TensorOutput } from '../../formats/tensor-output.ts';
import { loadModel } from '../../index.ts';
import { byteLengthOf, elementCount, isTernary } from '../../tensor/dtype.ts';
import { ternaryScale, unpackTernary } from '../../tensor/ternary-tensor.ts';
import { RANDOM_SHAPES, type RandomShape, randomShape } from './shapes.ts';
import { EMBEDDING_TYPES, PROJECTION_TYPES, randomTensors } from './tensors.ts';
import { type RandomModelChoice, writeRandomModel } from './write-model.ts';

const tiny: RandomModelChoice = {
  shape: randomShape('tiny'),
  projection: 'I2_S',
  embedding: 'F16',
  seed: 1,
};

async function bytesOf(choice: RandomModelChoice): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  const shares: number[] = [];
  const length = await writeRandomModel(
    choice,
    async (bytes) => {
      pieces.push(bytes.slice());
    },
    (share) => shares.push(share),
  );
  assert.equal(shares.at(-1), 1);
  const all = Buffer.concat(pieces);
  assert.equal(all.length, length);
  return new Uint8Array(all);
}

async function dataOf(tensor: TensorOutput): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of tensor.data()) pieces.push(piece.slice());
  return new Uint8Array(Buffer.concat(pieces));
}

function totalBytes(shape: RandomShape): number {
  return randomTensors(shape, 'I2_S', 'F16', 1).reduce(
    (sum, { dtype, shape: dims }) => sum + byteLengthOf(dtype, dims),
    0,
  );
}

test('the shapes are those of the published files', () => {
  const counts = (name: string) => {
    const tensors = randomTensors(randomShape(name), 'I2_S', 'F16', 1);
    return [tensors.length, tensors.filter(({ dtype }) => dtype === 'I2_S').length];
  };
  assert.deepEqual(counts('2b4t'), [332, 210]);
  assert.deepEqual(counts('falcon-e-1b')[1], 168);
  assert.deepEqual(counts('falcon-e-3b')[1], 224);
  assert.deepEqual(counts('llama3-8b')[0], 291);
  // Lengths of the tensors in the published files: embedding, projections with their tails, norms.
  assert.equal(totalBytes(randomShape('2b4t')), 656_670_720 + 521_017_920 + 1_761_280);
  assert.equal(totalBytes(randomShape('falcon-e-3b')), 998_784_000);
  // Published files are longer by their headers: a few MB at most.
  const published = { 'falcon-e-1b': 666_324_256, 'falcon3-1b': 1_361_904_672, 'falcon3-3b': 2_221_465_632 };
  for (const [name, length] of Object.entries(published)) {
    const header = length - totalBytes(randomShape(name));
    assert.ok(header > 500_000 && header < 12_000_000, `${name}: ${header} bytes of header`);
  }
});

test('every shape can be stored in every type', () => {
  for (const shape of RANDOM_SHAPES.values()) {
    for (const projection of PROJECTION_TYPES) {
      for (const embedding of EMBEDDING_TYPES) {
        for (const { dtype, shape: dims, name } of randomTensors(shape, projection, embedding, 1)) {
          assert.ok(byteLengthOf(dtype, dims, name) > 0);
        }
      }
    }
  }
});

test('the bytes follow from the choice', async () => {
  const bytes = await bytesOf(tiny);
  assert.ok(bytes.length < 1_000_000, `${bytes.length} bytes`);
  assert.deepEqual(await bytesOf(tiny), bytes);
  assert.notDeepEqual(await bytesOf({ ...tiny, seed: 2 }), bytes);
});

test('ternary tensors have 40 % zero weights and one scale', async () => {
  for (const type of PROJECTION_TYPES.filter(isTernary)) {
    const tensor = randomTensors(tiny.shape, type, 'F16', 7).find(
      ({ name }) => name === 'blk.1.ffn_up.weight',
    )!;
    const bytes = await dataOf(tensor);
    const count = elementCount(tensor.shape);
    const codes = new Uint8Array(count);
    unpackTernary(type, bytes, count, codes, tensor.name);
    const zeros = codes.filter((code) => code === 1).length / count;
    assert.ok(Math.abs(zeros - 0.4) < 0.01, `${type}: ${zeros} zeros`);
    const scale = ternaryScale(type, bytes, count, tensor.name);
    assert.ok(Math.abs(scale * Math.sqrt(0.6 * 256) - 1) < 1e-3, `${type}: scale ${scale}`);
  }
});

test('a large tensor comes in small pieces', async () => {
  const [embedding] = randomTensors(randomShape('bitnet-large'), 'TQ1_0', 'Q6_K', 1);
  let total = 0;
  for await (const piece of embedding!.data()) {
    assert.ok(piece.length <= 2 ** 20);
    total += piece.length;
  }
  assert.equal(total, byteLengthOf('Q6_K', [32002, 1536]));
});

test('a model generates varied tokens from finite logits, in every type and architecture', async () => {
  const choices: RandomModelChoice[] = [
    ...PROJECTION_TYPES.map((projection) => ({ ...tiny, projection })),
    ...EMBEDDING_TYPES.map((embedding) => ({ ...tiny, embedding })),
    ...['bitnet', 'llama'].map((architecture) => ({
      ...tiny,
      shape: { ...tiny.shape, architecture, hasHead: architecture === 'llama' },
    })),
    // As deep as 2B4T, where activations would vanish or explode if they could.
    { ...tiny, shape: { ...tiny.shape, blockCount: 30 } },
  ];
  for (const choice of choices) {
    const label = `${choice.shape.architecture} ${choice.projection} ${choice.embedding} ${choice.shape.blockCount}`;
    const model = await loadModel(await bytesOf(choice), { threads: 1 });
    const logits = await model.logits(model.tokenize('Some text', { addBos: true }));
    assert.ok(logits.every(Number.isFinite), label);
    const spread = Math.max(...logits) - Math.min(...logits);
    assert.ok(spread > 0.5 && spread < 100, `${label}: logits spread over ${spread}`);
    const tokens = new Set<number>();
    const bias = Object.fromEntries([...model.tokenizer.stopIds].map((id) => [id, Number.NEGATIVE_INFINITY]));
    for await (const piece of model.generate('Some text', {
      maxTokens: 48,
      temperature: 0,
      logitBias: bias,
    })) {
      for (const id of piece.tokens) tokens.add(id);
    }
    assert.ok(tokens.size >= 8, `${label}: ${tokens.size} different tokens of 48`);
    await model.dispose();
  }
});

test('a shape of the BitNet family can have the other name, under which llama.cpp knows it, and loads', async () => {
  const shape = randomShape('tiny', { architecture: 'bitnet', layers: 1 });
  const model = await loadModel(await bytesOf({ ...tiny, shape, projection: 'TQ2_0' }), { threads: 0 });
  assert.equal(model.config.architecture, 'bitnet');
  assert.equal(model.config.blockCount, 1);
  assert.ok((await model.logits([1, 2, 3])).every(Number.isFinite));
  await model.dispose();
  assert.throws(() => randomShape('falcon3-1b', { architecture: 'bitnet' }), /cannot be written as bitnet/);
});
