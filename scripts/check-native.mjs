#!/usr/bin/env node
// @ts-check
/**
 * Checks compiled code where a test run does not see it: every variant of this processor under AddressSanitizer and
 * UndefinedBehaviorSanitizer, a race of threads under ThreadSanitizer, the arm64 variants in an emulated processor, and
 * there the whole program. Each step needs tools (a compiler, an arm64 cross compiler, qemu-aarch64 and Node for arm64);
 * one whose tools are missing is left out, and the line that says so names them. Words among the arguments choose steps.
 *
 * These tests take every size with some of the others, and the commands that run models; `--full` is for all that a test run
 * takes, and all commands.
 */
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { findEmulator, PROCESSORS } from './native/emulator.mjs';
import { ask, MissingTool, need, ROOT, show, start } from './native/programs.mjs';
import { LONG_COMMANDS, smokeTasks } from './native/smoke.mjs';
import { setup } from './setup.mjs';

const work = join(ROOT, 'build', 'native');

/** The tests of operations and of memory, which are all that the module does. */
const OPERATIONS = join('build', 'test', 'conformance', 'native.test.js');
const MEMORY = join('dist', 'kernels', 'native', 'memory.test.js');

const isFull = process.argv.includes('--full');
/** See test/conformance/kernel-cases.ts. */
const CASES = { BITNET_CASES: isFull ? 'all' : 'few' };

/**
 * What a shipped module may import: Node-API, what both glibc (of 2017, as Node 20 wants it) and musl have, and names that
 * may stay open.
 */
const KNOWN_SYMBOL =
  /^(napi_\w+|_ITM_\w+|__gmon_start__|__cxa_finalize@.*|__errno_location@.*|[a-z]\w*@GLIBC_2\.(\d|1\d|2[0-7])(\.\d+)?)$/;

/** @typedef {import('./native/smoke.mjs').Task} Task */

/** @param {string[]} args */
function buildNative(...args) {
  show(process.execPath, [join('scripts', 'build-native.mjs'), '--check', ...args]);
}

/** The modules that the package ships, which have to load with any C library that Node runs on. */
function buildPrebuilt() {
  need('aarch64-linux-gnu-gcc');
  buildNative('--prebuilt');
  for (const target of ['linux-x64', 'linux-arm64']) {
    const file = join(ROOT, 'prebuilds', target, 'bitnet.node');
    const symbols =
      (ask('aarch64-linux-gnu-nm', ['-D', '--undefined-only', file]) ?? '').match(/\S+$/gm) ?? [];
    const foreign = symbols.filter((symbol) => !KNOWN_SYMBOL.test(symbol));
    if (symbols.length === 0 || foreign.length > 0) {
      throw new Error(`${file} imports ${foreign.join(', ') || 'nothing that could be read'}`);
    }
  }
}

/**
 * Reads and writes outside of blocks, undefined arithmetic, misaligned access.
 *
 * @returns {Task[]}
 */
function addresses() {
  need('gcc');
  const runtimes = ['libasan.so', 'libubsan.so'].map(
    (name) => ask('gcc', [`-print-file-name=${name}`]) ?? name,
  );
  const missing = runtimes.find((path) => !existsSync(path));
  if (missing !== undefined) throw new MissingTool(missing);
  buildNative('--sanitize=address,undefined');
  const env = {
    BITNET_NATIVE: join(work, 'sanitize-address-undefined', 'bitnet.node'),
    LD_PRELOAD: runtimes.join(' '),
    // V8 never gives back what lives as long as the process.
    ASAN_OPTIONS: 'detect_leaks=0',
    UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
    ...CASES,
  };
  return [
    { test: OPERATIONS, group: 'kernels of native-' },
    { test: MEMORY, group: 'a native heap' },
  ].map(({ test, group }) => ({
    name: test,
    run: async () =>
      checkRan(await start(process.execPath, ['--test-reporter=tap', test], { env }).ended, group),
  }));
}

/**
 * Threads of one team, with the barriers of the forward pass between them.
 *
 * @returns {Task[]}
 */
function races() {
  need('gcc');
  if (process.arch !== 'x64') throw new MissingTool('an x86-64 processor');
  buildNative('--sanitize=thread');
  const folder = join(work, 'sanitize-thread');
  const objects = readdirSync(folder).filter((name) => /^(variant-.*|cpu|barrier)\.o$/.test(name));
  const program = join(folder, 'stress');
  show('gcc', [
    ...['-std=c11', '-D_GNU_SOURCE', '-O2', '-g', '-fsanitize=thread', join('native', 'tests', 'stress.c')],
    ...[...objects.map((name) => join(folder, name)), '-pthread', '-lm', '-o', program],
  ]);
  return [{ name: 'stress', run: async () => void (await start(program, ['300']).ended) }];
}

/**
 * The conformance suite with the arm64 module, each variant in an emulated processor of its own.
 *
 * @returns {Task[]}
 */
function arm64() {
  const emulator = findEmulator();
  buildPrebuilt();
  const env = { BITNET_NATIVE: join(ROOT, 'prebuilds', 'linux-arm64', 'bitnet.node'), ...CASES };
  const variants = Object.keys(PROCESSORS).map((name) => ({ pattern: name, group: `kernels of ${name}` }));
  const others = { pattern: 'a variant that cannot|the best variant', group: 'the best variant' };
  return [...variants, others].map(({ pattern, group }) => ({
    name: pattern,
    run: async () => {
      const { command, args } = emulator('max');
      const options = ['--test-reporter=tap', `--test-name-pattern=${pattern}`, OPERATIONS];
      checkRan(await start(command, [...args, ...options], { env }).ended, group);
    },
  }));
}

/**
 * Every command of the program.
 *
 * @returns {Task[]}
 */
function cli() {
  const emulator = findEmulator();
  buildPrebuilt();
  const tasks = smokeTasks(emulator);
  return isFull ? tasks : tasks.filter(({ name }) => !LONG_COMMANDS.includes(name));
}

/**
 * A run that passed has run what it was meant for: tests are left out where there is no module that can be loaded.
 *
 * @param {string} tap
 * @param {string} group beginning of the name of a group of tests
 */
function checkRan(tap, group) {
  if (!tap.includes(`# Subtest: ${group}`)) throw new Error(`${tap}\nno test of ${group} ran`);
}

/** @type {Record<string, () => Task[]>} */
const STEPS = { addresses, races, arm64, cli };

const chosen = process.argv.slice(2).filter((word) => word !== '--full');
const unknown = chosen.find((name) => STEPS[name] === undefined);
if (unknown !== undefined) {
  process.stderr.write(
    `check-native: there is no step ${unknown}; there are ${Object.keys(STEPS).join(', ')}\n`,
  );
  process.exit(2);
}

/** @param {number} since */
function secondsSince(since) {
  return `${((performance.now() - since) / 1000).toFixed(0)} s`;
}

await setup({ tests: true });
/** @type {Task[]} */
const tasks = [];
for (const [step, prepare] of Object.entries(STEPS)) {
  if (chosen.length > 0 && !chosen.includes(step)) continue;
  const begin = performance.now();
  try {
    tasks.push(...prepare().map(({ name, run }) => ({ name: `native ${step}: ${name}`, run })));
    process.stdout.write(`native ${step}: compiled in ${secondsSince(begin)}\n`);
  } catch (error) {
    if (error instanceof MissingTool) {
      process.stdout.write(`native ${step}: not checked, there is no ${error.message} here\n`);
      continue;
    }
    process.stderr.write(`native ${step}: ${/** @type {Error} */ (error).message}\n`);
    process.exitCode = 1;
  }
}

async function lane() {
  for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
    const begin = performance.now();
    try {
      await task.run();
      process.stdout.write(`${task.name}: passed in ${secondsSince(begin)}\n`);
    } catch (error) {
      process.stderr.write(`${task.name}: failed: ${/** @type {Error} */ (error).message}\n`);
      process.exitCode = 1;
    }
  }
}
await Promise.all(Array.from({ length: availableParallelism() }, lane));
