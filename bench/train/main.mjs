#!/usr/bin/env node
// @ts-check
/**
 * bitnet.ts against TensorFlow.js in training, in one run: the same model (models/tales/recipe.json) from the same weights
 * on the same random tokens, with Adam at one rate, no decay and no clipping. All contenders live at once, each in a
 * process of its own, and take turns step by step, so that a machine that slows down slows all of them. First it is shown
 * that both train the same model: all losses of f32 must agree, the first to 1e-3, later ones (after steps of Adam, which
 * makes much of small gradients) to 1e-2; it fails otherwise. Prints medians as Markdown. Seconds are by the clock, CPU
 * seconds of all threads; on a busy machine only the latter tell much.
 *
 *     node bench/train/main.mjs --install    installs TensorFlow.js into bench/train first, if it is not there
 *     node bench/train/main.mjs --runs 5 --sequences 16 --json train.json
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { setup } from '../../scripts/setup.mjs';
import { machine } from '../peers/table.mjs';
import { startContender } from './contender.mjs';
import { installNotice, installPeer, isInstalled, isNativeInstalled } from './install.mjs';
import { contenderTable, lossFault } from './table.mjs';

const RECIPE = fileURLToPath(new URL('../../models/tales/recipe.json', import.meta.url));

/** @type {import('./contender.mjs').Entry[]} */
const ENTRIES = [
  ours('f32', 1),
  ours('ternary', 1),
  ours('ternary', 1, 'wasm'),
  {
    name: 'TensorFlow.js wasm in Node.js',
    engine: 'tensorflow',
    precision: 'f32',
    threads: 1,
    backend: 'wasm',
  },
  ours('f32', 2),
  ours('ternary', 2),
  ours('ternary', 2, 'wasm'),
  { name: 'TensorFlow.js wasm in Chromium', engine: 'chromium', precision: 'f32', threads: 2 },
  { name: 'TensorFlow.js native', engine: 'tensorflow', precision: 'f32', threads: 2, backend: 'tensorflow' },
];

/**
 * @param {'ternary' | 'f32'} precision
 * @param {number} threads
 * @param {string} [backend]
 * @returns {import('./contender.mjs').Entry}
 */
function ours(precision, threads, backend) {
  const name = `bitnet.ts ${precision}${backend === undefined ? '' : ` ${backend}`}`;
  return { name, engine: 'ours', precision, threads, ...(backend === undefined ? {} : { backend }) };
}

/** The command line. @throws Error with a sentence for what means nothing */
function readSettings() {
  const text = /** @type {const} */ ({ type: 'string' });
  const { values } = parseArgs({
    options: { install: { type: 'boolean' }, runs: text, sequences: text, json: text },
  });
  const whole = (/** @type {string} */ name, /** @type {string} */ value) => {
    if (/^[1-9]\d{0,2}$/.test(value)) return Number(value);
    throw new Error(`--${name} is "${value}", and must be a whole number from 1 to 999`);
  };
  return {
    isInstall: values.install === true,
    runs: whole('runs', values.runs ?? '3'),
    sequences: whole('sequences', values.sequences ?? '8'),
    json: values.json,
  };
}

/** @returns {Promise<number>} the exit code */
async function main() {
  const { isInstall, runs, sequences, json } = readSettings();
  if (isInstall && !(isInstalled() && isNativeInstalled())) {
    process.stderr.write(`installing ${installNotice()}\n`);
    installPeer();
  }
  if (!isInstalled()) {
    process.stderr.write(
      `TensorFlow.js is not installed; node bench/train/main.mjs --install installs ${installNotice()}\n`,
    );
    return 1;
  }
  await setup({ tests: true });
  const { makeTask } = await import('./task.mjs');
  const folder = mkdtempSync(join(tmpdir(), 'bitnet-bench-train-'));
  const contenders = [];
  let tokens = 0;
  try {
    const made = await makeTask(RECIPE, sequences, folder);
    tokens = sequences * made.task.model.contextLength;
    for (const entry of ENTRIES) {
      if (entry.backend !== 'tensorflow' || isNativeInstalled())
        contenders.push(await startContender(entry, made));
    }
    // The first turn warms up, and is compared but not counted.
    for (let turn = 0; turn <= runs; turn++) {
      process.stderr.write(turn === 0 ? 'warming up\n' : `turn ${turn} of ${runs}\n`);
      for (const contender of contenders) await contender.step();
    }
  } finally {
    await Promise.all(contenders.map((contender) => contender.end()));
    rmSync(folder, { recursive: true, force: true });
  }
  const { cpu, cores, memoryGB, node, commit } = machine();
  const lines = [
    contenderTable(contenders, tokens),
    '',
    ...(isNativeInstalled()
      ? []
      : ['TensorFlow.js native: not measured, its native library is not installed here.']),
    `${cpu}, ${cores} cores, ${memoryGB} GB; Node ${node}; commit ${commit}; medians of ${runs} steps in turns.`,
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  if (json !== undefined) {
    const measured = contenders.map(({ entry, note, steps, failure }) => ({
      ...entry,
      note,
      steps,
      failure,
    }));
    writeFileSync(
      json,
      `${JSON.stringify({ machine: machine(), sequences, contenders: measured }, undefined, 2)}\n`,
    );
  }
  const fault = lossFault(contenders);
  if (fault !== undefined) process.stderr.write(`bench/train: ${fault}\n`);
  return fault === undefined && contenders.every(({ entry, failure }) => entry.engine !== 'ours' || !failure)
    ? 0
    : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`bench/train: ${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
