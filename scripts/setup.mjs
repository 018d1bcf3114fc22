#!/usr/bin/env node
// @ts-check
/**
 * Installs and builds whatever is missing or out of date, so that `npm start` and `npm test` work from a bare clone.
 * Silent when there is nothing to do, and then needs no network. Steps: npm install, tsc to dist/, asc to
 * dist/kernels/wasm/, a C compiler (where there is one) to dist/native/, Vite to dist/web/, and with `--tests` tsc to build/test/. `--build` builds even when nothing changed.
 * freshness.mjs decides what is out of date; this file only runs the steps, one set-up at a time.
 */
import { spawn, spawnSync } from 'node:child_process';
import { realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { forgetBuild, isBuilt, isInstalled, recordBuild, removeOrphans, stateOf } from './freshness.mjs';
import { lockSetup } from './setup-lock.mjs';

/** Exit status of build-native.mjs when there is no compiler. */
const NO_COMPILER = 3;

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** What keeps set-up from finishing, told in one sentence. */
class SetupError extends Error {}

/**
 * Brings node_modules/ and dist/ (with `tests` also build/test/) to where they match their sources.
 *
 * @param {{ tests?: boolean, build?: boolean }} [options]
 */
export async function setup({ tests = false, build = false } = {}) {
  checkNodeVersion();
  const steps = [
    { line: 'installing…', isDone: isInstalled, run: install },
    { line: 'building…', isDone: () => !build && isBuilt('dist'), run: () => compile('dist') },
    {
      line: 'building the wasm kernels…',
      isDone: () => !build && isBuilt('wasm'),
      run: () => compile('wasm'),
    },
    {
      line: 'building the native kernels…',
      isDone: () => !build && isBuilt('native'),
      run: compileNative,
    },
    { line: 'building the web pages…', isDone: () => !build && isBuilt('web'), run: () => compile('web') },
  ];
  if (tests) {
    steps.push({ line: 'building the tests…', isDone: () => isBuilt('tests'), run: () => compile('tests') });
  }
  if (steps.every((step) => step.isDone())) return;
  const release = await lockSetup();
  try {
    for (const step of steps) {
      // Asked again: another set-up may have done it while this one waited.
      if (step.isDone()) continue;
      process.stderr.write(`${step.line}\n`);
      await step.run();
    }
  } finally {
    release();
  }
}

function checkNodeVersion() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new SetupError(
    `bitnet.ts needs Node 20.19 or newer, and this is Node ${process.versions.node}; install a newer one from https://nodejs.org`,
  );
}

async function install() {
  // Not `npm ci`: it refuses a lock file that lacks another system's optional packages, which npm cannot always list.
  const args = ['install', '--no-save', '--include=dev', '--no-audit', '--no-fund'];
  const npm = process.env.npm_execpath ?? '';
  if (basename(npm) === 'npm-cli.js') await runTool('npm install', process.execPath, [npm, ...args]);
  else await runTool('npm install', 'npm', args);
}

/** @param {'dist' | 'wasm' | 'web' | 'tests'} part */
async function compile(part) {
  // Taken before the build: an edit during it must not pass for built.
  const state = stateOf(part);
  forgetBuild(part);
  const tsc = join('node_modules', 'typescript', 'bin', 'tsc');
  if (part === 'dist') await runTool('tsc', process.execPath, [tsc, '-p', 'tsconfig.json']);
  else if (part === 'tests') await runTool('tsc', process.execPath, [tsc, '-p', 'tsconfig.test.json']);
  else if (part === 'web') await runTool('vite', process.execPath, [join('web', 'build.mjs')]);
  else await runTool('build-wasm', process.execPath, [join('scripts', 'build-wasm.mjs')]);
  // The web build empties its folder by itself, and names its files after what is in them.
  if (part !== 'web') removeOrphans(part);
  recordBuild(part, state);
}

/** Native kernels make it fast and nothing depends on them: where they cannot be built, one line says so. */
async function compileNative() {
  const state = stateOf('native');
  forgetBuild('native');
  const outcome = spawnSync(process.execPath, [join('scripts', 'build-native.mjs')], {
    cwd: root,
    encoding: 'utf8',
  });
  removeOrphans('native');
  recordBuild('native', state, outcome.status === 0);
  if (outcome.status === 0) return;
  const line =
    outcome.status === NO_COMPILER
      ? outcome.stderr.trim()
      : 'native: the kernels could not be compiled here (node scripts/build-native.mjs tells why); wasm is used';
  process.stderr.write(`${line}\n`);
}

/**
 * Runs a program in the project's root; its output is shown only when it fails.
 *
 * @param {string} name what to call it in the message
 * @param {string} command
 * @param {string[]} args
 */
function runTool(name, command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      // On Windows npm is a .cmd file, which only a shell can start.
      shell: process.platform === 'win32' && command === 'npm',
    });
    /** @type {Buffer[]} */
    const output = [];
    child.stdout.on('data', (chunk) => output.push(chunk));
    child.stderr.on('data', (chunk) => output.push(chunk));
    child.on('error', (cause) => {
      reject(new SetupError(`${name} could not be started (${cause.message}); is it installed?`));
    });
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(undefined);
      process.stderr.write(Buffer.concat(output));
      reject(new SetupError(`${name} failed (${signal ?? `exit code ${code}`}); what it said is above`));
    });
  });
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const flags = process.argv.slice(2);
  setup({ tests: flags.includes('--tests'), build: flags.includes('--build') }).catch((error) => {
    process.stderr.write(`setup: ${error instanceof SetupError ? error.message : error.stack}\n`);
    process.exitCode = 1;
  });
}
