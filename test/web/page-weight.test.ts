/** The scripts of the chat page's first load, as files (bench/web/page-weight.mjs) and as a browser has them from the server. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { serveModels, TINY_MODEL } from '../e2e/browser/page-hosts.ts';
import { closeBrowser, HAS_CHROMIUM, openPage, PATIENCE } from '../e2e/browser/watched-page.ts';

const MOST_BYTES = 150_000;
// This file runs as build/test/web/page-weight.test.js.
const SCRIPT = fileURLToPath(new URL('../../../bench/web/page-weight.mjs', import.meta.url));

test('the first load is within its bound, and what tabs need is not part of it', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  const [first = '', workers = '', later = ''] = stdout.split('\n\n');
  assert.match(first, /^First load: [\d.]+ kB\n {2}assets\/chat-/);
  assert.match(workers, /^Workers[^\n]*\n {2}assets\/worker-[^\n]*\n {2}assets\/worker-/);
  assert.match(later, /markdown-/);
  assert.match(later, /machine-tab-/);
});

if (HAS_CHROMIUM) {
  const served = await serveModels({ models: [TINY_MODEL] });
  after(() => Promise.all([served.close(), closeBrowser()]));

  test('a browser that opens it is sent no more scripts than that', async () => {
    const { page, close } = await openPage(`${served.origin}/`);
    await page.locator('h1').first().waitFor(PATIENCE);
    await page.waitForLoadState('networkidle');
    const scripts = await page.evaluate(() =>
      (performance.getEntriesByType('resource') as PerformanceResourceTiming[])
        .filter(({ name }) => new URL(name).pathname.endsWith('.js'))
        .map(({ name, encodedBodySize }) => ({ name, encodedBodySize })),
    );
    assert.ok(scripts.length > 0);
    const bytes = scripts.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0);
    assert.ok(bytes > 10_000 && bytes < MOST_BYTES, JSON.stringify(scripts));
    await close();
  });
}
