import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BitnetError } from '../../base/errors.ts';
import { memorySource } from '../../formats/sources/memory.ts';
import { createReferenceBackend } from '../../kernels/backend.ts';
import { checkConfig } from '../check-config.ts';
import { createMemoryRunFolder, type MemoryRunFolder } from '../memory-run-folder.ts';
import type { Parameter } from '../model/parameters.ts';
import { loadCheckpoint, readCheckpoint, resumeRun } from './read.ts';
import type { RunIdentity } from './run-identity.ts';
import type { SavedModel } from './tensors.ts';
import { listCheckpoints, saveCheckpoint } from './write.ts';

const json = { data: { train: ['x.txt'] }, steps: 100, seed: 3 };
const identity: RunIdentity = { config: checkConfig(json, 'r'), tokenizerHash: 't', datasetHash: 'd' };
const progress = (step: number) => ({ step, seconds: 1.25 * step, tokens: 1000 * step });

/** One with padded rows, a norm, and numbers of its own. */
function smallModel(seed: number): SavedModel & { values(): Float32Array } {
  const list: Parameter[] = [
    { name: 'a', role: 'embedding', shape: [3, 20], offset: 0, elements: 96, isProjection: false },
    { name: 'b', role: 'q', shape: [600, 512], offset: 96, elements: 307200, isProjection: true, layer: 0 },
    { name: 'c', role: 'outputNorm', shape: [20], offset: 307296, elements: 32, isProjection: false },
  ];
  const elements = 307328;
  const backend = createReferenceBackend(false);
  const start = backend.heap.allocate(12 * elements);
  const values = backend.heap.f32(start, 3 * elements);
  for (let i = 0; i < values.length; i++) values[i] = seed + (i % 977);
  for (let array = 0; array < 3; array++) {
    for (let row = 0; row < 3; row++)
      values.fill(0, array * elements + 32 * row + 20, array * elements + 32 * row + 32);
    values.fill(0, array * elements + 307316, array * elements + 307328);
  }
  return {
    parameters: { list, elements, weights: 60 + 307200 + 20 },
    backend,
    weights: start,
    firstMoments: start + 4 * elements,
    secondMoments: start + 8 * elements,
    values: () => backend.heap.f32(start, 3 * elements).slice(),
  };
}

async function folderWith(steps: readonly number[], keep = 10): Promise<MemoryRunFolder> {
  const folder = createMemoryRunFolder('run');
  for (const step of steps) await saveCheckpoint(folder, smallModel(step), identity, progress(step), keep);
  return folder;
}

async function replace(folder: MemoryRunFolder, file: string, bytes: Uint8Array): Promise<void> {
  await folder.write(file, (sink) => sink(bytes));
}

const bad = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof BitnetError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, message);
  return true;
};

test('what was saved comes back, weights under their own names', async () => {
  const folder = await folderWith([5]);
  const model = smallModel(99);
  const resumed = await resumeRun(folder, model, identity);
  assert.deepEqual(resumed, {
    progress: progress(5),
    file: 'checkpoints/step-00000005.safetensors',
    notes: [],
  });
  assert.deepEqual(model.values(), smallModel(5).values());
  const { tensors } = await readCheckpoint((await folder.open(resumed!.file))!);
  assert.deepEqual(
    [...tensors.keys()],
    [
      ...['', 'optimizer.first.', 'optimizer.second.'].flatMap((of) => [`${of}a`, `${of}b`, `${of}c`]),
      'checksum',
    ],
  );
  assert.deepEqual(tensors.get('a')!.shape, [3, 20]);
});

test('one is taken for a tokenizer only if it was trained with that', async () => {
  const folder = await folderWith([5]);
  const model = smallModel(99);
  const file = 'checkpoints/step-00000005.safetensors';
  await assert.rejects(
    loadCheckpoint(folder, file, model, 'another'),
    bad(
      'train/wrong-tokenizer',
      /^run\/checkpoints\/step-00000005\.safetensors was trained with another tokenizer/,
    ),
  );
  assert.deepEqual(model.values(), smallModel(99).values());
  assert.deepEqual(await loadCheckpoint(folder, file, model, 't'), progress(5));
  assert.deepEqual(model.values(), smallModel(5).values());
});

test('a folder without checkpoints is a new run', async () => {
  const model = smallModel(1);
  assert.equal(await resumeRun(createMemoryRunFolder(), model, identity), undefined);
  assert.deepEqual(model.values(), smallModel(1).values());
});

test('the newest ones are kept', async () => {
  const steps = async (folder: MemoryRunFolder) => (await listCheckpoints(folder)).map(({ step }) => step);
  assert.deepEqual(await steps(await folderWith([1, 2, 3, 4], 2)), [4, 3]);
  // A damaged one of a later step, that a resumed run has not come to again, displaces none.
  const folder = await folderWith([2, 9], 5);
  await saveCheckpoint(folder, smallModel(4), identity, progress(4), 1);
  assert.deepEqual(await steps(folder), [9, 4]);
});

test('a damaged checkpoint is passed over, wherever the damage is', async () => {
  const file = 'checkpoints/step-00000009.safetensors';
  const folder = await folderWith([4, 9]);
  const whole = folder.read(file)!;
  const cuts = [0, 7, 100, 5000, whole.length - 4, whole.length - 1].map((end) => whole.subarray(0, end));
  const flips = [3, 30, 300, 4000, 1_000_000, whole.length - 2].map((at) => {
    const bytes = whole.slice();
    bytes[at]! ^= 1;
    return bytes;
  });
  for (const bytes of [
    ...cuts,
    ...flips,
    new Uint8Array(whole.length),
    Uint8Array.of(...whole.subarray(0, 9), 1),
  ]) {
    await replace(folder, file, bytes);
    const model = smallModel(50);
    const resumed = await resumeRun(folder, model, identity);
    assert.equal(resumed?.progress.step, 4);
    assert.match(
      resumed.notes.join(),
      /^run\/checkpoints\/step-00000009\.safetensors is no whole checkpoint: /,
    );
    assert.deepEqual(model.values(), smallModel(4).values());
  }
});

test('with nothing but damaged ones, a run does not begin anew by itself', async () => {
  const folder = await folderWith([4]);
  await replace(folder, 'checkpoints/step-00000004.safetensors', new Uint8Array(100));
  await assert.rejects(
    resumeRun(folder, smallModel(1), identity),
    bad('train/bad-checkpoint', /^run: no checkpoint can be read \(.*\); remove them to begin anew$/),
  );
});

test('a model file is no checkpoint', async () => {
  const text = new TextEncoder().encode('{}      ');
  const bytes = new Uint8Array(8 + text.length);
  bytes[0] = text.length;
  bytes.set(text, 8);
  await assert.rejects(
    readCheckpoint(memorySource(bytes, 'm')),
    bad('train/bad-checkpoint', /^m is no whole/),
  );
});

const others: [string, Partial<RunIdentity>, RegExp][] = [
  [
    'rate',
    { config: checkConfig({ ...json, optimizer: { learningRate: 0.004 } }, 'r') },
    /optimizer\.learningRate was 0\.002 there and is 0\.004/,
  ],
  [
    'model',
    { config: checkConfig({ ...json, model: { blockCount: 5 } }, 'r') },
    /model\.blockCount was 4 there and is 5/,
  ],
  [
    'precision',
    { config: checkConfig({ ...json, precision: 'f32' }, 'r') },
    /precision was "ternary" there and is "f32"/,
  ],
  ['steps', { config: { ...identity.config, steps: 200 } }, /steps was 100 there and is 200/],
  [
    'batch',
    { config: { ...identity.config, batch: { sequences: 8, microSequences: 8 } } },
    /batch\.sequences was 16/,
  ],
  ['tokenizer', { tokenizerHash: 'other' }, /the tokenizer was another one/],
  ['text', { datasetHash: 'other' }, /the training text was another one/],
];
for (const [what, change, message] of others) {
  test(`refused: a checkpoint of another ${what}`, async () => {
    const folder = await folderWith([4]);
    const model = smallModel(1);
    await assert.rejects(
      resumeRun(folder, model, { ...identity, ...change }),
      bad('train/other-run', message),
    );
    assert.deepEqual(model.values(), smallModel(1).values(), 'the model is as it was');
  });
}

test('what has no part in the numbers may differ', async () => {
  const config = {
    ...identity.config,
    name: 'other',
    data: { ...identity.config.data, train: ['elsewhere.txt'] },
    batch: { sequences: 16, microSequences: 4 },
    checkpoint: { everySteps: 1, keep: 1 },
  };
  const resumed = await resumeRun(await folderWith([4]), smallModel(1), { ...identity, config });
  assert.equal(resumed?.progress.step, 4);
});

test('a full disk leaves the older checkpoints', async () => {
  const folder = await folderWith([4]);
  const full = {
    ...folder,
    async write(file: string, write: Parameters<MemoryRunFolder['write']>[1]) {
      let room = 1_000_000;
      await folder.write(file, (sink) =>
        write(async (bytes) => {
          room -= bytes.byteLength;
          if (room < 0) throw new BitnetError('output/failed', `${file} cannot be written: the disk is full`);
          await sink(bytes);
        }),
      );
    },
  };
  await assert.rejects(
    saveCheckpoint(full, smallModel(5), identity, progress(5), 1),
    bad('output/failed', /the disk is full/),
  );
  assert.equal((await resumeRun(folder, smallModel(1), identity))?.progress.step, 4);
});
