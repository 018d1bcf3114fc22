#!/usr/bin/env node
// @ts-check
/**
 * Checks the package as its users get it: packs it, looks at the list of files and the size, installs the tarball into
 * an empty project outside the repository, and there runs the command, a program on the API, and a strict type check of
 * a consumer. Needs `npm run build` (or `npm test`) to have run. Prints one line per check and fails at the first fault.
 */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
/** What the tarball may weigh, with the bundled model in it. */
const MAX_PACKED_BYTES = 6e6;
const REQUIRED = [
  'README.md',
  'LICENSE',
  'package.json',
  'dist/index.js',
  'dist/index.d.ts',
  'dist/cli/main.js',
  'dist/platform/node.js',
  'dist/platform/browser.js',
  'dist/kernels/native/load.js',
  'dist/web/index.html',
  'dist/web/can-run/index.html',
  'dist/web/service-worker.js',
  'models/tales/tales.i2_s.gguf',
  ...['relaxed', 'simd'].flatMap((entry) =>
    ['shared', 'local'].map((memory) => `dist/kernels/wasm/${entry}-${memory}.wasm`),
  ),
];
const ALLOWED =
  /^(README\.md|LICENSE|package\.json|dist\/.+\.(js|d\.ts|wasm)|dist\/web\/.+\.(html|css|svg|json|png|webmanifest)|models\/.+|prebuilds\/[a-z0-9]+-[a-z0-9]+\/bitnet\.node)$/;
/** Compiled modules, made by `npm run build:prebuilt`; a checkout need not have them, a release must. */
const PREBUILT = ['linux-x64', 'linux-arm64'].map((target) => `prebuilds/${target}/bitnet.node`);
const FORBIDDEN = /\.test\.|\.map$/;
const PROMPT = 'Once upon a time';
const TOKENS = 12;

/** A program that a user of the API may write; argv[2] is a model file. It prints the generated text. */
const PROGRAM = `
import { loadModel } from 'bitnet.ts';

const model = await loadModel(process.argv[2]);
let text = '';
for await (const piece of model.generate(process.argv[3], { maxTokens: ${TOKENS}, temperature: 0, seed: 1 })) {
  text += piece.text;
}
await model.dispose();
process.stdout.write(text);
`;

/** The same as a strict TypeScript project sees it: every wrong type here is a compile error. */
const CONSUMER = `
import { BitnetError, ContextLengthExceeded, loadModel } from 'bitnet.ts';

export async function firstWords(source: string | URL | Blob, signal: AbortSignal): Promise<string> {
  const model = await loadModel(source, { backend: 'reference', threads: 1, contextLength: 64, kvCache: 'f32', signal });
  try {
    let text = '';
    for await (const piece of model.generate('Once', { maxTokens: 4, temperature: 0, seed: 1, signal })) {
      const part: string = piece.text;
      text += part;
    }
    const ids = model.tokenize(text);
    const scores: Float32Array = await model.score(ids);
    const logits: Float32Array = await model.logits(ids);
    return model.detokenize(ids) + scores.length + logits.length;
  } catch (error) {
    if (error instanceof ContextLengthExceeded) return String(error.contextLength);
    if (error instanceof BitnetError) return error.code;
    throw error;
  } finally {
    await model.dispose();
  }
}

// @ts-expect-error: a source is not a number
loadModel(1);
`;

const CONSUMER_CONFIG = {
  compilerOptions: {
    target: 'es2022',
    lib: ['es2023', 'dom', 'dom.iterable'],
    module: 'nodenext',
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
  },
  include: ['consumer.ts'],
};

/** A check that found a fault, told in a sentence. */
class PackageFault extends Error {}

/**
 * @param {string} folder
 * @param {string} command
 * @param {string[]} args
 */
function run(folder, command, args) {
  const isNpm = command === 'npm' || command === 'npx';
  try {
    return execFileSync(command, args, {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 1 << 26,
      shell: process.platform === 'win32' && isNpm,
    });
  } catch (error) {
    const { stdout = '', stderr = '' } = /** @type {{ stdout?: string, stderr?: string }} */ (error);
    process.stderr.write(`${stdout}${stderr}`);
    throw new PackageFault(
      `${basename(command)} ${args.join(' ')} failed in the installed project; its output is above`,
    );
  }
}

/**
 * @param {string} folder where the tarball is to lie
 * @returns {string} its path
 */
function pack(folder) {
  const [packed] = JSON.parse(run(root, 'npm', ['pack', '--json', '--pack-destination', folder]));
  /** @type {string[]} */
  const files = packed.files.map((/** @type {{ path: string }} */ file) => file.path);
  const missing = REQUIRED.filter((file) => !files.includes(file));
  if (missing.length > 0) throw new PackageFault(`the tarball lacks ${missing.join(', ')}`);
  if (!files.some((file) => /^models\/.+\.gguf$/.test(file)))
    throw new PackageFault('the tarball lacks a model');
  if (existsSync(join(root, 'prebuilds'))) {
    const absent = PREBUILT.filter((file) => !files.includes(file));
    if (absent.length > 0) throw new PackageFault(`the tarball lacks ${absent.join(', ')}`);
  } else {
    passed('without native modules, since prebuilds/ was not made; wasm runs where it is installed');
  }
  const strange = files.filter((file) => !ALLOWED.test(file) || FORBIDDEN.test(file));
  if (strange.length > 0) throw new PackageFault(`the tarball should not hold ${strange.join(', ')}`);
  if (packed.size > MAX_PACKED_BYTES) {
    throw new PackageFault(`the tarball has ${packed.size} bytes, more than ${MAX_PACKED_BYTES}`);
  }
  passed(`${files.length} files, ${(packed.size / 1e6).toFixed(2)} MB packed`);
  return join(folder, packed.filename);
}

/**
 * @param {string} tarball
 * @param {string} project an empty folder
 */
function install(tarball, project) {
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  run(project, 'npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', tarball]);
  passed('installs into an empty project');
}

/** @param {string} project */
function checkCommand(project) {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const told = run(project, 'npx', ['--no', 'bitnet', '--', '--version']);
  if (!told.includes(version))
    throw new PackageFault(`bitnet --version says "${told.trim()}", not ${version}`);
  const options = ['--max-tokens', String(TOKENS), '--temperature', '0'];
  const text = run(project, 'npx', ['--no', 'bitnet', '--', 'run', PROMPT, ...options]);
  if (text.trim().length <= PROMPT.length / 2)
    throw new PackageFault(`bitnet run printed only "${text.trim()}"`);
  passed(`bitnet ${version} runs the bundled model`);
  return text;
}

/**
 * @param {string} project
 * @param {string} commandText what the command generated from the same prompt
 */
function checkProgram(project, commandText) {
  const program = join(project, 'program.mjs');
  writeFileSync(program, PROGRAM);
  const text = run(project, process.execPath, [program, findModel(project), PROMPT]);
  if (text.trim() === '') throw new PackageFault('a program on the API generated no text');
  if (!commandText.includes(text.trim())) {
    throw new PackageFault(
      `the API generates "${text.trim()}" where the command prints "${commandText.trim()}"`,
    );
  }
  passed(`a program on the API generates the same: "${PROMPT}${text}"`);
}

/** @param {string} project */
function checkTypes(project) {
  writeFileSync(join(project, 'consumer.ts'), CONSUMER);
  writeFileSync(join(project, 'tsconfig.json'), JSON.stringify(CONSUMER_CONFIG));
  run(project, process.execPath, [
    join(root, 'node_modules', 'typescript', 'bin', 'tsc'),
    '-p',
    'tsconfig.json',
  ]);
  passed('a strict TypeScript consumer compiles');
}

/** @param {string} project */
function findModel(project) {
  const models = join(project, 'node_modules', 'bitnet.ts', 'models');
  const file = readdirSync(models, { recursive: true, encoding: 'utf8' }).find((name) =>
    name.endsWith('.gguf'),
  );
  if (file === undefined) throw new PackageFault('the installed package has no model');
  return join(models, file);
}

/** @param {string} what */
function passed(what) {
  process.stdout.write(`package: ${what}\n`);
}

const folder = mkdtempSync(join(tmpdir(), 'bitnet-package-'));
try {
  const tarball = pack(folder);
  const project = join(folder, 'project');
  mkdirSync(project);
  install(tarball, project);
  checkTypes(project);
  checkProgram(project, checkCommand(project));
} catch (error) {
  if (!(error instanceof PackageFault)) throw error;
  process.stderr.write(`package: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
