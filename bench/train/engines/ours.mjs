// @ts-check
/** Steps of bitnet.ts, as `bitnet train` takes them: both passes, norm of the gradients, AdamW, and the new codes. */
import { createTrainingModel } from '../../../dist/train/model/create.js';
import { createOptimiser } from '../../../dist/train/optimise/adamw.js';
import { describeTask, fillWeights } from '../task.mjs';
import { readFloats, readInts, serve } from './serve.mjs';

serve(async ({ task, weights, rows, threads, precision, backend }) => {
  const model = await createTrainingModel({
    ...describeTask(task, precision),
    microSequences: task.sequences,
    backend: /** @type {any} */ (backend),
    threads: threads > 1 ? threads : 0,
  });
  const { optimizer, sequences } = task;
  const optimiser = createOptimiser(model, /** @type {any} */ ({ ...optimizer, clipNorm: 1e6 }));
  fillWeights(model, readFloats(weights));
  await model.prepareWeights();
  const tokens = readInts(rows);
  const targets = sequences * task.model.contextLength;
  let steps = 0;
  return {
    note: `${model.backend.name}, ${model.team.count} thread${model.team.count === 1 ? '' : 's'}`,
    step: async () => {
      await model.clearGradients();
      const { loss } = await model.accumulateGradients(tokens, 1 / targets);
      const norm = await optimiser.gradientNorm();
      steps++;
      await optimiser.apply(steps, { learningRate: optimizer.learningRate, weightDecay: 0 }, norm);
      await model.prepareWeights();
      return loss / targets;
    },
    end: async () => {
      optimiser.dispose();
      await model.dispose();
    },
  };
});
