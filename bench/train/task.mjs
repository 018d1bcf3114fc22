// @ts-check
/** What all contenders train: a recipe's model with its first weights, on random tokens, in files that all can read. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom } from '../../dist/base/random.js';
import { rowStride } from '../../dist/kernels/kernels.js';
import { checkConfig } from '../../dist/train/check-config.js';
import { describeModel } from '../../dist/train/describe-model.js';
import { createTrainingModel } from '../../dist/train/model/create.js';

/** Far from what is best for a model, so that losses move within a few steps. */
const LEARNING_RATE = 1e-3;

/**
 * A model's part of createTrainingModel's options.
 *
 * @param {Pick<import('./transformer.js').Task, 'model' | 'vocabularySize'>} task
 * @param {'ternary' | 'f32'} precision
 */
export function describeTask({ model, vocabularySize }, precision) {
  const config = checkConfig({ data: { train: ['none'] }, model, precision }, 'the model');
  return { described: describeModel(config, vocabularySize), tiedHead: model.tiedHead, precision };
}

/**
 * Reads the recipe, and writes weights and tokens.
 *
 * @param {string} recipe path
 * @param {number} sequences
 * @param {string} folder
 * @returns {Promise<Pick<import('./engines/serve.mjs').Job, 'task' | 'weights' | 'rows'>>}
 */
export async function makeTask(recipe, sequences, folder) {
  const { model, tokenizer, optimizer, seed } = checkConfig(JSON.parse(readFileSync(recipe, 'utf8')), recipe);
  if (!('vocabularySize' in tokenizer)) throw new Error(`${recipe} names no size of a vocabulary`);
  const { vocabularySize } = tokenizer;
  const shape = { model, vocabularySize };
  const ours = await createTrainingModel({ ...describeTask(shape, 'f32'), microSequences: 1, threads: 0 });
  ours.initialise(seed);
  const parameters = ours.parameters.list.map(({ name, shape }) => ({ name, shape }));
  const weights = join(folder, 'weights');
  writeFileSync(weights, readWeights(ours));
  await ours.dispose();
  const random = createRandom(seed);
  const length = sequences * (model.contextLength + 1);
  const rows = join(folder, 'rows');
  writeFileSync(
    rows,
    Int32Array.from({ length }, () => random.below(vocabularySize)),
  );
  const { beta1, beta2, epsilon } = optimizer;
  const adam = { learningRate: LEARNING_RATE, beta1, beta2, epsilon };
  return { task: { ...shape, sequences, parameters, optimizer: adam }, weights, rows };
}

/** @typedef {import('../../dist/train/model/training-model.js').TrainingModel} TrainingModel */

/** @param {TrainingModel} model */
function readWeights(model) {
  const all = new Float32Array(model.parameters.weights);
  let at = 0;
  for (const row of rowsOf(model)) {
    all.set(row, at);
    at += row.length;
  }
  return all;
}

/**
 * Puts weights without pads where the model has them.
 *
 * @param {TrainingModel} model
 * @param {Float32Array} weights
 */
export function fillWeights(model, weights) {
  let at = 0;
  for (const row of rowsOf(model)) {
    row.set(weights.subarray(at, at + row.length));
    at += row.length;
  }
}

/** The rows of all parameters, as they lie on the heap. @param {TrainingModel} model */
function* rowsOf({ parameters, backend, weights }) {
  for (const { shape, offset } of parameters.list) {
    const [rows, columns] = shape.length === 1 ? [1, shape[0]] : shape;
    for (let r = 0; r < rows; r++)
      yield backend.heap.f32(weights + 4 * (offset + r * rowStride(columns)), columns);
  }
}
