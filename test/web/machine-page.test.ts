/**
 * The tab "Machine" in Chromium: figures, plots, tables and words of a server that works, of one that wants a key, of one
 * that goes away and comes back, and of this device.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Page } from 'playwright-core';
import { serveModels, serveStatically, TINY_MODEL } from '../e2e/browser/page-hosts.ts';
import {
  assertSound,
  closeBrowser,
  HAS_CHROMIUM,
  openPage,
  PATIENCE,
  PHONE,
  textOf,
} from '../e2e/browser/watched-page.ts';

/** Chromium's own words about answers that the page expects. */
const REFUSED = /status of 401|ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE/;

const card = (page: Page, title: string) => page.locator('.figure-card', { hasText: title });

async function generate(origin: string): Promise<number> {
  const response = await fetch(`${origin}/v1/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ prompt: 'Once upon a time', max_tokens: 40, temperature: 0 }),
  });
  const { usage } = (await response.json()) as { usage: { completion_tokens: number } };
  return usage.completion_tokens;
}

if (HAS_CHROMIUM) {
  after(closeBrowser);

  test('a server’s figures are those of its API, as plots, tables and words', async (t) => {
    const served = await serveModels({ models: [TINY_MODEL] });
    t.after(() => served.close());
    const watched = await openPage(`${served.origin}/#/machine`);
    const { page } = watched;
    await page.locator('.machine-what', { hasText: /^The server: [a-z]+-[\w-]+/ }).waitFor(PATIENCE);
    const speed = card(page, 'Tokens per second');
    await speed.locator('.plot-empty', { hasText: 'Nothing has been generated' }).waitFor(PATIENCE);

    const tokens = await generate(served.origin);
    await speed.locator('.figure-caption', { hasText: `${tokens} tokens generated` }).waitFor(PATIENCE);
    assert.equal(await speed.locator('.plot-empty').count(), 0);
    assert.match(
      await textOf(card(page, 'Memory').locator('.figure-now')),
      /^\d[\d.]* MB\s+of \d[\d.]* [GT]B$/,
    );
    assert.match(await textOf(card(page, 'KV cache').locator('.figure-now')), /^\d.*\s+kept, of \d/);
    assert.match(await textOf(card(page, 'Processor').locator('.figure-now')), /^\d+ %\s+of all cores/);
    assert.match(await textOf(page.locator('.machine-words')), /tokens came at [\d.,]+ a second on average/);
    const label = (await speed.locator('.plot').getAttribute('aria-label')) ?? '';
    assert.match(label, /^Tokens per second over the last 2 minutes\. generated: .* at most/);
    assert.equal(await speed.locator('canvas').count(), 1);

    await speed.locator('summary').focus();
    await page.keyboard.press('Enter');
    assert.match(await textOf(speed.locator('tbody tr').first()), /^0 to 10\s+[\d.,]+ tokens\/s/);

    await page.getByRole('button', { name: 'Pause' }).click();
    const frozen = await textOf(speed.locator('.figure-caption'));
    await generate(served.origin);
    const asked = page.waitForResponse(/\/stats$/);
    await asked;
    await page.waitForResponse(/\/stats$/);
    assert.equal(await textOf(speed.locator('.figure-caption')), frozen);
    await page.getByRole('button', { name: 'Pause' }).click();
    await speed.locator('.figure-caption', { hasText: `${2 * tokens} tokens generated` }).waitFor(PATIENCE);
    await page.selectOption('.machine-controls select', '10');
    assert.match((await speed.locator('.plot').getAttribute('aria-label')) ?? '', /the last 10 minutes/);
    await assertSound(watched);
    await watched.close();
  });

  test('a server that goes away is told of in a sentence, and gone on with when it is back', async (t) => {
    const first = await serveModels({ models: [TINY_MODEL] });
    t.after(() => first.close());
    const watched = await openPage(`${first.origin}/#/machine`, {
      viewport: PHONE,
      colorScheme: 'dark',
      expected: REFUSED,
    });
    const { page } = watched;
    const state = page.locator('.machine-state');
    await page.locator('.machine-what', { hasText: /^The server: / }).waitFor(PATIENCE);
    assert.equal(await textOf(state), '');
    await first.close();
    await state.filter({ hasText: 'Nobody answers.' }).waitFor(PATIENCE);
    const second = await serveModels({ models: [TINY_MODEL] }, Number(new URL(first.origin).port));
    t.after(() => second.close());
    await page.waitForFunction(
      () => document.querySelector('.machine-state')?.textContent === '',
      null,
      PATIENCE,
    );
    await assertSound(watched);
    await watched.close();
  });

  test('a server that wants a key is asked again by itself', async (t) => {
    const served = await serveModels({ models: [TINY_MODEL], apiKeys: ['key-of-the-test'] });
    t.after(() => served.close());
    const watched = await openPage(`${served.origin}/#/machine`, { expected: REFUSED });
    await watched.page.locator('.machine-state', { hasText: 'wants an API key' }).waitFor(PATIENCE);
    await assertSound(watched);
    await watched.close();
  });

  test('this device tells what a page can know', async (t) => {
    const host = await serveStatically();
    t.after(() => host.close());
    const watched = await openPage(`${host.origin}/some/path/#/machine`, { expected: /status of 404/ });
    const { page } = watched;
    await page.locator('.machine-what', { hasText: /^This device/ }).waitFor(PATIENCE);
    await card(page, 'Processor')
      .locator('.plot-empty', { hasText: 'A browser does not tell' })
      .waitFor(PATIENCE);
    await assertSound(watched);
    await watched.close();
  });
}
