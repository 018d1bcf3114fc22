/**
 * The page `can-run` in Chromium, from `bitnet serve`'s server and as a static site under a path of a host that sends no
 * headers: it measures, shows every model of the catalogue, judges a file, keeps its content policy, asks nobody else for
 * anything, stays where it is while it fills, and axe finds nothing in it. Where no Chromium is installed, the built site
 * and the server's answers are checked alone.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { SITE, serveModels, serveStatically, TINY_MODEL } from './browser/page-hosts.ts';
import {
  assertSound,
  closeBrowser,
  HAS_CHROMIUM,
  openPage,
  PATIENCE,
  PHONE,
  textOf,
} from './browser/watched-page.ts';

// This file runs as build/test/e2e/can-run-page.test.js.
const root = fileURLToPath(new URL('../../../', import.meta.url));
const CATALOGUE = JSON.parse(readFileSync(join(root, 'models', 'catalog.json'), 'utf8')) as {
  readonly models: readonly { readonly name: string; readonly title: string }[];
};

const served = await serveModels({ models: [TINY_MODEL], preload: 'none', apiKeys: ['key-of-the-test'] });
const { origin } = served;
const plainHost = await serveStatically();
after(() => Promise.all([served.close(), plainHost.close(), closeBrowser()]));

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

async function measured(page: Page): Promise<void> {
  await page.locator('#status', { hasText: /^Measured on/ }).waitFor(PATIENCE);
  await page.locator('tr[data-model="2b4t"]').waitFor(PATIENCE);
}

if (HAS_CHROMIUM) {
  test('served isolated, the page measures on its threads and has an answer for every model', async () => {
    const watched = await openPage(`${origin}/can-run`);
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
    await watched.close();
  });

  test('a GGUF file is judged by its header, and one that is none is refused in a sentence', async () => {
    const watched = await openPage(`${origin}/can-run/`, { colorScheme: 'dark' });
    const { page } = watched;
    await page.locator('tr[data-model="2b4t"]').waitFor(PATIENCE);
    await page.setInputFiles('#file', TINY_MODEL);
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
    await watched.close();
  });

  test('on a plain host under a path, and on a phone, it measures on one thread and says why', async () => {
    const watched = await openPage(`${plainHost.origin}/some/path/can-run/`, { viewport: PHONE });
    const { page } = watched;
    await measured(page);
    assert.equal(await page.evaluate(() => crossOriginIsolated), false);
    assert.equal(await textOf(page.locator('[data-fact="threads"]')), '1');
    assert.match(await textOf(page.locator('tr[data-model="2b4t"]')), /tokens\/s/);
    if ((await page.evaluate(() => navigator.hardwareConcurrency)) > 1) {
      assert.match(await textOf(page.locator('#note')), /one of the \d+ cores/);
    }
    await assertSound(watched);
    await watched.close();
  });
}
