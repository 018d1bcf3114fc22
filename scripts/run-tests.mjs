#!/usr/bin/env node
// @ts-check
/**
 * Compiles the tests and runs them with Node's own runner: unit tests out of dist/, all others out of build/test/.
 * Words among the arguments choose files by a part of their path (`npm test -- gguf`); arguments that start with a
 * dash go to the runner (`npm test -- --test-name-pattern=header`).
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setup } from './setup.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** Two files at a time: several tests bring worker threads of their own. */
const CONCURRENCY = 2;
/** No file may hang for longer than this. */
const TIMEOUT_MS = 20 * 60_000;

/**
 * @param {string[]} args
 * @returns {Promise<number>} the exit code
 */
async function runTests(args) {
  try {
    await setup({ tests: true });
  } catch (error) {
    process.stderr.write(`setup: ${error instanceof Error ? error.message : error}\n`);
    return 1;
  }
  const options = args.filter((argument) => argument.startsWith('-'));
  const words = args.filter((argument) => !argument.startsWith('-'));
  const files = ['dist', join('build', 'test')]
    .flatMap(findTests)
    .filter((file) => words.length === 0 || words.some((word) => file.includes(word)));
  if (files.length === 0) {
    process.stderr.write(
      words.length === 0 ? 'no test was found\n' : `no test file has ${words.join(' or ')} in its path\n`,
    );
    return 1;
  }
  const runner = ['--test', '--test-reporter=spec', `--test-concurrency=${CONCURRENCY}`];
  const { status, error } = spawnSync(
    process.execPath,
    [...runner, `--test-timeout=${TIMEOUT_MS}`, ...options, ...files],
    { cwd: root, stdio: 'inherit' },
  );
  if (error) throw error;
  return status ?? 1;
}

/**
 * @param {string} folder relative to the root
 * @returns {string[]} the compiled test files in it, relative to the root
 */
function findTests(folder) {
  const full = join(root, folder);
  if (!existsSync(full)) return [];
  return readdirSync(full, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.test.js'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}

process.exitCode = await runTests(process.argv.slice(2));
