#!/usr/bin/env node
// @ts-check
/**
 * Runs every fuzzer over many more inputs than `npm test` does, from a fresh seed: the readers of GGUF and safetensors
 * files, tokenizer.json, GGUF vocabularies, chat templates, and whole loads of damaged models.
 *
 *     npm run fuzz                                at least 100,000 inputs
 *     npm run fuzz -- 1000000                     at least that many
 *     BITNET_FUZZ_SEED=7 npm run fuzz             the same inputs again
 *
 * The fuzzers are tests like any other; each says how many inputs it took in a line `fuzzed inputs: N`. They are
 * compiled by scripts/setup.mjs, which `npm run fuzz` calls first.
 */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/**
 * The fuzzers. Of `total` inputs each gets its share; the tests of a file take `perRun` inputs for each of
 * BITNET_FUZZ_RUNS. Whole loads cost a hundred times more than the rest.
 */
const FUZZERS = [
  {
    name: 'GGUF and safetensors readers',
    file: 'build/test/properties/fuzz-formats.test.js',
    perRun: 6,
    share: 0.45,
  },
  { name: 'tokenizers and chat templates', file: 'dist/tokenizer/fuzz.test.js', perRun: 6.25, share: 0.45 },
  { name: 'whole loads', file: 'build/test/properties/fuzz-load.test.js', perRun: 9, share: 0.11 },
];

/**
 * Runs one fuzzer.
 *
 * @param {string} file
 * @param {number} runs
 * @param {number} seed
 * @returns {Promise<{ inputs: number, failed: boolean, output: string[] }>}
 */
function runFuzzer(file, runs, seed) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--test', '--test-reporter=tap', join(root, file)], {
      cwd: root,
      env: { ...process.env, BITNET_FUZZ_RUNS: String(runs), BITNET_FUZZ_SEED: String(seed) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    /** @type {string[]} */
    const output = [];
    let inputs = 0;
    createInterface({ input: child.stdout }).on('line', (line) => {
      output.push(line);
      inputs += Number(/^\s*# fuzzed inputs: (\d+)/.exec(line)?.[1] ?? 0);
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ inputs, failed: code !== 0, output }));
  });
}

/** @param {string | undefined} text */
function inputsWanted(text) {
  const total = Number(text ?? 100_000);
  if (Number.isSafeInteger(total) && total > 0) return total;
  throw new Error(`"${text}" is no number of inputs`);
}

async function main() {
  const total = inputsWanted(process.argv[2]);
  const seed = Number(process.env.BITNET_FUZZ_SEED ?? randomInt(1, 2 ** 31));
  console.log(`seed ${seed} (repeat with BITNET_FUZZ_SEED=${seed})`);
  let sum = 0;
  for (const { name, file, perRun, share } of FUZZERS) {
    const runs = Math.ceil((total * share) / perRun);
    const start = performance.now();
    const { inputs, failed, output } = await runFuzzer(file, runs, seed);
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${name}: ${inputs} inputs, ${runs} for each kind, ${seconds} s${failed ? ', FAILED' : ''}`);
    if (failed) {
      console.log(output.join('\n'));
      console.log(`repeat with BITNET_FUZZ_SEED=${seed} BITNET_FUZZ_RUNS=${runs} node --test ${file}`);
      process.exitCode = 1;
    }
    sum += inputs;
  }
  console.log(`${sum} inputs in all`);
  if (process.exitCode === undefined && sum < total) {
    console.log(`that is less than the ${total} asked for: a fuzzer counts wrongly`);
    process.exitCode = 1;
  }
}

await main();
