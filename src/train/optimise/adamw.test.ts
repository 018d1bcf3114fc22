import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../base/random.ts';
import { createReferenceBackend } from '../../kernels/backend.ts';
import { loneMember } from '../../kernels/team/member.ts';
import type { Team } from '../../kernels/team/team.ts';
import { checkConfig } from '../check-config.ts';
import { describeModel } from '../describe-model.ts';
import { layOutParameters } from '../model/parameters.ts';
import { createOptimiser, decaySpans, type OptimisedModel } from './adamw.ts';
import { OPTIMISER_PROGRAMS } from './programs.ts';

const config = checkConfig(
  { data: { train: ['x'] }, precision: 'f32', model: { embeddingLength: 48, blockCount: 2 } },
  'r',
);

/** A model of random arrays, whose team runs programs as `threads` members one after the other. */
function randomModel(threads: number): OptimisedModel & { array(address: number): Float32Array } {
  const { architecture, config: model } = describeModel(config, 300);
  const parameters = layOutParameters(model, architecture, true);
  const backend = createReferenceBackend(false);
  const random = createRandom(7);
  const allocate = (positive: boolean) => {
    const address = backend.heap.allocate(4 * parameters.elements);
    const values = backend.heap.f32(address, parameters.elements);
    for (let i = 0; i < values.length; i++) values[i] = random.next() - (positive ? 0 : 0.5);
    return address;
  };
  const team: Team = {
    count: threads,
    async run(program, args) {
      for (let index = 0; index < threads; index++) {
        OPTIMISER_PROGRAMS[program]!({ ...loneMember(backend, 0), index, count: threads }, args as never);
      }
    },
    async dispose() {},
  };
  return {
    parameters,
    backend,
    team,
    weights: allocate(false),
    gradients: allocate(false),
    firstMoments: allocate(false),
    secondMoments: allocate(true),
    array: (address) => backend.heap.f32(address, parameters.elements),
  };
}

test('matrices decay, the embedding among them, and norms do not', () => {
  const { parameters } = randomModel(1);
  const spans = decaySpans(parameters);
  assert.equal(spans[0]!.start, 0);
  assert.equal(spans.at(-1)!.end, parameters.elements);
  for (const [i, span] of spans.entries()) {
    if (i > 0) assert.deepEqual([span.start, span.decays], [spans[i - 1]!.end, !spans[i - 1]!.decays]);
  }
  for (const { name, offset, elements } of parameters.list) {
    const span = spans.find(({ start, end }) => start <= offset && offset + elements <= end);
    assert.equal(span?.decays, !name.includes('norm'), name);
  }
});

test('a step is that of the paper, with gradients scaled down to the largest norm', async () => {
  const model = randomModel(1);
  const [w, g, m, v] = [model.weights, model.gradients, model.firstMoments, model.secondMoments].map(
    (address) => Float64Array.from(model.array(address)),
  ) as [Float64Array, Float64Array, Float64Array, Float64Array];
  const optimiser = createOptimiser(model, config.optimizer);
  const norm = await optimiser.gradientNorm();
  const expected = Math.sqrt(g.reduce((sum, x) => sum + x * x, 0));
  assert.ok(norm > 1 && Math.abs(norm - expected) < 1e-5 * expected, `norm ${norm} instead of ${expected}`);
  await optimiser.apply(3, { learningRate: 0.01, weightDecay: 0.1 }, norm);
  const found = model.array(model.weights);
  for (const { name, offset, elements, shape } of model.parameters.list) {
    for (let i = offset; i < offset + elements; i++) {
      const gradient = g[i]! / (norm + 1e-6);
      const mean = (0.9 * m[i]! + 0.1 * gradient) / (1 - 0.9 ** 3);
      const square = (0.95 * v[i]! + 0.05 * gradient ** 2) / (1 - 0.95 ** 3);
      const decay = shape.length === 2 ? 0.1 * w[i]! : 0;
      const weight = w[i]! - 0.01 * (mean / (Math.sqrt(square) + 1e-8) + decay);
      assert.ok(
        Math.abs(found[i]! - weight) < 1e-6,
        `${name}, element ${i}: ${found[i]} instead of ${weight}`,
      );
    }
  }
});

test('small gradients are not scaled up', async () => {
  const model = randomModel(1);
  model.array(model.gradients).fill(1e-6);
  const before = model.array(model.firstMoments)[5]!;
  const optimiser = createOptimiser(model, config.optimizer);
  await optimiser.apply(1, { learningRate: 0.01, weightDecay: 0 }, await optimiser.gradientNorm());
  assert.equal(model.array(model.firstMoments)[5], Math.fround(0.9 * before + (1 - 0.9) * Math.fround(1e-6)));
});

test('the number of threads changes no bit', async () => {
  const results = await Promise.all(
    [1, 2, 3, 7].map(async (threads) => {
      const model = randomModel(threads);
      const optimiser = createOptimiser(model, config.optimizer);
      const norm = await optimiser.gradientNorm();
      await optimiser.apply(1, { learningRate: 0.01, weightDecay: 0.1 }, norm);
      return { norm, weights: model.array(model.weights).slice() };
    }),
  );
  for (const result of results.slice(1)) assert.deepEqual(result, results[0]);
});
