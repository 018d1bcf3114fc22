import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BitnetError } from '../../base/errors.ts';
import { createRandom } from '../../base/random.ts';
import type { BackendName } from '../../kernels/backend-name.ts';
import { checkConfig } from '../check-config.ts';
import type { TrainConfig } from '../config.ts';
import { NO_TOKEN, type TokenRows } from '../data/token-rows.ts';
import { describeModel } from '../describe-model.ts';
import { createMemoryRunFolder, type MemoryRunFolder } from '../memory-run-folder.ts';
import { createTrainingModel } from '../model/create.ts';
import type { TrainingModel } from '../model/training-model.ts';
import type { RunFolder } from '../run-folder.ts';
import type { Metrics, StepMetrics } from './metrics.ts';
import { createTrainer, type TrainerOptions } from './trainer.ts';

const VOCABULARY = 50;
const CONTEXT = 32;

/** A recipe of a model that trains in milliseconds. */
function recipe(more: Readonly<Record<string, unknown>> = {}, blockCount = 2): TrainConfig {
  const json = {
    data: { train: ['x.txt'] },
    model: {
      contextLength: CONTEXT,
      embeddingLength: 128,
      blockCount,
      feedForwardLength: 128,
      headCount: 4,
      headCountKv: 2,
      headLength: 32,
    },
    optimizer: { learningRate: 0.01, warmUpSteps: 2 },
    batch: { sequences: 4, microSequences: 2 },
    steps: 12,
    evaluation: { everySteps: 4, sequences: 3 },
    checkpoint: { everySteps: 5 },
  };
  return checkConfig({ ...json, ...more }, 'recipe');
}

/** Rows in memory: a few phrases in random order, the last row half empty. */
function textRows(rows: number, seed: number, length = CONTEXT + 1): TokenRows {
  const random = createRandom(seed);
  const phrases = Array.from({ length: 6 }, () => Array.from({ length: 5 }, () => random.below(VOCABULARY)));
  const tokens: number[] = [];
  while (tokens.length < rows * length) tokens.push(...phrases[random.below(6)]!);
  tokens.length = rows * length;
  if (rows > 0) tokens.fill(NO_TOKEN, tokens.length - Math.floor(length / 2));
  return {
    rowLength: length,
    rows,
    targets: tokens.filter((token, i) => i % length !== 0 && token !== NO_TOKEN).length,
    async read(indexes, out) {
      for (const [i, index] of indexes.entries()) {
        out.set(tokens.slice(index * length, (index + 1) * length), i * length);
      }
    },
  };
}

interface Setting {
  readonly config?: TrainConfig;
  readonly threads?: number;
  readonly backend?: BackendName;
}

function modelOf({ config = recipe(), threads = 0, backend }: Setting): Promise<TrainingModel> {
  return createTrainingModel({
    described: describeModel(config, VOCABULARY),
    tiedHead: config.model.tiedHead,
    precision: config.precision,
    microSequences: config.batch.microSequences,
    threads,
    backend,
  });
}

function optionsOf(model: TrainingModel, folder: RunFolder, config = recipe()): TrainerOptions {
  return {
    config,
    model,
    folder,
    train: textRows(10, 1),
    validation: textRows(5, 2),
    tokenizerHash: 't',
    datasetHash: 'd',
  };
}

/** What a run reported, and the bits that it ended with. */
interface Outcome {
  readonly metrics: readonly Metrics[];
  readonly weights: Float32Array;
  readonly moments: Float32Array;
}

/** Runs until the end, or until `stop` says so after a report: by the signal, or by walking away from the run. */
async function run(
  folder: RunFolder,
  setting: Setting = {},
  stop: (metrics: Metrics) => 'abort' | 'leave' | undefined = () => undefined,
): Promise<Outcome> {
  const model = await modelOf(setting);
  const trainer = await createTrainer(optionsOf(model, folder, setting.config));
  const metrics: Metrics[] = [];
  const controller = new AbortController();
  for await (const one of trainer.run(controller.signal)) {
    metrics.push(one);
    const how = stop(one);
    if (how === 'abort') controller.abort();
    if (how === 'leave') break;
  }
  const array = (address: number) => model.backend.heap.f32(address, model.parameters.elements).slice();
  const outcome = { metrics, weights: array(model.weights), moments: array(model.secondMoments) };
  trainer.dispose();
  await model.dispose();
  return outcome;
}

function steps(metrics: readonly Metrics[]): readonly StepMetrics[] {
  return metrics.filter((one) => one.kind === 'step');
}

/** Reports without what depends on time, and those of checkpoints. */
function timeless(metrics: readonly Metrics[]): readonly unknown[] {
  return metrics
    .filter(({ kind }) => kind !== 'checkpoint')
    .map((one) => ({ ...one, seconds: 0, tokensPerSecond: 0, gigaflops: 0 }));
}

function loggedIn(folder: MemoryRunFolder): Metrics[] {
  const text = new TextDecoder().decode(folder.read('metrics.jsonl'));
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Metrics);
}

const hasCode = (code: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof BitnetError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, message);
  return true;
};

test('a run reports every step, scores held-out text, saves, and has it all in its log', async () => {
  const folder = createMemoryRunFolder();
  const { metrics } = await run(folder);
  assert.deepEqual(
    metrics.map(({ kind, step }) => `${kind} ${step}`),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].flatMap((step) => [
      `step ${step}`,
      ...(step % 4 === 0 ? [`evaluation ${step}`, `weights ${step}`] : []),
      ...(step % 5 === 0 || step === 12 ? [`checkpoint ${step}`] : []),
    ]),
  );
  assert.deepEqual(loggedIn(folder), metrics);
  const [first, ...others] = steps(metrics);
  assert.ok(Math.abs(first!.loss - Math.log(VOCABULARY)) < 0.3, `first loss ${first!.loss}`);
  assert.ok(others.at(-1)!.loss < first!.loss - 0.5, `last loss ${others.at(-1)!.loss}`);
  // 48 rows are four epochs and eight tenths of one, and one row in ten has 16 targets less.
  assert.ok(
    [48 * CONTEXT - 64, 48 * CONTEXT - 80].includes(others.at(-1)!.tokens),
    `${others.at(-1)!.tokens}`,
  );
  for (const one of steps(metrics)) {
    assert.ok(one.zeroShare! > 0.2 && one.zeroShare! < 0.5 && one.flips! >= 0, JSON.stringify(one));
  }
  assert.ok(steps(metrics).some(({ flips }) => flips! > 0));
  assert.deepEqual(await folder.list('checkpoints'), [
    'checkpoints/step-00000010.safetensors',
    'checkpoints/step-00000012.safetensors',
  ]);
  const watched = metrics.findLast((one) => one.kind === 'weights');
  assert.ok(watched?.kind === 'weights');
  assert.equal(watched.matrices.length, 14);
  const q = watched.matrices[0]!;
  assert.equal(q.name, 'model.layers.0.self_attn.q_proj.weight');
  assert.equal(
    q.histogram.reduce((sum, count) => sum + count, 0),
    128 * 128,
  );
  const inner = q.histogram.slice(14, 18).reduce((sum, count) => sum + count, 0) / 128 ** 2;
  assert.ok(
    Math.abs(inner - q.zeroShare!) < 1e-9 + 0.02,
    `${inner} of the weights are within half a scale, ${q.zeroShare} are zero`,
  );
});

for (const precision of ['ternary', 'f32']) {
  test(`a run that was stopped in between ends with the same bits (${precision})`, async () => {
    const config = recipe({ precision });
    const whole = await run(createMemoryRunFolder(), { config });
    const folder = createMemoryRunFolder();
    const first = await run(folder, { config }, ({ kind, step }) =>
      kind === 'step' && step === 7 ? 'abort' : undefined,
    );
    assert.deepEqual(
      first.metrics.slice(-2).map(({ kind, step }) => `${kind} ${step}`),
      ['step 7', 'checkpoint 7'],
    );
    const second = await run(folder, { config });
    assert.equal(second.metrics[0]!.step, 8);
    assert.deepEqual(second.weights, whole.weights);
    assert.deepEqual(second.moments, whole.moments);
    assert.deepEqual(
      timeless(loggedIn(folder).filter(({ kind }) => kind !== 'weights')),
      timeless(whole.metrics.filter(({ kind }) => kind !== 'weights')),
    );
  });
}

test('a run that was killed makes the lost steps again, and its log tells of each once', async () => {
  const whole = await run(createMemoryRunFolder());
  const folder = createMemoryRunFolder();
  await run(folder, {}, ({ kind, step }) => (kind === 'step' && step === 9 ? 'leave' : undefined));
  await folder.append('metrics.jsonl', '{"kind":"step","step":10,"lo');
  const model = await modelOf({});
  const trainer = await createTrainer(optionsOf(model, folder));
  assert.equal(trainer.step, 5);
  assert.equal(trainer.resumedFrom, 'checkpoints/step-00000005.safetensors');
  await model.dispose();
  const rest = await run(folder);
  assert.equal(rest.metrics[0]!.step, 6);
  assert.deepEqual(rest.weights, whole.weights);
  const kept = ({ kind }: Metrics) => kind !== 'weights';
  assert.deepEqual(timeless(loggedIn(folder).filter(kept)), timeless(whole.metrics.filter(kept)));
});

test('a finished run has nothing left to do', async () => {
  const folder = createMemoryRunFolder();
  await run(folder);
  const log = loggedIn(folder);
  assert.deepEqual((await run(folder)).metrics, []);
  assert.deepEqual(loggedIn(folder), log);
});

test('a signal that was aborted before the first step leaves nothing behind', async () => {
  const folder = createMemoryRunFolder();
  const model = await modelOf({});
  const trainer = await createTrainer(optionsOf(model, folder));
  for await (const metrics of trainer.run(AbortSignal.abort())) assert.fail(JSON.stringify(metrics));
  assert.deepEqual(await folder.list('checkpoints'), []);
  await model.dispose();
});

test('one batch is learnt by heart', async () => {
  for (const precision of ['ternary', 'f32']) {
    const config = recipe(
      {
        precision,
        steps: 60,
        batch: { sequences: 2 },
        optimizer: { learningRate: 0.01, weightDecay: 0 },
      },
      1,
    );
    const model = await modelOf({ config });
    const options = { ...optionsOf(model, createMemoryRunFolder(), config), train: textRows(2, 5) };
    const losses: number[] = [];
    for await (const one of (await createTrainer(options)).run())
      if (one.kind === 'step') losses.push(one.loss);
    assert.ok(losses.at(-1)! < 0.03, `${precision}: the loss is still ${losses.at(-1)}`);
    await model.dispose();
  }
});

test('one and two threads give the same bits', async () => {
  const lone = await run(createMemoryRunFolder());
  for (const threads of [1, 2]) {
    const found = await run(createMemoryRunFolder(), { threads });
    assert.deepEqual(timeless(found.metrics), timeless(lone.metrics));
    assert.deepEqual(found.weights, lone.weights);
  }
});

test('the seed decides over the weights and the order of the rows', async () => {
  const losses = async (seed: number) =>
    steps((await run(createMemoryRunFolder(), { config: recipe({ seed }) })).metrics).map(({ loss }) => loss);
  const first = await losses(1);
  assert.deepEqual(await losses(1), first);
  assert.notDeepEqual(await losses(2), first);
});

test('a step cut into more passes is the same step', async () => {
  const losses = async (microSequences: number) => {
    const config = recipe({ precision: 'f32', batch: { sequences: 4, microSequences } });
    return steps((await run(createMemoryRunFolder(), { config })).metrics).map(({ loss }) => loss);
  };
  const [one, four] = [await losses(1), await losses(4)];
  for (const [i, loss] of one.entries()) assert.ok(Math.abs(loss - four[i]!) < 1e-4, `step ${i + 1}`);
});

test('a loss that is no number ends the run, and nothing is saved any more', async () => {
  const folder = createMemoryRunFolder();
  const model = await modelOf({});
  const trainer = await createTrainer(optionsOf(model, folder));
  const train = async () => {
    for await (const { kind, step } of trainer.run()) {
      if (kind === 'step' && step === 6) model.backend.heap.f32(model.weights, 20)[3] = Number.NaN;
    }
  };
  const message = /step 7: .* is NaN; the checkpoint of step 5 is whole; try a lower learning rate/;
  await assert.rejects(train(), hasCode('train/diverged', message));
  assert.deepEqual(await folder.list('checkpoints'), ['checkpoints/step-00000005.safetensors']);
  assert.equal(trainer.step, 6);
  await model.dispose();
  assert.equal((await run(folder)).metrics[0]!.step, 6);
});

test('gradients that overflow end the run before they touch the weights', async () => {
  const model = await modelOf({ config: recipe({ precision: 'f32' }) });
  const options = optionsOf(model, createMemoryRunFolder(), recipe({ precision: 'f32' }));
  const { accumulateGradients } = model;
  model.accumulateGradients = async (rows, scale) => {
    const sum = await accumulateGradients.call(model, rows, scale);
    model.backend.heap.f32(model.gradients, 9)[8] = Number.POSITIVE_INFINITY;
    return sum;
  };
  const trainer = await createTrainer(options);
  const before = model.backend.heap.f32(model.weights, 64).slice();
  const message = /step 1: the norm of the gradients is Infinity; nothing was saved yet/;
  await assert.rejects(trainer.run().next(), hasCode('train/diverged', message));
  assert.deepEqual(model.backend.heap.f32(model.weights, 64).slice(), before);
  await model.dispose();
});

test('a full disk ends the run with the last checkpoint as it was', async () => {
  const folder = createMemoryRunFolder();
  const full: RunFolder = {
    ...folder,
    async write(file, write) {
      if (!file.includes('step-00000010')) return folder.write(file, write);
      await write(async () => {
        throw new BitnetError('output/failed', `${file} cannot be written: the disk is full`);
      });
    },
  };
  await assert.rejects(run(full), hasCode('output/failed', /the disk is full/));
  assert.deepEqual(await folder.list('checkpoints'), ['checkpoints/step-00000005.safetensors']);
  assert.equal((await run(folder)).metrics[0]!.step, 6);
});

test('refused: no text, rows of another length, a folder in use, another recipe', async () => {
  const model = await modelOf({});
  const folder = createMemoryRunFolder('run');
  const options = optionsOf(model, folder);
  const cases: [Partial<TrainerOptions>, string, RegExp][] = [
    [{ train: textRows(0, 1) }, 'train/no-data', /no token that could be predicted/],
    [{ train: { ...textRows(1, 1), targets: 0 } }, 'train/no-data', /no token that could be predicted/],
    [{ train: textRows(3, 1, 17) }, 'train/bad-shard', /rows of 17 tokens, and the model takes 33/],
    [{ validation: textRows(3, 1, 17) }, 'train/bad-shard', /rows of 17 tokens/],
  ];
  for (const [change, code, message] of cases) {
    await assert.rejects(createTrainer({ ...options, ...change }), hasCode(code, message));
  }
  await run(folder);
  await assert.rejects(
    createTrainer({ ...options, resume: false }),
    hasCode('train/checkpoints-exist', /^run has checkpoints of a run already/),
  );
  const config = recipe({ optimizer: { learningRate: 0.02, warmUpSteps: 2 } });
  await assert.rejects(
    createTrainer({ ...options, config }),
    hasCode('train/other-run', /optimizer\.learningRate was 0\.01 there and is 0\.02 in the recipe/),
  );
  await model.dispose();
});

test('without held-out text there is no evaluation', async () => {
  const model = await modelOf({});
  const options = { ...optionsOf(model, createMemoryRunFolder()), validation: textRows(0, 1) };
  const kinds = new Set<string>();
  for await (const { kind } of (await createTrainer(options)).run()) kinds.add(kind);
  assert.deepEqual([...kinds].sort(), ['checkpoint', 'step', 'weights']);
  await model.dispose();
});
