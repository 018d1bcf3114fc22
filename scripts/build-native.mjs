#!/usr/bin/env node
// @ts-check
/**
 * Compiles native/ into one Node-API module: dist/native/bitnet.node for this machine, with `--prebuilt` the files of
 * prebuilds/ for linux-x64 and linux-arm64 (the latter by a cross compiler), with `--sanitize=address,undefined` a
 * module for tests in build/native/. Only stale objects are compiled, a few at a time. CC names the compiler; otherwise
 * cc, gcc or clang is taken. Exits with status 3 and one line when there is no compiler, which is no error: wasm runs.
 *
 * `--check` builds as CI does: warnings are errors.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Exit status when there is no compiler. */
const NO_COMPILER = 3;

/** Units that every target has, and per processor the variants with the instruction sets they are compiled for. */
const UNITS = ['module', 'operations', 'region', 'file', 'barrier', 'cpu'];
/** @type {Record<string, Record<string, string[]>>} */
const VARIANTS = {
  x64: {
    avx2: ['-mavx2', '-mfma', '-mf16c'],
    'avx-vnni': ['-mavx2', '-mfma', '-mf16c', '-mavxvnni'],
    avx512: ['-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mavx512vnni', '-mf16c'],
    'avx512-vbmi': [
      ...['-mavx512f', '-mavx512bw', '-mavx512dq', '-mavx512vl', '-mavx512vnni', '-mf16c'],
      '-mavx512vbmi',
    ],
  },
  arm64: {
    neon: ['-march=armv8-a'],
    dotprod: ['-march=armv8.2-a+dotprod'],
    i8mm: ['-march=armv8.2-a+dotprod+i8mm'],
  },
};

/** Results must have the bits of the reference: no contraction, no reordering. */
const FLAGS = [
  ...['-std=c11', '-D_GNU_SOURCE', '-O3', '-ffp-contract=off', '-fno-math-errno', '-fvisibility=hidden'],
  ...['-g0', '-Wall', '-Wextra', '-DNAPI_VERSION=8'],
];

/** @type {Record<string, string[]>} What links a module whose Node-API functions the running program brings. */
const LINK_FLAGS = {
  linux: ['-shared', '-Wl,-z,defs', '-Wl,--unresolved-symbols=ignore-all', '-Wl,--as-needed'],
  darwin: ['-bundle', '-undefined', 'dynamic_lookup'],
  win32: ['-shared', '-lsynchronization', '-lnode'],
};

/**
 * One module to build.
 *
 * @typedef {{ platform: string, arch: string, compiler: string, output: string, work: string, extra: string[] }} Target
 */

const flags = process.argv.slice(2);
const sanitize = flags.find((flag) => flag.startsWith('--sanitize='))?.slice('--sanitize='.length);
const strict = flags.includes('--check') ? ['-Werror'] : [];
const unknown = flags.find((flag) => !/^--(prebuilt|check|sanitize=[a-z,]+)$/.test(flag));

/** @param {string} command */
function onPath(command) {
  if (/[\\/]/.test(command)) return existsSync(command);
  const endings = process.platform === 'win32' ? ['.exe', '.cmd'] : [''];
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.some((folder) => endings.some((ending) => existsSync(join(folder, command + ending))));
}

/** @param {string[]} commands */
function firstOnPath(commands) {
  return commands.find(onPath);
}

/**
 * @param {string} arch
 * @returns {string | undefined} a compiler that makes code for it on Linux
 */
function linuxCompiler(arch) {
  const prefix = arch === 'arm64' ? 'aarch64-linux-gnu-' : 'x86_64-linux-gnu-';
  const own = process.platform === 'linux' && arch === process.arch;
  return firstOnPath([...(own ? ['gcc', 'cc', 'clang'] : []), `${prefix}gcc`]);
}

/** @returns {Target[]} */
function targets() {
  if (flags.includes('--prebuilt')) {
    return ['x64', 'arm64'].map((arch) => {
      const compiler = linuxCompiler(arch);
      if (compiler === undefined) throw new Error(`there is no compiler for linux-${arch} on PATH`);
      const work = join('build', 'native', `prebuilt-linux-${arch}`);
      const output = join('prebuilds', `linux-${arch}`, 'bitnet.node');
      // No compiler's runtime may be needed where the file is used. That for atomics on arm64 asks the C library for
      // what musl does not have, and a module with a gap crashes there instead of being refused.
      const extra = ['-static-libgcc', '-s', ...(arch === 'arm64' ? ['-mno-outline-atomics'] : [])];
      return { platform: 'linux', arch, compiler, output, work, extra };
    });
  }
  const { platform, arch, env } = process;
  const compiler = env.CC || firstOnPath(['cc', 'gcc', 'clang']);
  if (VARIANTS[arch] === undefined || LINK_FLAGS[platform] === undefined) {
    stop(`no native kernels for ${platform}-${arch}; wasm is used`);
  }
  if (compiler === undefined) stop('no C compiler (cc, gcc or clang) was found; wasm is used');
  if (sanitize === undefined) {
    const output = join('dist', 'native', 'bitnet.node');
    return [{ platform, arch, compiler, output, work: join('build', 'native', 'local'), extra: [] }];
  }
  const work = join('build', 'native', `sanitize-${sanitize.replaceAll(',', '-')}`);
  // Checks in every unrolled loop would keep the compiler for a quarter of an hour at -O3.
  const extra = [
    '-O1',
    `-fsanitize=${sanitize}`,
    '-fno-omit-frame-pointer',
    '-fno-sanitize-recover=all',
    '-g',
  ];
  return [{ platform, arch, compiler, output: join(work, 'bitnet.node'), work, extra }];
}

/**
 * @param {string} line
 * @returns {never}
 */
function stop(line) {
  process.stderr.write(`native: ${line}\n`);
  process.exit(NO_COMPILER);
}

/**
 * True when an object is older than something it was made from, or was made by another command.
 *
 * @param {string} object
 * @param {string} command
 */
function isStale(object, command) {
  const file = join(root, object);
  const record = `${file}.cmd`;
  if (!existsSync(file) || !existsSync(record) || readFileSync(record, 'utf8') !== command) return true;
  const made = statSync(file).mtimeMs;
  const rule = readFileSync(`${file}.d`, 'utf8').replaceAll('\\\n', ' ');
  const sources = rule.slice(rule.indexOf(': ') + 1).split(/\s+/);
  return sources.some((source) => {
    if (source === '') return false;
    const path = join(root, source);
    const found = existsSync(path) ? path : source;
    return !existsSync(found) || statSync(found).mtimeMs > made;
  });
}

/**
 * Runs a compiler; what it says is shown.
 *
 * @param {string} command
 * @param {string[]} args
 */
function run(command, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(undefined);
      else reject(new Error(`${command} failed on ${args.at(-1)}`));
    });
  });
}

/** @param {Target} target */
async function build({ platform, arch, compiler, output, work, extra }) {
  mkdirSync(join(root, work), { recursive: true });
  mkdirSync(join(root, dirname(output)), { recursive: true });
  const includes = ['-I', join('node_modules', 'node-api-headers', 'include')];
  const pic = platform === 'win32' ? [] : ['-fPIC'];
  const units = [
    ...UNITS.map((unit) => ({ name: unit, source: `native/${unit}.c`, sets: /** @type {string[]} */ ([]) })),
    ...Object.entries(VARIANTS[arch] ?? {}).map(([name, sets]) => ({
      name: `variant-${name}`,
      source: `native/variants/${name}.c`,
      sets,
    })),
  ];
  const objects = units.map(({ name }) => join(work, `${name}.o`));
  const stale = units.flatMap(({ name, source, sets }, i) => {
    const object = objects[i] ?? '';
    const args = [
      ...[...FLAGS, ...pic, ...sets, ...strict, ...extra.filter((flag) => flag !== '-s'), ...includes],
      ...['-MMD', '-MF', `${object}.d`, '-o', object, '-c', source],
    ];
    const command = [compiler, ...args].join(' ');
    return isStale(object, command) ? [{ name, object, args, command }] : [];
  });
  const queue = [...stale];
  const worker = async () => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      rmSync(join(root, `${job.object}.cmd`), { force: true });
      await run(compiler, job.args);
      writeFileSync(join(root, `${job.object}.cmd`), job.command);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, availableParallelism()) }, worker));
  const unfinished = `${output}.${process.pid}`;
  await run(compiler, [...(LINK_FLAGS[platform] ?? []), ...extra, ...objects, '-pthread', '-o', unfinished]);
  // Renamed only when whole: a running program has the old file open.
  renameSync(join(root, unfinished), join(root, output));
  process.stdout.write(`${output}: ${stale.length} of ${units.length} files compiled\n`);
}

if (unknown !== undefined) {
  process.stderr.write(
    `build-native: ${unknown} is no option; there are --prebuilt, --check, --sanitize=LIST\n`,
  );
  process.exit(2);
}
try {
  for (const target of targets()) await build(target);
} catch (error) {
  process.stderr.write(`build-native: ${/** @type {Error} */ (error).message}\n`);
  process.exitCode = 1;
}
