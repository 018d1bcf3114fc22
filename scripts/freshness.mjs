// @ts-check
/**
 * Tells whether what was installed and built still matches its sources: npm's own record of node_modules/ against
 * package-lock.json, and a hash of each part's sources (kept in build/) against the sources as they are now.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @typedef {'dist' | 'wasm' | 'native' | 'web' | 'tests'} Part */

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** @type {Record<Part, string[]>} What each part is made from, files and folders. */
const SOURCES = {
  dist: ['src', 'tsconfig.json', 'package.json', 'package-lock.json'],
  wasm: ['assembly', 'scripts/build-wasm.mjs', 'package-lock.json'],
  native: ['native', 'scripts/build-native.mjs', 'package-lock.json'],
  web: [
    'web',
    'src',
    'models/catalog.json',
    'models/tales/tales.i2_s.gguf',
    'assembly',
    'package.json',
    'package-lock.json',
  ],
  tests: ['test', 'src', 'tsconfig.test.json', 'tsconfig.json', 'package.json', 'package-lock.json'],
};

/** @type {Record<Part, { from: string, to: string }>} Where a part's files come from and go to. */
const OUTPUTS = {
  dist: { from: 'src', to: 'dist' },
  wasm: { from: 'assembly', to: 'dist/kernels/wasm' },
  native: { from: 'native', to: 'dist/native' },
  web: { from: 'web', to: 'dist/web' },
  tests: { from: 'test', to: 'build/test' },
};

/** The entries that asc compiles, and the memory flavours of each (build-wasm.mjs says what they are). */
export const WASM_ENTRIES = ['relaxed', 'simd'];
export const WASM_FLAVOURS = ['shared', 'local'];

/** The folders of web/ that are pages, each with an index.html; web/ itself is one too. */
export const WEB_PAGES = ['can-run'];

/** The compiled module, which is missing where no compiler is; the record of the build then says so. */
const NATIVE_OUTPUT = 'dist/native/bitnet.node';
const WITHOUT_OUTPUT = ' without output';

/** True when node_modules/ holds every package of package-lock.json in its exact version. */
export function isInstalled() {
  const installed = readPackages(join(root, 'node_modules', '.package-lock.json'));
  const wanted = readPackages(join(root, 'package-lock.json'));
  if (installed === undefined || wanted === undefined) return false;
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const found = installed[path];
    if (found === undefined) {
      // Packages for other systems are listed as optional and stay away.
      if (entry.optional || entry.devOptional) continue;
      return false;
    }
    if (found.version !== entry.version || found.integrity !== entry.integrity) return false;
  }
  return true;
}

/**
 * @param {string} file
 * @returns {Record<string, { version?: string, integrity?: string, optional?: boolean, devOptional?: boolean }> | undefined}
 */
function readPackages(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : undefined;
}

/**
 * True when a part was built from its sources as they are now, and none of its outputs is missing.
 *
 * @param {Part} part
 */
export function isBuilt(part) {
  const stamp = stampOf(part);
  if (!existsSync(stamp)) return false;
  const recorded = readFileSync(stamp, 'utf8');
  if (part === 'native' && recorded === `${stateOf(part)}${WITHOUT_OUTPUT}`) return true;
  if (recorded !== stateOf(part)) return false;
  return expectedOutputs(part).every((file) => existsSync(join(root, file)));
}

/**
 * A hash over the names and contents of everything that a part is made from.
 *
 * @param {Part} part
 */
export function stateOf(part) {
  const hash = createHash('sha256');
  for (const source of SOURCES[part]) {
    for (const file of listFiles(source)) {
      const bytes = readFileSync(join(root, file));
      hash.update(`${file}\n${bytes.length}\n`).update(bytes);
    }
  }
  return hash.digest('hex');
}

/** @param {Part} part */
export function forgetBuild(part) {
  rmSync(stampOf(part), { force: true });
}

/**
 * @param {Part} part
 * @param {string} state what {@link stateOf} said before the build
 * @param {boolean} [hasOutput] false when nothing could be built, which is not tried again until a source changes
 */
export function recordBuild(part, state, hasOutput = true) {
  mkdirSync(join(root, 'build'), { recursive: true });
  writeFileSync(stampOf(part), hasOutput ? state : `${state}${WITHOUT_OUTPUT}`);
}

/** @param {Part} part */
function stampOf(part) {
  return join(root, 'build', `${part}.stamp`);
}

/**
 * Deletes compiled files whose source is gone, so that no deleted test runs and no deleted module is packed.
 *
 * @param {Part} part
 */
export function removeOrphans(part) {
  const { to } = OUTPUTS[part];
  const expected = new Set(expectedOutputs(part).map(withoutEnding));
  for (const file of listFiles(to)) {
    if (partOf(file, part) === part && !expected.has(withoutEnding(file))) rmSync(join(root, file));
  }
  removeEmptyFolders(join(root, to));
}

/**
 * The part that a file of a part's output folder belongs to: in dist/ they lie among each other.
 *
 * @param {string} file
 * @param {Part} part
 */
function partOf(file, part) {
  if (part === 'tests') return part;
  if (file.startsWith(`${OUTPUTS.web.to}/`)) return 'web';
  if (file.endsWith('.wasm')) return 'wasm';
  return file.startsWith(OUTPUTS.native.to) ? 'native' : 'dist';
}

/**
 * The files that building a part must leave behind; for TypeScript only the .js of each.
 *
 * @param {Part} part
 */
function expectedOutputs(part) {
  const { from, to } = OUTPUTS[part];
  if (part === 'native') return [NATIVE_OUTPUT];
  if (part === 'web') {
    const pages = WEB_PAGES.map((page) => `${to}/${page}/index.html`);
    return [`${to}/index.html`, `${to}/service-worker.js`, ...pages];
  }
  if (part === 'wasm') {
    const entries = WASM_ENTRIES.filter((entry) => existsSync(join(root, from, `${entry}.ts`)));
    return entries.flatMap((entry) => WASM_FLAVOURS.map((flavour) => `${to}/${entry}-${flavour}.wasm`));
  }
  return listFiles(from)
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'))
    .map((file) => `${to}${file.slice(from.length, -'.ts'.length)}.js`);
}

/** @param {string} file */
function withoutEnding(file) {
  return file.replace(/(\.d\.ts|\.js)(\.map)?$/, '');
}

/** @param {string} folder */
function removeEmptyFolders(folder) {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmptyFolders(join(folder, entry.name));
  }
  if (readdirSync(folder).length === 0) rmdirSync(folder);
}

/**
 * The files under a path (or the path itself) in a stable order, relative to the root and with forward slashes.
 *
 * @param {string} path
 * @returns {string[]}
 */
function listFiles(path) {
  const full = join(root, path);
  if (!existsSync(full)) return [];
  if (!statSync(full).isDirectory()) return [path];
  return readdirSync(full, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}
