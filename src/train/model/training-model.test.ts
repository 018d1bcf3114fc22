/** What passes over whole models promise beside the vectors of test/golden/train. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createRandom } from '../../base/random.ts';
import { selectBackend } from '../../kernels/select.ts';
import { configFromHuggingFace, type Described } from '../../model/config.ts';
import type { Precision } from '../config.ts';
import { NO_TOKEN } from '../data/token-rows.ts';
import { createTrainingModel } from './create.ts';
import { makePlan } from './make-plan.ts';
import { layOutParameters } from './parameters.ts';
import { planTrainingMemory, spaceOf } from './space.ts';
import type { TrainingModel } from './training-model.ts';

const CONTEXT = 32;

function describeAs(className: string, more: Readonly<Record<string, unknown>> = {}): Described {
  return configFromHuggingFace({
    architectures: [className],
    hidden_size: 32,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 16,
    intermediate_size: 64,
    vocab_size: 50,
    rms_norm_eps: 1e-5,
    max_position_embeddings: CONTEXT,
    ...more,
  });
}

/** A model with weights larger than those that training begins with, so that every gradient counts. */
async function modelOf(
  described: Described,
  precision: Precision,
  tiedHead: boolean,
  microSequences = 2,
  threads = 0,
): Promise<TrainingModel> {
  const model = await createTrainingModel({
    described,
    tiedHead,
    precision,
    microSequences,
    backend: 'wasm',
    threads,
  });
  model.initialise(1);
  for (const { offset, elements, shape } of model.parameters.list) {
    if (shape.length === 1) continue;
    const weights = view(model, model.weights, { offset, elements });
    for (let i = 0; i < weights.length; i++) weights[i]! *= 10;
  }
  await model.prepareWeights();
  return model;
}

function view(
  { backend }: TrainingModel,
  array: number,
  { offset, elements }: { readonly offset: number; readonly elements: number },
): Float32Array {
  return backend.heap.f32(array + 4 * offset, elements);
}

function allGradients(model: TrainingModel): Float32Array {
  return view(model, model.gradients, { offset: 0, elements: model.parameters.elements }).slice();
}

function randomRows(count: number, length = CONTEXT + 1, vocabulary = 50): Int32Array {
  const random = createRandom(3);
  return Int32Array.from({ length: count * length }, () => random.below(vocabulary));
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

const FAMILIES = [
  ['bitnet-b1.58', describeAs('BitNetForCausalLM'), true],
  ['bitnet', describeAs('BitnetForCausalLM'), true],
  ['llama, untied', describeAs('LlamaForCausalLM'), false],
] as const;

describe('in f32, each tensor has the gradient that finite differences along it have', () => {
  for (const [name, described, tiedHead] of FAMILIES) {
    test(name, async () => {
      const model = await modelOf(described, 'f32', tiedHead);
      const rows = randomRows(2);
      await model.accumulateGradients(rows, 1);
      for (const parameter of model.parameters.list) {
        const gradient = view(model, model.gradients, parameter);
        const weights = view(model, model.weights, parameter);
        const before = weights.slice();
        const norm = Math.sqrt(dot(gradient, gradient));
        const lossAt = async (step: number) => {
          for (let i = 0; i < weights.length; i++) weights[i] = before[i]! + (step / norm) * gradient[i]!;
          return (await model.score(rows)).loss;
        };
        const step = 0.01;
        const slope = ((await lossAt(step)) - (await lossAt(-step))) / (2 * step);
        weights.set(before);
        assert.ok(
          Math.abs(slope - norm) <= 0.01 * norm,
          `${parameter.name}: ${norm}, by differences ${slope}`,
        );
      }
      await model.dispose();
    });
  }
});

describe('in ternary, gradients are about those of a dense model with the rounded weights', () => {
  for (const [name, described, tiedHead] of FAMILIES) {
    test(name, async () => {
      const ternary = await modelOf(described, 'ternary', tiedHead);
      const dense = await modelOf(described, 'f32', tiedHead);
      const scales = new Map((await ternary.prepareWeights()).map(({ name, scale }) => [name, scale]));
      for (const parameter of dense.parameters.list) {
        const scale = scales.get(parameter.name);
        if (scale === undefined) continue;
        const weights = view(dense, dense.weights, parameter);
        for (const [i, weight] of weights.entries()) {
          weights[i] = Math.max(-1, Math.min(1, Math.round(weight / scale))) * scale;
        }
      }
      const rows = randomRows(2);
      const { loss } = await ternary.accumulateGradients(rows, 1);
      const { loss: expected } = await dense.accumulateGradients(rows, 1);
      assert.ok(Math.abs(loss - expected) <= 0.02 * expected, `loss ${loss}, not about ${expected}`);
      for (const parameter of dense.parameters.list) {
        const a = view(ternary, ternary.gradients, parameter);
        const b = view(dense, dense.gradients, parameter);
        const cosine = dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
        assert.ok(cosine > 0.97, `${parameter.name}: cosine ${cosine}`);
      }
      await ternary.dispose();
      await dense.dispose();
    });
  }
});

describe('passes', () => {
  test('over the parts of a batch add up to one over all of it, with logits by windows', async () => {
    // In a vocabulary of 20000, there is room for the logits of about 200 tokens.
    const described = describeAs('BitNetForCausalLM', {
      vocab_size: 20000,
      max_position_embeddings: 256,
      num_hidden_layers: 1,
    });
    const model = await modelOf(described, 'ternary', true);
    const rows = randomRows(2, 257, 20000);
    const whole = await model.accumulateGradients(rows, 0.01);
    const expected = allGradients(model);
    await model.clearGradients();
    assert.ok(allGradients(model).every((value) => value === 0));
    const first = await model.accumulateGradients(rows.subarray(0, 257), 0.01);
    const second = await model.accumulateGradients(rows.subarray(257), 0.01);
    assert.ok(Math.abs(first.loss + second.loss - whole.loss) < 1e-9 * whole.loss);
    const found = allGradients(model);
    const difference = found.map((value, i) => value - expected[i]!);
    assert.ok(dot(difference, difference) < 1e-10 * dot(expected, expected));
    await model.dispose();
  });

  test('give the same bits for any number of threads', async () => {
    // More rows than one thread takes of a gradient, and chunks that begin within sequences.
    const described = describeAs('BitnetForCausalLM', { intermediate_size: 544 });
    const rows = randomRows(5);
    const results = [];
    for (const threads of [0, 2, 3]) {
      const model = await modelOf(described, 'ternary', true, 5, threads);
      const { loss } = await model.accumulateGradients(rows, 1);
      results.push({ loss, gradients: allGradients(model), scored: (await model.score(rows)).loss });
      await model.dispose();
    }
    assert.deepEqual(results[1], results[0]);
    assert.deepEqual(results[2], results[0]);
  });

  test('predict no padding, and what comes before it does not depend on it', async () => {
    const model = await modelOf(describeAs('BitNetForCausalLM'), 'ternary', true);
    const rows = randomRows(1);
    rows.fill(NO_TOKEN, 20);
    const padded = await model.accumulateGradients(rows, 1);
    assert.equal(padded.targets, 19);
    const expected = allGradients(model);
    // The same targets before other tokens: only the inputs differ that nothing looks at.
    await model.clearGradients();
    const { loss } = await model.score(rows);
    assert.ok(Math.abs(loss - padded.loss) <= 1e-6 * loss);
    const logits = await model.logits(rows.slice(0, 19));
    let sum = 0;
    for (let t = 0; t < 19; t++) {
      const row = logits.subarray(50 * t, 50 * (t + 1));
      const exponentials = row.reduce((all, logit) => all + Math.exp(logit), 0);
      sum += Math.log(exponentials) - row[rows[t + 1]!]!;
    }
    assert.ok(Math.abs(sum - loss) <= 1e-5 * loss, `${sum} of the logits, ${loss} scored`);
    assert.ok(expected.every((value) => Number.isFinite(value)));
    await model.dispose();
  });

  test('count ternary weights that are zero and that changed', async () => {
    const model = await modelOf(describeAs('BitNetForCausalLM'), 'ternary', true);
    for (const { changed, zeros, weights } of await model.prepareWeights()) {
      assert.equal(changed, 0);
      // Of a normal distribution, 31 % lie within half of the mean magnitude.
      assert.ok(zeros > 0.25 * weights && zeros < 0.37 * weights, `${zeros} of ${weights}`);
    }
    const parameter = model.parameters.list.find(({ role }) => role === 'down')!;
    const weights = view(model, model.weights, parameter);
    weights[3] = weights[3]! > 0 ? -1 : 1;
    const counts = await model.prepareWeights();
    assert.equal(counts.length, 14);
    assert.ok(counts.find(({ name }) => name === parameter.name)!.changed >= 1);
    assert.ok(counts.every(({ name, changed }) => name === parameter.name || changed === 0));
    await model.dispose();
  });

  test('initialise the same weights on every backend and in every precision', async () => {
    const described = describeAs('BitNetForCausalLM');
    const weights = [];
    for (const [backend, precision] of [
      ['wasm', 'ternary'],
      ['reference', 'f32'],
    ] as const) {
      const options = { described, tiedHead: true, precision, microSequences: 1, backend, threads: 0 };
      const model = await createTrainingModel(options);
      model.initialise(9);
      weights.push(view(model, model.weights, { offset: 0, elements: model.parameters.elements }).slice());
      await model.dispose();
    }
    assert.deepEqual(weights[0], weights[1]);
  });
});

for (const precision of ['ternary', 'f32'] as const) {
  test(`the memory that training takes is known before (${precision})`, async () => {
    const described = describeAs('BitnetForCausalLM');
    const parameters = layOutParameters(described.config, described.architecture, true);
    const { backend } = await selectBackend('wasm', false);
    const { heap, kernels } = backend;
    const before = heap.usedBytes;
    const [weights, gradients] = [0, 1, 2, 3].map(() => heap.allocate(4 * parameters.elements)) as [
      number,
      number,
    ];
    const options = {
      described,
      parameters,
      precision,
      microSequences: 8,
      heap,
      kernels,
      weights,
      gradients,
    };
    makePlan(options);
    const taken = heap.usedBytes - before;
    const { total } = planTrainingMemory(kernels, parameters, spaceOf(described.config, precision, 8));
    // Blocks are whole cache lines, and the sums of the optimiser are not among them yet.
    assert.ok(Math.abs(taken - total) < 64 * 150, `${taken} bytes were taken, ${total} were foreseen`);
    backend.dispose();
  });
}

test('training that does not fit is refused in a sentence, with what would help', async () => {
  const options = {
    described: describeAs('BitnetForCausalLM'),
    tiedHead: true,
    precision: 'ternary',
  } as const;
  await assert.rejects(
    createTrainingModel({ ...options, microSequences: 1 << 20, backend: 'wasm', threads: 0 }),
    {
      code: 'memory/limit',
      message:
        /^training this model takes \d+ MiB \(.*rows of text \d+ MiB\).* or fewer rows at once \(batch\.microSequences\)$/,
    },
  );
});
