// @ts-check
/**
 * Installs the rivals into this folder, and only when asked: they are large, and nothing else of the package needs them.
 * node-llama-cpp brings its compiled llama.cpp as one npm package for each system; only this system's plain CPU build is
 * taken, and no install script runs, so nothing is compiled or fetched from elsewhere.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
/** Names of node-llama-cpp's CPU builds, by Node's names of system and processor. */
const CPU_BUILDS = new Map([
  ['linux-x64', 'linux-x64'],
  ['linux-arm64', 'linux-arm64'],
  ['darwin-x64', 'mac-x64'],
  ['darwin-arm64', 'mac-arm64-metal'],
  ['win32-x64', 'win-x64'],
  ['win32-arm64', 'win-arm64'],
]);

/** @returns {{ [name: string]: string }} versions by package */
export function rivalVersions() {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).dependencies;
}

/** Whether all rivals are there. */
export function areInstalled() {
  return Object.keys(rivalVersions()).every((name) => existsSync(join(folder, 'node_modules', name)));
}

/** What is going to be installed, in one sentence. */
export function installNotice() {
  const names = Object.entries(rivalVersions()).map(([name, version]) => `${name} ${version}`);
  return `${names.join(' and ')} from the npm registry, about 30 MB to download and 120 MB in ${join(folder, 'node_modules')}`;
}

/** Installs them. @throws Error when npm fails */
export function installRivals() {
  const build = CPU_BUILDS.get(`${process.platform}-${process.arch}`);
  const version = rivalVersions()['node-llama-cpp'];
  // Not `npm ci`: it refuses a lock file that lacks another system's optional packages, which npm cannot always list.
  const args = ['install', '--no-save', '--omit=optional', '--ignore-scripts', '--no-audit', '--no-fund'];
  const all = build === undefined ? args : [...args, `@node-llama-cpp/${build}@${version}`];
  const { status } = spawnSync('npm', all, {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
    // On Windows npm is a .cmd file, which only a shell can start.
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`npm ${args.join(' ')} failed in ${folder}; what it said is above`);
}
