// @ts-check
/**
 * One round in headless Chromium: bundles the page with Vite, serves it cross-origin isolated (so that both engines have
 * threads) with the model and wllama's files from this machine, and asks it to measure one engine. Browser and server
 * are those of the browser test, which `npm run bench:peers` compiles first.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { findChromium, launchChromium } from '../../../build/test/e2e/browser/chromium.js';
import { bundledFile, servePages } from '../../../build/test/e2e/browser/page-server.js';
import { answer, job } from './job.mjs';

const peers = dirname(dirname(fileURLToPath(import.meta.url)));
const wllama = join(peers, 'node_modules', '@wllama', 'wllama', 'esm');

const own = job();
const executablePath = findChromium();
if (executablePath === undefined) {
  throw new Error('no Chromium was found; install one, or name it in BITNET_CHROMIUM');
}
const bundle = mkdtempSync(join(tmpdir(), 'bitnet-peers-'));
try {
  await build({
    root: join(peers, 'page'),
    configFile: false,
    logLevel: 'error',
    build: { outDir: bundle, emptyOutDir: true },
  });
  const server = await servePages(fileOf, true);
  const browser = await launchChromium(executablePath);
  try {
    const page = await browser.newPage();
    await page.goto(server.origin);
    answer(await page.evaluate((given) => /** @type {any} */ (globalThis).measure(given), own));
  } finally {
    await browser.close();
    await server.close();
  }
} finally {
  rmSync(bundle, { recursive: true, force: true });
}

/**
 * The file behind a path of the page's addresses.
 *
 * @param {string} pathname
 */
function fileOf(pathname) {
  if (pathname === '/model.gguf') return own.model;
  if (pathname.startsWith('/wllama/')) return bundledFile(wllama, pathname.slice('/wllama'.length));
  return bundledFile(bundle, pathname);
}
