// @ts-check
/**
 * Installs TensorFlow.js into this folder, and only when asked. Its WebAssembly backend is in the npm packages; the
 * native one (tfjs-node) fetches libtensorflow from storage.googleapis.com in its install script, which may be out of
 * reach: then the benchmark runs without it and says so.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const nativeFolder = join(folder, 'native');

/** Resolves packages as this folder sees them. */
export const requirePeer = createRequire(join(folder, 'package.json'));
/** Resolves tfjs-node. */
export const requireNative = createRequire(join(nativeFolder, 'package.json'));

/** @returns {{ [name: string]: string }} versions by package */
export function peerVersions() {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).dependencies;
}

/** Where a package has its scripts for pages and its .wasm files. @param {'tfjs' | 'tfjs-backend-wasm'} name */
export function distFolder(name) {
  return join(folder, 'node_modules', '@tensorflow', name, 'dist');
}

/** Whether the WebAssembly backend is there. */
export function isInstalled() {
  return Object.keys(peerVersions()).every((name) => existsSync(join(folder, 'node_modules', name)));
}

/** Whether the native backend is there, as an npm package; its library may still be missing. */
export function isNativeInstalled() {
  return existsSync(join(nativeFolder, 'node_modules', '@tensorflow', 'tfjs-node'));
}

/** What is going to be installed, in one sentence. */
export function installNotice() {
  const names = Object.entries(peerVersions()).map(([name, version]) => `${name} ${version}`);
  return `${names.join(' and ')} from the npm registry into ${join(folder, 'node_modules')}, and tfjs-node if its native library can be reached`;
}

/** Installs them. @throws Error when npm fails for the WebAssembly backend */
export function installPeer() {
  if (!isInstalled() && npmInstall(folder, ['--ignore-scripts'], 'inherit') !== 0) {
    throw new Error(`npm install failed in ${folder}; what it said is above`);
  }
  if (npmInstall(nativeFolder, [], 'ignore') !== 0) {
    process.stderr.write('tfjs-node could not be installed; its native library may be out of reach\n');
  }
}

/**
 * @param {string} cwd
 * @param {string[]} more
 * @param {'inherit' | 'ignore'} output
 */
function npmInstall(cwd, more, output) {
  const args = ['install', '--no-save', '--no-audit', '--no-fund', ...more];
  // On Windows npm is a .cmd file, which only a shell can start.
  const shell = process.platform === 'win32';
  return spawnSync('npm', args, { cwd, stdio: ['ignore', output, output], shell }).status;
}
