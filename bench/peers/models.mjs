// @ts-check
/** The random models of the races, made once with `bitnet make-random` and kept in a folder for the next time. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The `bitnet` program of this clone. */
export const BITNET = join(
  dirname(dirname(dirname(fileURLToPath(import.meta.url)))),
  'dist',
  'cli',
  'main.js',
);

/**
 * The path of a model, which is made when it is not there. `make-random` leaves no half files behind.
 *
 * @param {string} folder
 * @param {string} shape
 * @param {import('./rivals.mjs').ModelFile} file
 */
export function modelPath(folder, shape, { type, embedding, architecture }) {
  const parts = [shape, type, embedding, ...(architecture === undefined ? [] : [architecture])];
  const path = join(folder, `${parts.join('-')}.gguf`);
  if (existsSync(path)) return path;
  mkdirSync(folder, { recursive: true });
  process.stderr.write(`making ${path}\n`);
  const choice = ['--shape', shape, '--type', type, '--embedding', embedding];
  const renamed = architecture === undefined ? [] : ['--architecture', architecture];
  const { status } = spawnSync(process.execPath, [BITNET, 'make-random', ...choice, ...renamed, path], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (status !== 0) throw new Error(`${path} could not be made`);
  return path;
}
