#!/usr/bin/env node
// @ts-check
/**
 * How fast a model runs in a page, in a worker of headless Chromium, against the WebAssembly kernels in Node.js with as many
 * threads: the same random model, in turns in one run, medians and ratios. Both warm up for seconds, since engines compile
 * what runs often. Needs `npm run build`, `npm test -- NOTHING` (which compiles the browser's part) and a quiet machine.
 *
 *   node bench/web/in-page-speed.mjs [--shape 125m] [--threads 1,2] [--prompt 128] [--generate 128] [--runs 3]
 *                                    [--backend wasm-relaxed] [--node PATH] [--dir FOLDER]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'vite';
import { findChromium, launchChromium } from '../../build/test/e2e/browser/chromium.js';
import { bundledFile, servePages } from '../../build/test/e2e/browser/page-server.js';
import { median } from '../median.mjs';
import { BITNET, modelPath } from '../peers/models.mjs';

const { values } = parseArgs({
  options: {
    shape: { type: 'string', default: '125m' },
    threads: { type: 'string', default: '1,2' },
    prompt: { type: 'string', default: '128' },
    generate: { type: 'string', default: '128' },
    runs: { type: 'string', default: '3' },
    backend: { type: 'string', default: 'wasm' },
    node: { type: 'string', default: process.execPath },
    dir: { type: 'string', default: join(tmpdir(), 'bitnet-peers') },
  },
});
const threads = values.threads.split(',').map(Number);
const [prompt, generate, runs] = [values.prompt, values.generate, values.runs].map(Number);

/** Tokens per second. @typedef {{ prompt: number, generate: number, note: string }} Round */

/** @param {string} model @param {number} count @returns {Round} */
function inNode(model, count) {
  const choice = ['--threads', `${count}`, '--prompt', `${prompt}`, '--generate', `${generate}`];
  const { status, stdout, stderr } = spawnSync(
    values.node,
    [BITNET, 'bench', model, ...choice, '--runs', '1', '--format', 'json', '--backend', values.backend],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(stderr.trim());
  const report = JSON.parse(stdout);
  return {
    prompt: report.promptTokensPerSecond[`${prompt}`],
    generate: report.generatedTokensPerSecond,
    note: report.backend,
  };
}

/** @param {string} model @param {string} bundle @param {number} count @returns {Promise<Round>} */
async function inPage(model, bundle, count) {
  const executablePath = findChromium();
  if (executablePath === undefined) {
    throw new Error('no Chromium was found; install one, or name it in BITNET_CHROMIUM');
  }
  const fileOf = (/** @type {string} */ path) => (path === '/model.gguf' ? model : bundledFile(bundle, path));
  const server = await servePages(fileOf, true);
  const browser = await launchChromium(executablePath);
  try {
    const page = await browser.newPage();
    await page.goto(server.origin);
    const job = { prompt, generate, threads: count, backend: values.backend };
    return await page.evaluate((given) => /** @type {any} */ (globalThis).measure(given), job);
  } finally {
    await browser.close();
    await server.close();
  }
}

const model = modelPath(values.dir, values.shape, { type: 'i2_s', embedding: 'f16' });
const bundle = mkdtempSync(join(tmpdir(), 'bitnet-in-page-'));
try {
  await build({
    root: join(dirname(fileURLToPath(import.meta.url)), 'page'),
    configFile: false,
    logLevel: 'error',
    worker: { format: 'es' },
    build: { outDir: bundle, emptyOutDir: true, target: 'es2022', assetsInlineLimit: 0 },
  });
  const version = spawnSync(values.node, ['--version'], { encoding: 'utf8' }).stdout.trim();
  process.stdout.write(`${values.shape}, tokens per second, medians of ${runs}; Node ${version}\n\n`);
  process.stdout.write('| threads | | Node | in the page | ratio |\n| --- | --- | --- | --- | --- |\n');
  for (const count of threads) {
    /** @type {{ node: Round, page: Round }[]} */
    const rounds = [];
    for (let run = 0; run < runs; run++) {
      const node = inNode(model, count);
      rounds.push({ node, page: await inPage(model, bundle, count) });
    }
    for (const what of /** @type {const} */ (['prompt', 'generate'])) {
      const [node, page] = /** @type {const} */ (['node', 'page']).map((where) =>
        median(rounds.map((round) => round[where][what])),
      );
      process.stdout.write(
        `| ${count} | ${what} | ${node.toFixed(1)} | ${page.toFixed(1)} | ${(page / node).toFixed(2)} |\n`,
      );
    }
    const { node, page } = rounds[0];
    process.stderr.write(`${count}: in Node ${node.note}, in the page ${page.note}\n`);
  }
} finally {
  rmSync(bundle, { recursive: true, force: true });
}
