/**
 * The package in a browser: its browser entry is bundled by Vite with default settings and no Node polyfills, and pages
 * with and without cross-origin isolation generate, in Chromium, the tokens that Node generates, and train what it trains. Where no Chromium is
 * installed, only the bundle is checked, and a diagnostic line says so.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadModel } from 'bitnet.ts';
import { build, createLogger, type Plugin } from 'vite';
import { FakeHub } from '../hub/fake-hub.ts';
import { findChromium, launchChromium } from './browser/chromium.ts';
import type { Generated } from './browser/main.ts';
import { bundledFile, servePages } from './browser/page-server.ts';
import type { Pulled } from './browser/pull.ts';
import { type Trained, train } from './browser/train.ts';

// This file runs as build/test/e2e/browser.test.js.
const root = fileURLToPath(new URL('../../../', import.meta.url));
const MODEL = join(root, 'test', 'golden', 'tiny-tales', 'tiny-tales.i2_s.gguf');
const TALES = join(root, 'models', 'tales', 'tales.i2_s.gguf');
const PROMPT = 'Once upon a time';
const TOKENS = 24;

/** What main.ts leaves in a page. */
interface Page {
  readonly generated: Promise<Generated>;
  train(): Promise<Trained>;
  pull(endpoint: string, name: string, prompt: string, maxTokens: number): Promise<Pulled>;
}

const folder = mkdtempSync(join(tmpdir(), 'bitnet-browser-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Bundles the page into `folder`; tells which Node modules were asked for and what Vite warned of. */
async function bundle(): Promise<{ nodeModules: string[]; warnings: string[] }> {
  const nodeModules: string[] = [];
  const warnings: string[] = [];
  const spy = (): Plugin => ({
    name: 'spy-on-node-imports',
    enforce: 'pre',
    resolveId(source, importer) {
      if (isBuiltin(source)) nodeModules.push(`${source} from ${importer}`);
      return null;
    },
  });
  const logger = createLogger('silent');
  logger.warn = (message) => warnings.push(message);
  logger.warnOnce = logger.warn;
  await build({
    root: join(root, 'test', 'e2e', 'browser'),
    configFile: false,
    logLevel: 'silent',
    customLogger: logger,
    plugins: [spy()],
    worker: { plugins: () => [spy()] },
    build: { outDir: folder, emptyOutDir: true },
  });
  return { nodeModules, warnings };
}

const bundled = bundle();
const executablePath = findChromium();

test('the browser entry bundles with Vite without Node modules', async (t) => {
  const { nodeModules, warnings } = await bundled;
  assert.deepEqual(nodeModules, []);
  assert.deepEqual(warnings, []);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  assert.equal(
    files.filter((file) => file.endsWith('.wasm')).length,
    4,
    `wasm builds among ${files.join(', ')}`,
  );
  assert.ok(
    files.some((file) => /worker.*\.js$/.test(file)),
    `a worker among ${files.join(', ')}`,
  );
  if (executablePath === undefined) t.diagnostic('browser not found: only the bundle was checked');
});

async function generateInNode(path: string = MODEL): Promise<number[]> {
  const model = await loadModel(path);
  const tokens: number[] = [];
  for await (const piece of model.generate(PROMPT, { maxTokens: TOKENS, temperature: 0, seed: 1 })) {
    tokens.push(...piece.tokens);
  }
  await model.dispose();
  return tokens;
}

async function inPage<T, A = undefined>(
  chromium: string,
  isIsolated: boolean,
  run: (argument: A) => Promise<T>,
  argument?: A,
): Promise<T> {
  await bundled;
  const server = await servePages(
    (pathname) => (pathname === '/model.gguf' ? MODEL : bundledFile(folder, pathname)),
    isIsolated,
  );
  const browser = await launchChromium(chromium);
  try {
    const page = await browser.newPage();
    const query = new URLSearchParams({ model: 'model.gguf', prompt: PROMPT, tokens: String(TOKENS) });
    await page.goto(`${server.origin}/?${query}`);
    return await page.evaluate(run as (argument: unknown) => Promise<T>, argument);
  } finally {
    await browser.close();
    await server.close();
  }
}

if (executablePath !== undefined) {
  for (const isIsolated of [true, false]) {
    const kind = isIsolated ? 'a cross-origin isolated page' : 'a page without SharedArrayBuffer';
    test(`${kind} generates the tokens that Node generates`, async () => {
      const [expected, found] = await Promise.all([
        generateInNode(),
        inPage(executablePath, isIsolated, () => (globalThis as unknown as Page).generated),
      ]);
      assert.equal(found.isIsolated, isIsolated);
      assert.match(found.backend, /^wasm/);
      assert.equal(found.tokens.length, TOKENS);
      assert.deepEqual(found.tokens, expected);
    });

    test(`${kind} trains the model that Node trains`, async () => {
      const [expected, found] = await Promise.all([
        train(),
        inPage(executablePath, isIsolated, () => (globalThis as unknown as Page).train()),
      ]);
      assert.equal(found.threads > 1, isIsolated && expected.threads > 1, `${found.threads} threads`);
      assert.ok(found.file.length > 0);
      assert.deepEqual(found.file, expected.file);
    });
  }

  test('a page keeps a model of the hub in its own storage, and goes on where it was interrupted', async () => {
    const bytes = readFileSync(TALES);
    const fake = await FakeHub.start();
    try {
      fake.add('owner/tales', { 'tales.i2_s.gguf': bytes });
      fake.faults.bytesPerSecond = 8_000_000;
      const [expected, found] = await Promise.all([
        generateInNode(TALES),
        inPage(
          executablePath,
          true,
          ([endpoint, prompt, tokens]) =>
            (globalThis as unknown as Page).pull(endpoint, 'owner/tales', prompt, tokens),
          [fake.endpoint, PROMPT, TOKENS] as [string, string, number],
        ),
      ]);
      assert.match(found.interruption, /enough for now/);
      assert.ok(found.phases.includes('resuming'), found.phases.join());
      assert.deepEqual(found.tokens, expected);
      assert.deepEqual(found.listed, ['owner/tales:tales.i2_s.gguf']);
      assert.equal(found.freed, bytes.length);
      assert.equal(found.listedAfterwards, 0);
      assert.ok(fake.servedBytes() < 1.5 * bytes.length, `${fake.servedBytes()} bytes served`);
    } finally {
      await fake.close();
    }
  });
}
