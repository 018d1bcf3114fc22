// @ts-check
/** A contender in a process of its own, which takes a step whenever it is told to. What failed once takes no more. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Longest that a start or a step may take. */
const LIMIT_MS = 10 * 60_000;

/**
 * @typedef {object} Entry
 * @property {string} name as shown
 * @property {'ours' | 'tensorflow' | 'chromium'} engine the script of engines/ that runs it
 * @property {'ternary' | 'f32'} precision
 * @property {number} threads
 * @property {string} [backend]
 */

/**
 * @typedef {object} Contender
 * @property {Entry} entry
 * @property {string} note what runs
 * @property {import('./engines/serve.mjs').Step[]} steps
 * @property {string} [failure]
 * @property {() => Promise<void>} step
 * @property {() => Promise<void>} end
 */

/**
 * @param {Entry} entry
 * @param {Pick<import('./engines/serve.mjs').Job, 'task' | 'weights' | 'rows'>} made
 * @returns {Promise<Contender>}
 */
export async function startContender(entry, made) {
  const { engine, precision, threads, backend } = entry;
  const child = fork(fileURLToPath(new URL(`engines/${engine}.mjs`, import.meta.url)), {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [],
  });
  let errors = '';
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    errors += text;
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  const ask = (/** @type {object | string} */ message) =>
    new Promise((resolve) => {
      const timer = setTimeout(() => child.kill(), LIMIT_MS);
      const settle = (/** @type {any} */ answer) => {
        clearTimeout(timer);
        child.off('message', settle).off('close', die);
        resolve(answer);
      };
      const die = () =>
        settle({
          failure:
            errors
              .trim()
              .split('\n')
              .find((line) => line.includes('Error')) ?? 'it ended',
        });
      child.on('message', settle).on('close', die);
      child.send(message, (error) => error !== null && die());
    });
  /** @type {Contender} */
  const contender = {
    entry,
    note: '',
    steps: [],
    step: async () => {
      if (contender.failure !== undefined) return;
      const answer = await ask('step');
      if (answer.failure === undefined) contender.steps.push(answer);
      else fail(answer.failure);
    },
    end: async () => {
      if (child.connected) child.send('end', () => {});
      await closed;
    },
  };
  const fail = (/** @type {string} */ failure) => {
    contender.failure = failure;
    process.stderr.write(`${entry.name} failed: ${failure}\n`);
  };
  const answer = await ask({ ...made, precision, threads, ...(backend === undefined ? {} : { backend }) });
  if (answer.failure === undefined) contender.note = answer.note;
  else fail(answer.failure);
  return contender;
}
