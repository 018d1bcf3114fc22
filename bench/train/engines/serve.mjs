// @ts-check
/**
 * The side of a contender's process: it gets its job, makes its model, and then takes a step whenever it is told to, so
 * that contenders can take turns.
 */
import { readFileSync } from 'node:fs';

/**
 * @typedef {object} Job
 * @property {import('../transformer.js').Task} task
 * @property {string} weights path of f32, the task's parameters one after the other
 * @property {string} rows path of i32 [sequences][contextLength + 1]
 * @property {number} threads
 * @property {'ternary' | 'f32'} precision of ours
 * @property {string} [backend] of ours, or TensorFlow.js's
 */

/** @typedef {{ loss: number, seconds: number, cpuSeconds: number }} Step the loss is the one before the step */

/**
 * @typedef {object} Trainer
 * @property {string} note what runs
 * @property {() => Promise<number>} step answers with the loss
 * @property {() => Promise<number>} [cpuSeconds] used so far; by default those of this process
 * @property {() => Promise<void>} [end]
 */

/** @param {(job: Job) => Promise<Trainer>} start */
export function serve(start) {
  /** @type {Trainer | undefined} */
  let trainer;
  const answer = async (/** @type {Job | 'step' | 'end'} */ message) => {
    if (message === 'end') {
      await trainer?.end?.();
      process.disconnect();
    } else if (message === 'step') {
      if (trainer === undefined) throw new Error('a step before the start');
      process.send?.(await timedStep(trainer));
    } else {
      trainer = await start(message);
      process.send?.({ note: trainer.note });
    }
  };
  // After the end, and when the parent has died.
  process.on('disconnect', () => process.exit());
  process.on('message', (message) => {
    answer(/** @type {any} */ (message)).catch((error) => {
      process.send?.({ failure: error instanceof Error ? error.message : String(error) });
    });
  });
}

/**
 * @param {Trainer} trainer
 * @returns {Promise<Step>}
 */
async function timedStep({ step, cpuSeconds = ownCpuSeconds }) {
  const cpu = await cpuSeconds();
  const start = performance.now();
  const loss = await step();
  const seconds = (performance.now() - start) / 1000;
  return { loss, seconds, cpuSeconds: (await cpuSeconds()) - cpu };
}

async function ownCpuSeconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** @param {string} path */
export function readFloats(path) {
  return new Float32Array(new Uint8Array(readFileSync(path)).buffer);
}

/** @param {string} path */
export function readInts(path) {
  return new Int32Array(new Uint8Array(readFileSync(path)).buffer);
}
