// @ts-check
/**
 * Steps of TensorFlow.js in headless Chromium, where its WebAssembly backend has threads, from a page that is served
 * cross-origin isolated. Nothing is bundled: the backend makes its workers from the source of its own functions, which
 * does not survive a bundler. Browser and server are those of the browser test.
 */
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findChromium, launchChromium } from '../../../build/test/e2e/browser/chromium.js';
import { bundledFile, servePages } from '../../../build/test/e2e/browser/page-server.js';
import { distFolder } from '../install.mjs';
import { serve } from './serve.mjs';

const folder = dirname(dirname(fileURLToPath(import.meta.url)));

serve(async ({ task, weights, rows, threads }) => {
  const executablePath = findChromium();
  if (executablePath === undefined) {
    throw new Error('no Chromium was found; install one, or name it in BITNET_CHROMIUM');
  }
  const files = new Map([
    ['/weights', weights],
    ['/rows', rows],
    ['/transformer.js', join(folder, 'transformer.js')],
    ['/tfjs/tf.min.js', join(distFolder('tfjs'), 'tf.min.js')],
  ]);
  const fileOf = (/** @type {string} */ path) =>
    files.get(path) ??
    (path.startsWith('/tfjs/')
      ? join(distFolder('tfjs-backend-wasm'), basename(path))
      : bundledFile(join(folder, 'page'), path));
  const server = await servePages(fileOf, true);
  const browser = await launchChromium(executablePath);
  const session = await browser.newBrowserCDPSession();
  const tab = await browser.newPage();
  // The backend takes half as many threads as there are logical cores, at most; it is to have as many as ours.
  await tab.addInitScript((cores) => {
    Object.defineProperty(navigator, 'hardwareConcurrency', { get: () => cores });
  }, 2 * threads);
  await tab.goto(server.origin);
  const note = await tab.evaluate((job) => /** @type {any} */ (globalThis).start(job), { task, threads });
  return {
    note,
    step: () => tab.evaluate(() => /** @type {any} */ (globalThis).step()),
    cpuSeconds: async () => {
      const { processInfo } = await session.send('SystemInfo.getProcessInfo');
      return processInfo.reduce((sum, { cpuTime }) => sum + cpuTime, 0);
    },
    end: async () => {
      await browser.close();
      await server.close();
    },
  };
});
