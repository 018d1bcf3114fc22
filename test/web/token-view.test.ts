/**
 * The tokens of a reply in the built page, in Chromium: their colours and words, what is told of each, by pointer and by
 * keyboard, and two thousand of them.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Page } from 'playwright-core';
import {
  axeFindings,
  closeBrowser,
  DESKTOP,
  HAS_CHROMIUM,
  longTasks,
  openPage,
  PATIENCE,
  PHONE,
  textOf,
  type WatchedPage,
} from '../e2e/browser/watched-page.ts';
import { type ScriptedToken, startScriptedServer } from './scripted-server.ts';

const server = HAS_CHROMIUM ? await startScriptedServer() : undefined;
after(closeBrowser);
after(() => server?.close());

const choice = (text: string, probability: number) => ({ text, logprob: Math.log(probability) });
const token = (
  text: string,
  probability: number,
  ...others: (readonly [string, number])[]
): ScriptedToken => ({
  ...choice(text, probability),
  alternatives: [[text, probability] as const, ...others]
    .toSorted(([, a], [, b]) => b - a)
    .map(([other, likely]) => choice(other, likely)),
});

const STORY: readonly ScriptedToken[] = [
  token('Once', 0.9, [' One', 0.05], ['The', 0.01]),
  token(' upon', 0.95, [' there', 0.02]),
  token(' a', 0.6, [' the', 0.3]),
  token(' time', 0.3, [' hill', 0.4], [' day', 0.2]),
  token('\n', 0.004, [',', 0.9]),
  { ...choice('<b>', 0.0005), alternatives: [choice(' there', 0.7), choice(' was', 0.2)] },
  token('\ufffd', 0.03, [' \u{1f98a}', 0.02]),
  token('!', 0.12, ['.', 0.8]),
];

async function openTokens(
  tokens: readonly ScriptedToken[],
  options: Parameters<typeof openPage>[1] = {},
): Promise<WatchedPage> {
  const watched = await openPage(`${server!.origin}/`, options);
  const { page } = watched;
  server!.say({ tokens, tokensPerEvent: Math.ceil(tokens.length / 20) });
  await page.locator('#message').waitFor(PATIENCE);
  await page.fill('#message', 'Tell me something.');
  await page.locator('button[aria-label="Send"]:enabled').click(PATIENCE);
  await page.locator('.reply[data-state="complete"]').waitFor(PATIENCE);
  await page.getByRole('button', { name: 'Tokens', exact: true }).click();
  await page.locator('.token-list [data-token="0"]').waitFor(PATIENCE);
  return watched;
}

const panel = (page: Page) => page.locator('.token-panel');
const tokenAt = (page: Page, index: number) => page.locator(`.token-list [data-token="${index}"]`);
const focused = (page: Page) =>
  page.evaluate(() => (document.activeElement as HTMLElement | null)?.dataset.token);

/** The panel is all in the window, and not over its token. */
async function assertBeside(page: Page, index: number): Promise<void> {
  const beside = await panel(page).boundingBox();
  const box = await tokenAt(page, index).evaluate((element) => {
    const { top, bottom } = element.getClientRects()[0]!;
    return { top, bottom };
  });
  assert.ok(beside !== null);
  const { width, height } = page.viewportSize()!;
  const { x, y } = beside;
  assert.ok(
    x >= 0 && y >= 0 && x + beside.width <= width && y + beside.height <= height,
    JSON.stringify(beside),
  );
  assert.ok(y >= box.bottom || y + beside.height <= box.top, `token ${index} is covered`);
}

if (HAS_CHROMIUM) {
  test('each token has its text, its colour, and its probability in words', async () => {
    const watched = await openTokens(STORY);
    const { page } = watched;
    assert.equal(await page.locator('.token-list [data-token]').count(), STORY.length);
    assert.equal(await page.locator('.token-list').textContent(), STORY.map(({ text }) => text).join(''));
    const words = await page
      .locator('.token-list [role="option"]')
      .evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')?.replaceAll('\u00a0', ' ')));
    assert.deepEqual(words, [
      'Once, 90 %',
      'upon, 95 %',
      'a, 60 %',
      'time, 30 %',
      'line break, 0.40 %',
      '<b>, 0.05 %',
      '\ufffd, 3.0 %',
      '!, 12 %',
    ]);
    const levels = await page
      .locator('.token-list [role="option"]')
      .evaluateAll((all) => all.map(({ className }) => Number(/level-(\d)/.exec(className)?.[1])));
    assert.deepEqual(levels, [0, 0, 1, 2, 5, 5, 4, 3]);
    const summary = (await textOf(page.locator('.token-summary dl'))).replace(/\s+/g, ' ');
    assert.match(
      summary,
      /^Tokens 8 Mean log-probability −2\.\d{3} Perplexity \d+\.\d\d Least likely <b> 0\.05 %$/,
    );
    assert.deepEqual(await axeFindings(page, ['minor', 'moderate', 'serious', 'critical']), []);
    assert.deepEqual(watched.faults, []);
    await watched.close();
  });

  test('the pointer shows what else might have stood there, and leaves no trace', async () => {
    const watched = await openTokens(STORY);
    const { page } = watched;
    await tokenAt(page, 3).hover();
    await panel(page).waitFor(PATIENCE);
    const text = (await textOf(panel(page))).replace(/\s+/g, ' ');
    assert.match(text, /time 30 % log −1\.204/);
    assert.match(text, /Number 2 of the most likely tokens here\./);
    assert.match(text, /hill 40 % −0\.92.*time 30 % −1\.20.*day 20 %.*all others 10 %/);
    assert.match(text, /Entropy: at least 1\.85 bits/);
    await assertBeside(page, 3);
    await tokenAt(page, 5).hover();
    await page
      .locator('.token-panel', { hasText: 'Not among the 2 most likely tokens here.' })
      .waitFor(PATIENCE);
    await tokenAt(page, 4).hover();
    await page.locator('.token-panel .is-chosen', { hasText: '⏎' }).waitFor(PATIENCE);
    await tokenAt(page, 6).hover();
    await page.locator('.token-panel', { hasText: 'only a part of a character' }).waitFor(PATIENCE);
    await page.mouse.move(2, 2);
    await panel(page).waitFor({ ...PATIENCE, state: 'detached' });
    await watched.close();
  });

  test('arrow keys go through the tokens, Escape closes, and one stop of Tab is all they take', async () => {
    const watched = await openTokens(STORY, { viewport: DESKTOP, colorScheme: 'dark' });
    const { page } = watched;
    await page.getByRole('button', { name: /0\.05/ }).focus();
    await page.keyboard.press('Tab');
    assert.equal(await focused(page), '0');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    assert.equal(await focused(page), '2');
    await page.locator('.token-panel', { hasText: '60' }).waitFor(PATIENCE);
    assert.equal(
      await tokenAt(page, 2).getAttribute('aria-describedby'),
      await panel(page).getAttribute('id'),
    );
    await page.keyboard.press('End');
    assert.equal(await focused(page), String(STORY.length - 1));
    await page.keyboard.press('ArrowUp');
    assert.ok(Number(await focused(page)) < 5, 'the line above');
    await page.keyboard.press('Home');
    assert.equal(await focused(page), '0');
    await panel(page).waitFor(PATIENCE);
    assert.deepEqual(await axeFindings(page, ['minor', 'moderate', 'serious', 'critical']), []);
    await page.keyboard.press('Escape');
    await panel(page).waitFor({ ...PATIENCE, state: 'detached' });
    assert.equal(await focused(page), '0');
    await page.keyboard.press('Tab');
    assert.equal(await focused(page), undefined);
    await page.getByRole('button', { name: /0\.05/ }).click();
    assert.equal(await focused(page), '5');
    await watched.close();
  });

  test('on a phone a tap shows a token, wherever it is', async () => {
    const many = Array.from({ length: 25 }, () => STORY).flat();
    const watched = await openTokens(many, { viewport: PHONE });
    const { page } = watched;
    for (const index of [0, 60, many.length - 1]) {
      await tokenAt(page, index).tap();
      await panel(page).waitFor(PATIENCE);
      await assertBeside(page, index);
    }
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(overflow <= 0);
    await watched.close();
  });

  test('two thousand tokens appear and can be walked through', async (t) => {
    const many = Array.from({ length: 250 }, () => STORY).flat();
    const watched = await openTokens(many);
    const { page } = watched;
    const before = (await longTasks(page)).length;
    await tokenAt(page, many.length - 1).waitFor(PATIENCE);
    await tokenAt(page, 0).focus();
    await page.keyboard.press('End');
    assert.equal(await focused(page), String(many.length - 1));
    const tasks = (await longTasks(page)).slice(before).map(({ duration }) => Math.round(duration));
    t.diagnostic(`tasks of more than 50 ms: ${tasks.join(', ') || 'none'}`);
    assert.deepEqual(watched.faults, []);
    await watched.close();
  });
}
