/**
 * The page `can-run` in Chromium, from `bitnet serve`'s server and as a static site under a path of a host that sends no
 * headers: it measures, shows every model of the catalogue, judges a file, keeps its content policy, asks nobody else for
 * anything, stays where it is while it fills, and axe finds nothing in it. Where no Chromium is installed, the built site
 * and the server's answers are checked alone.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Browser, Locator, Page, ViewportSize } from 'playwright-core';
import { listen } from '#src/server/listen.js';
import { createServer } from '#src/server/server.js';
import { findChromium, launchChromium } from './browser/chromium.ts';
import { servePages } from './browser/page-server.ts';

// This file runs as build/test/e2e/can-run-page.test.js.
const root = fileURLToPath(new URL('../../../', import.meta.url));
const SITE = join(root, 'dist', 'web');
const MODEL = join(root, 'test', 'golden', 'tiny-tales', 'tiny-tales.i2_s.gguf');
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const CATALOGUE = JSON.parse(readFileSync(join(root, 'models', 'catalog.json'), 'utf8')) as {
  readonly models: readonly { readonly name: string; readonly title: string }[];
};
const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };
/** Slow machines measure for longer than two seconds. */
const PATIENCE = { timeout: 120_000 };

const server = createServer({ models: [MODEL], preload: 'none', apiKeys: ['key-of-the-test'] });
const listening = await listen(server, { port: 0 });
const origin = listening.urls[0]!;
after(() => listening.close());

/** The built site under /some/path/ of a host that knows nothing of it. */
const plainHost = await servePages((pathname) => {
  const path = pathname.replace(/^\/some\/path\//, '');
  return join(SITE, path.endsWith('/') ? `${path}index.html` : path);
}, false);
after(() => plainHost.close());

test('the server gives the page to everybody and the models to those with a key', async () => {
  assert.equal((await fetch(`${origin}/can-run`)).url, `${origin}/can-run/`);
  const page = await fetch(`${origin}/can-run/`);
  assert.equal(page.status, 200);
  assert.equal((await fetch(`${origin}/v1/models`)).status, 401);
  assert.equal((await fetch(`${origin}/can-run/`, { method: 'POST' })).status, 405);
  const head = await fetch(`${origin}/can-run/`, { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(await head.text(), '');
  const missing = await fetch(`${origin}/assets/absent.js`);
  assert.equal(missing.status, 404);
  assert.match(missing.headers.get('content-type') ?? '', /json/);
});

test('everything that the built page names is there, and nothing is elsewhere', () => {
  const html = readFileSync(join(SITE, 'can-run', 'index.html'), 'utf8');
  assert.match(html, /http-equiv="Content-Security-Policy"/);
  const named = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map((found) => found[1]!);
  assert.ok(named.length >= 3, named.join(', '));
  for (const address of named) {
    assert.match(address, /^\.\.\/assets\//);
    assert.ok(existsSync(join(SITE, 'can-run', address)), address);
  }
  assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=/, 'nothing inline');
  const names = readdirSync(join(SITE, 'assets'));
  assert.ok(
    names.some((name) => name.endsWith('.wasm')),
    names.join(', '),
  );
});

const executablePath = findChromium();
let browser: Promise<Browser> | undefined;
after(async () => (await browser)?.close());

/** What a page must not do, as it is noticed. */
interface Watched {
  readonly page: Page;
  readonly faults: string[];
}

async function open(
  address: string,
  viewport: ViewportSize,
  colorScheme: 'light' | 'dark' = 'light',
): Promise<Watched> {
  browser ??= launchChromium(executablePath!);
  const page = await (await browser).newPage({ viewport, colorScheme });
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) faults.push(message.text());
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(address).origin) faults.push(`asks for ${request.url()}`);
  });
  await page.addInitScript(() => {
    const noticed = { violations: [] as string[], shift: 0 };
    Object.assign(globalThis, { noticed });
    addEventListener('securitypolicyviolation', (event) => noticed.violations.push(event.violatedDirective));
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries())
        noticed.shift += (entry as PerformanceEntry & { value: number }).value;
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto(address);
  return { page, faults };
}

/** With spaces where lines and cells end. */
function textOf(locator: Locator): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: this is no node, and words of different cells would touch
  return locator.innerText();
}

async function measured(page: Page): Promise<void> {
  await page.locator('#status', { hasText: /^Measured on/ }).waitFor(PATIENCE);
  await page.locator('tr[data-model="2b4t"]').waitFor(PATIENCE);
}

async function assertSound({ page, faults }: Watched): Promise<void> {
  const { violations, shift } = await page.evaluate(
    () => (globalThis as unknown as { noticed: { violations: string[]; shift: number } }).noticed,
  );
  assert.deepEqual(violations, []);
  assert.deepEqual(faults, []);
  // "Good" by Web Vitals is at most 0.1.
  assert.ok(shift < 0.05, `what is seen shifted by ${shift}`);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `it is ${overflow} pixels wider than the window`);
  await page.evaluate(readFileSync(AXE, 'utf8'));
  const found = await page.evaluate(async () => {
    const { violations } = await (
      globalThis as unknown as {
        axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
      }
    ).axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
  });
  assert.deepEqual(found, []);
}

if (executablePath !== undefined) {
  test('served isolated, the page measures on its threads and has an answer for every model', async () => {
    const watched = await open(`${origin}/can-run`, DESKTOP);
    const { page } = watched;
    await measured(page);
    assert.ok(await page.evaluate(() => crossOriginIsolated));
    for (const { name, title } of CATALOGUE.models) {
      const row = page.locator(`tr[data-model="${name}"]`);
      assert.ok((await textOf(row.locator('th'))).startsWith(title), name);
      assert.match(await textOf(row.locator('.verdict')), /^(Yes|Yes, slowly|Only just|No)$/);
    }
    const row = page.locator('tr[data-model="2b4t"]');
    assert.match(await textOf(row), /[\d.]+ tokens\/s\s+[\d.]+ to [\d.]+/);
    assert.match(await textOf(row), /1\.19 GB/);
    await assertSound(watched);

    await page.fill('#filter', 'falcon-e 3b');
    assert.ok(await page.locator('tr[data-model="falcon-e-3b"]').isVisible());
    assert.equal(await row.count(), 0);
    await page.fill('#filter', 'no such model');
    assert.equal(await textOf(page.locator('tbody')), 'No model is like that.');
    await page.fill('#filter', '');

    const memory = () => textOf(row.locator('[data-label="Memory"]'));
    const before = await memory();
    await page.selectOption('#context', '512');
    await row.locator('[data-label="Memory"]', { hasText: 'at 512 tokens' }).waitFor(PATIENCE);
    assert.notEqual(await memory(), before);
    await page.close();
  });

  test('a GGUF file is judged by its header, and one that is none is refused in a sentence', async () => {
    const watched = await open(`${origin}/can-run/`, DESKTOP, 'dark');
    const { page } = watched;
    await page.locator('tr[data-model="2b4t"]').waitFor(PATIENCE);
    await page.setInputFiles('#file', MODEL);
    const own = page.locator('tbody tr').first();
    await page.locator('tr', { hasText: 'tiny-tales.i2_s.gguf' }).waitFor(PATIENCE);
    assert.match(await textOf(own), /tiny-tales\.i2_s\.gguf[\s\S]*Yes/);
    await page.setInputFiles('#file', {
      name: 'letter.gguf',
      mimeType: '',
      buffer: Buffer.from('Dear all,'),
    });
    await page.locator('#fault', { hasText: 'letter.gguf' }).waitFor(PATIENCE);
    await measured(page);
    await assertSound(watched);
    await page.close();
  });

  test('on a plain host under a path, and on a phone, it measures on one thread and says why', async () => {
    const watched = await open(`${plainHost.origin}/some/path/can-run/`, PHONE);
    const { page } = watched;
    await measured(page);
    assert.equal(await page.evaluate(() => crossOriginIsolated), false);
    assert.equal(await textOf(page.locator('[data-fact="threads"]')), '1');
    assert.match(await textOf(page.locator('tr[data-model="2b4t"]')), /tokens\/s/);
    if ((await page.evaluate(() => navigator.hardwareConcurrency)) > 1) {
      assert.match(await textOf(page.locator('#note')), /one of the \d+ cores/);
    }
    await assertSound(watched);
    await page.close();
  });
}
