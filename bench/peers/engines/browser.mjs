// @ts-check
/**
 * One round in headless Chromium: bundles the page with Vite, serves it cross-origin isolated (so that both engines have
 * threads) with the model and wllama's files from this machine, and asks it to measure one engine.
 */
import { createReadStream, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { build } from 'vite';
import { answer, job } from './job.mjs';

const peers = dirname(dirname(fileURLToPath(import.meta.url)));
/** Where systems put it; the browser test looks at the same places. */
const USUAL_PATHS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
];
/** No window, and nothing that would reach for the network by itself. */
const CHROMIUM_ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-default-apps',
  '--disable-extensions',
  '--disable-sync',
  '--no-first-run',
];
/** @type {Record<string, string>} */
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

const own = job();
const executablePath = process.env.BITNET_CHROMIUM || USUAL_PATHS.find((path) => existsSync(path));
if (executablePath === undefined || !existsSync(executablePath)) {
  throw new Error('no Chromium was found; install one, or name it in BITNET_CHROMIUM');
}
const bundle = mkdtempSync(join(tmpdir(), 'bitnet-peers-'));
const server = createServer((request, response) => {
  response.setHeader('cross-origin-opener-policy', 'same-origin');
  response.setHeader('cross-origin-embedder-policy', 'require-corp');
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  sendFile(fileOf(pathname), request, response).catch(() => response.writeHead(404).end());
});
try {
  const outDir = join(bundle, 'page');
  await build({
    root: join(peers, 'page'),
    configFile: false,
    logLevel: 'error',
    build: { outDir, emptyOutDir: true },
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const browser = await chromium.launch({ executablePath, args: CHROMIUM_ARGUMENTS });
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${port}/`);
    answer(await page.evaluate((given) => /** @type {any} */ (globalThis).measure(given), own));
  } finally {
    await browser.close();
  }
} finally {
  server.close();
  server.closeAllConnections();
  rmSync(bundle, { recursive: true, force: true });
}

/**
 * The file behind a path of the page's addresses.
 *
 * @param {string} pathname
 */
function fileOf(pathname) {
  if (pathname === '/model.gguf') return own.model;
  if (pathname === '/') return join(bundle, 'page', 'index.html');
  const wllama = /^\/wllama(\/.*)$/.exec(pathname);
  if (wllama) return join(peers, 'node_modules', '@wllama', 'wllama', 'esm', normalize(wllama[1] ?? ''));
  return join(bundle, 'page', normalize(pathname));
}

/**
 * @param {string} file
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 */
async function sendFile(file, request, response) {
  const { size } = await stat(file);
  response.setHeader('content-type', TYPES[extname(file)] ?? 'application/octet-stream');
  response.setHeader('accept-ranges', 'bytes');
  const asked = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
  const start = asked ? Number(asked[1]) : 0;
  const end = asked?.[2] ? Math.min(Number(asked[2]), size - 1) : size - 1;
  if (asked) response.setHeader('content-range', `bytes ${start}-${end}/${size}`);
  response.writeHead(asked ? 206 : 200, { 'content-length': end - start + 1 });
  if (request.method === 'HEAD') response.end();
  else createReadStream(file, { start, end }).pipe(response);
}
