// @ts-check
/** Runs the programs that the checks of compiled code need, and tells when one of them is not installed. */
import { spawn, spawnSync } from 'node:child_process';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the package. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A step that cannot run here, with what is missing. */
export class MissingTool extends Error {}

/**
 * What a program prints, or undefined when it is not there or fails.
 *
 * @param {string} command
 * @param {string[]} args
 */
export function ask(command, args) {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
}

/** @param {string} command */
export function need(command) {
  if (ask(command, ['--version']) === undefined) throw new MissingTool(command);
  return command;
}

/**
 * Runs a program in the package's folder to its end and shows what it says; fails when it does.
 *
 * @param {string} command
 * @param {string[]} args
 */
export function show(command, args) {
  const { status, signal, error } = spawnSync(command, args, {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args[0]} ended with ${signal ?? `exit code ${status}`}`);
}

/**
 * How a program is started: in the package's folder, with these variables besides our own and `input` to read.
 *
 * @typedef {{ env?: Record<string, string>, input?: string }} Surroundings
 */

/** No step takes so long on a machine that is fit for it. */
const TOO_LONG_MS = 20 * 60_000;

/**
 * Starts a program; `output` grows as it writes, `ended` gives what it wrote to standard output and fails, with all that
 * it wrote, when it does.
 *
 * @param {string} command
 * @param {readonly string[]} args
 * @param {Surroundings} [surroundings]
 */
export function start(command, args, { env = {}, input = '' } = {}) {
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    timeout: TOO_LONG_MS,
  });
  const output = { out: '', all: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output.out += text;
    output.all += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    output.all += text;
  });
  // A program that ends without reading all of it is no failure.
  child.stdin.on('error', () => {}).end(input);
  /** @type {Promise<string>} */
  const ended = new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => {
      if (status === 0) resolve(output.out);
      else
        reject(new Error(`${output.all}\n${args.join(' ')} ended with ${signal ?? `exit code ${status}`}`));
    });
  });
  return { child, output, ended };
}
