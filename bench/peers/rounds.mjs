// @ts-check
/** Runs the races: every round lets each contender measure once, in a process of its own, one after the other. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { modelPath } from './models.mjs';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));
/** Longest that one round of one contender may take. */
const LIMIT_MS = 30 * 60_000;

/**
 * A contender with what it measured, and why it measured no more.
 *
 * @typedef {import('./rivals.mjs').Contender & { rounds: import('./engines/job.mjs').Round[], failure?: string }} Runner
 */

/**
 * @param {import('./rivals.mjs').Race} race
 * @param {import('./settings.mjs').Settings} settings
 * @returns {Promise<Runner[]>}
 */
export async function runRace(race, settings) {
  /** @type {Runner[]} */
  const runners = race.contenders.map((contender) => ({ ...contender, rounds: [] }));
  const { prompts, generate, threads, backend, folder, runs } = settings;
  const models = runners.map(({ file }) => modelPath(folder, settings.shapes[race.name] ?? race.shape, file));
  for (let round = 1; round <= runs; round++) {
    for (const [i, runner] of runners.entries()) {
      // What failed once fails again, and takes its time.
      if (runner.failure !== undefined) continue;
      process.stderr.write(`${race.title}, round ${round} of ${runs}: ${runner.name}\n`);
      const job = { model: models[i], prompts, generate, threads, inPage: runner.inPage };
      const own = runner.engine === 'ours' && backend !== undefined ? { ...job, backend } : job;
      const outcome = await measure(runner.engine, own);
      if (typeof outcome === 'string') {
        runner.failure = outcome;
        process.stderr.write(`${runner.name} failed: ${outcome}\n`);
      } else runner.rounds.push(outcome);
    }
  }
  return runners;
}

/**
 * @param {string} engine
 * @param {object} job
 * @returns {Promise<import('./engines/job.mjs').Round | string>} the rates, or why there are none
 */
function measure(engine, job) {
  const script = join(FOLDER, 'engines', `${engine}.mjs`);
  const child = spawn(process.execPath, [script, JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text;
  });
  return new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => {
      const last = output.trimEnd().split('\n').at(-1) ?? '';
      if (code === 0 && last.startsWith('{')) resolve(JSON.parse(last));
      else resolve(sentenceOf(errors) ?? `it ended with ${signal ?? `exit code ${code}`}`);
    });
  });
}

/**
 * The message of an uncaught error among what a process wrote.
 *
 * @param {string} text
 */
function sentenceOf(text) {
  const lines = text.split('\n').map((line) => line.trim());
  const message = lines.find((line) => /\b\w*Error: |^bitnet: /.test(line));
  return (message ?? lines.findLast((line) => line !== ''))?.replace(/^Error: /, '').replaceAll('|', '/');
}
