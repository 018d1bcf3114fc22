#!/usr/bin/env node
// @ts-check
/**
 * Compiles assembly/relaxed.ts and assembly/simd.ts with AssemblyScript into dist/kernels/wasm/, each for two kinds of
 * memory: `shared` (between the threads of a team) and `local` (one thread, where no SharedArrayBuffer is to be had).
 * The same sources serve both, since WebAssembly allows atomic loads and stores on memory that is not shared.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WASM_ENTRIES, WASM_FLAVOURS } from './freshness.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const outputFolder = join('dist', 'kernels', 'wasm');

const COMMON_FLAGS = ['-O3', '--noAssert', '--runtime', 'stub', '--importMemory', '--noExportMemory'];
const FEATURES = ['--enable', 'simd', '--enable', 'threads'];
/** @type {Record<string, string[]>} */
const ENTRY_FLAGS = { relaxed: ['--enable', 'relaxed-simd'], simd: [] };
/**
 * What an import of memory must promise. A shared memory is imported when its own maximum is not above the declared one,
 * so the declared one is all of wasm32 (65536 pages = 4 GiB). A local import declares nothing and takes any memory.
 *
 * @type {Record<string, string[]>}
 */
const FLAVOUR_FLAGS = {
  shared: ['--sharedMemory', '--initialMemory', '1', '--maximumMemory', '65536'],
  local: [],
};

/**
 * @param {string} entry
 * @param {string} flavour
 */
function compile(entry, flavour) {
  const target = join(outputFolder, `${entry}-${flavour}.wasm`);
  const unfinished = `${target}.${process.pid}`;
  const flags = [
    ...COMMON_FLAGS,
    ...FEATURES,
    ...(ENTRY_FLAGS[entry] ?? []),
    ...(FLAVOUR_FLAGS[flavour] ?? []),
  ];
  const asc = join('node_modules', 'assemblyscript', 'bin', 'asc.js');
  const args = [asc, join('assembly', `${entry}.ts`), '--outFile', unfinished, ...flags];
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) {
        // Renamed only when whole: a running program never reads half a module.
        renameSync(join(root, unfinished), join(root, target));
        return resolve(undefined);
      }
      rmSync(join(root, unfinished), { force: true });
      reject(new Error(`asc failed on assembly/${entry}.ts for ${flavour} memory`));
    });
  });
}

const entries = WASM_ENTRIES.filter((entry) => existsSync(join(root, 'assembly', `${entry}.ts`)));
mkdirSync(join(root, outputFolder), { recursive: true });
const builds = entries.flatMap((entry) => WASM_FLAVOURS.map((flavour) => compile(entry, flavour)));
for (const build of await Promise.allSettled(builds)) {
  if (build.status === 'fulfilled') continue;
  process.stderr.write(`build-wasm: ${build.reason.message}\n`);
  process.exitCode = 1;
}
