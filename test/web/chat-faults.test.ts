/**
 * What the chat does when things go wrong, in Chromium against a server whose answers are scripted: refusals, connections that
 * break off, a missing key, a context that is full, a page that is closed in the middle of a reply, and browsers that have less
 * than the page would like.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Page } from 'playwright-core';
import {
  assertSound,
  closeBrowser,
  DESKTOP,
  eventually,
  HAS_CHROMIUM,
  openPage,
  PATIENCE,
  sharedBrowser,
  textOf,
} from '../e2e/browser/watched-page.ts';
import { startScriptedServer } from './scripted-server.ts';

const server = HAS_CHROMIUM ? await startScriptedServer() : undefined;
const locked = HAS_CHROMIUM ? await startScriptedServer({ apiKeys: ['key-of-the-test'] }) : undefined;
after(closeBrowser);
after(() => Promise.all([server?.close(), locked?.close()]));

async function openChat(origin: string, expected?: RegExp) {
  const watched = await openPage(`${origin}/`, expected ? { expected } : {});
  await watched.page.locator('#message').waitFor(PATIENCE);
  return watched;
}

async function send(page: Page, text: string): Promise<void> {
  await page.fill('#message', text);
  await page.locator('button[aria-label="Send"]:enabled').click(PATIENCE);
}

/** In a browser that was changed by a function before the page begins. */
async function openChanged(change: () => void, address = `${server!.origin}/`) {
  const context = await (await sharedBrowser()).newContext({ viewport: DESKTOP });
  await context.addInitScript(change);
  const watched = await openPage(address, { context });
  await watched.page.locator('#message').waitFor(PATIENCE);
  return { ...watched, close: () => context.close() };
}

const last = (page: Page) => page.locator('.reply').last();

async function ended(page: Page, state: string): Promise<void> {
  await page.locator(`.reply[aria-busy="false"][data-state="${state}"]`).last().waitFor(PATIENCE);
}

if (HAS_CHROMIUM) {
  test('what came before a fault stays, with one sentence and a way to try again', async () => {
    const watched = await openChat(server!.origin, /Failed to load resource|ERR_/);
    const { page } = watched;
    server!.say({ tokens: ['One', ' two'], fault: { message: 'the machine is tired' } }, 'One two three.');
    await send(page, 'Count.');
    await ended(page, 'failed');
    await eventually(async () => assert.equal(await textOf(last(page).locator('.markdown')), 'One two'));
    assert.match(await textOf(last(page).getByRole('alert')), /The machine is tired\.\s+Try again/);
    await page.getByRole('button', { name: 'Try again' }).click();
    await ended(page, 'complete');
    await eventually(async () =>
      assert.equal(await textOf(last(page).locator('.markdown')), 'One two three.'),
    );
    assert.equal(await textOf(last(page).locator('.variants')), '2 / 2');

    server!.say({ tokens: ['Half'], pauseMs: 50, fault: 'broken' });
    await send(page, 'And now?');
    await ended(page, 'failed');
    await eventually(async () => assert.equal(await textOf(last(page).locator('.markdown')), 'Half'));
    server!.say({ tokens: [], refusal: { status: 503, message: 'too many wait', code: 'overloaded' } });
    await send(page, 'And now?');
    await page.locator('.reply .fault', { hasText: 'too many wait' }).waitFor(PATIENCE);
    await assertSound(watched);
    await watched.close();
  });

  test('a page that is closed in the middle of a reply keeps what came, and says so', async () => {
    const watched = await openChat(server!.origin);
    const { page } = watched;
    server!.say({ tokens: ['Slow', 'ly', ...Array.from({ length: 2000 }, () => ' on')], pauseMs: 20 });
    await send(page, 'Talk slowly.');
    await page.locator('.reply .markdown', { hasText: 'Slowly on on on' }).waitFor(PATIENCE);
    // Elsewhere in the page a reply goes on.
    await page.getByRole('link', { name: 'Machine' }).click();
    await page.getByRole('link', { name: 'Chat' }).click();
    const before = await textOf(last(page).locator('.markdown'));
    assert.match(before, /^Slowly on/);
    await page.reload();
    await ended(page, 'interrupted');
    assert.ok((await textOf(last(page).locator('.markdown'))).startsWith(before.slice(0, 12)));
    assert.match(await textOf(last(page).locator('.outcome')), /closed before this reply was complete/);
    server!.say('Here it goes on.');
    await page.getByRole('button', { name: 'Continue' }).click();
    await ended(page, 'complete');
    const { messages } = server!.asked.at(-1)!.body;
    assert.deepEqual(
      messages.map(({ role }) => role),
      ['user', 'assistant', 'user'],
    );
    await watched.close();
  });

  test('a server with keys is given one, and the message is not lost', async () => {
    const watched = await openChat(locked!.origin, /401/);
    const { page } = watched;
    const dialog = page.getByRole('dialog', { name: 'This server wants a key' });
    await dialog.waitFor(PATIENCE);
    await assertSound(watched);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('alert').filter({ hasText: 'This server wants an API key.' }).waitFor(PATIENCE);
    await page.getByRole('button', { name: 'Give a key' }).click();
    await dialog.getByLabel('API key').fill('wrong');
    await dialog.getByRole('button', { name: 'Use this key' }).click();
    await dialog.getByText('none of its keys').waitFor(PATIENCE);
    await dialog.getByLabel('API key').fill('key-of-the-test');
    await dialog.getByRole('button', { name: 'Use this key' }).click();
    await dialog.waitFor({ ...PATIENCE, state: 'detached' });
    locked!.say('Now I answer.');
    await send(page, 'Do you answer?');
    await ended(page, 'complete');
    await eventually(async () =>
      assert.equal(await textOf(last(page).locator('.markdown')), 'Now I answer.'),
    );
    assert.equal(await page.evaluate(() => localStorage.getItem('bitnet.api-key')), null);
    await watched.close();
  });

  test('a context that is full is said, and the conversation can go on without its oldest messages', async () => {
    const watched = await openChat(server!.origin, /400/);
    const { page } = watched;
    server!.say({ tokens: ['A', ' reply', '.'], promptTokens: 10 });
    await send(page, 'The first message');
    await ended(page, 'complete');
    assert.equal(await page.locator('.context-warning').count(), 0);
    const length = Number(
      /13 \/ ([\d,]+)/.exec(await textOf(page.locator('.context')))?.[1]?.replace(',', ''),
    );
    assert.ok(length > 0);
    server!.say({ tokens: ['Another', '.'], promptTokens: Math.round(length * 0.9) });
    await send(page, 'The second message');
    await page.locator('.context-warning', { hasText: 'nearly full' }).waitFor(PATIENCE);
    server!.say({
      tokens: [],
      refusal: { status: 400, message: 'the prompt does not fit', code: 'context_length_exceeded' },
    });
    await send(page, 'The third message');
    await page.locator('.context-warning', { hasText: 'is full' }).waitFor(PATIENCE);
    await assertSound(watched);
    server!.say('It fits now.');
    await page.getByRole('button', { name: 'Go on without the oldest messages' }).click();
    await page.locator('.reply .markdown', { hasText: 'It fits now.' }).waitFor(PATIENCE);
    await page.getByText('The model no longer sees what is above.').waitFor(PATIENCE);
    const { messages } = server!.asked.at(-1)!.body;
    assert.ok(messages.length < 5, `${messages.length} messages`);
    assert.equal(messages.at(-1)!.content, 'The third message');
    await assertSound(watched);
    await watched.close();
  });

  test('a text that grows is followed at its end, and left alone elsewhere', async () => {
    const watched = await openChat(server!.origin);
    const { page } = watched;
    const lines = Array.from({ length: 400 }, (_, i) => `line ${i}\n\n`);
    server!.say({ tokens: lines, pauseMs: 10 });
    await send(page, 'Write much.');
    await page.locator('.markdown', { hasText: 'line 60' }).waitFor(PATIENCE);
    const fromEnd = () =>
      page.locator('.thread').evaluate((area) => area.scrollHeight - area.scrollTop - area.clientHeight);
    assert.ok((await fromEnd()) < 60);
    await page.locator('.thread').hover();
    await page.mouse.wheel(0, -400);
    await page.getByLabel('To the end').waitFor(PATIENCE);
    const top = await page.locator('.thread').evaluate((area) => area.scrollTop);
    await page.locator('.markdown', { hasText: 'line 200' }).waitFor(PATIENCE);
    assert.equal(await page.locator('.thread').evaluate((area) => area.scrollTop), top);
    await page.getByLabel('To the end').click();
    await page.locator('.markdown', { hasText: 'line 260' }).waitFor(PATIENCE);
    assert.ok((await fromEnd()) < 60);
    await page.keyboard.press('Escape');
    await ended(page, 'stopped');
    assert.equal(server!.asked.at(-1)!.isAborted, true);
    await assertSound(watched);
    await watched.close();
  });

  for (const [name, change] of [
    [
      'comes over plain HTTP from another machine',
      () => Reflect.deleteProperty(Crypto.prototype, 'randomUUID'),
    ],
    [
      'may keep nothing in the browser',
      () => {
        const refuse = (): never => {
          throw new DOMException('Access is denied.', 'SecurityError');
        };
        Object.defineProperty(globalThis, 'localStorage', { get: refuse });
        Object.defineProperty(globalThis, 'sessionStorage', { get: refuse });
        IDBFactory.prototype.open = refuse;
      },
    ],
    ['has no IndexedDB', () => Object.defineProperty(globalThis, 'indexedDB', { value: undefined })],
  ] as const) {
    test(`a page that ${name} answers, and lists the conversation`, async () => {
      const watched = await openChanged(change);
      const { page } = watched;
      server!.say('Here I am.', 'Still here.');
      await send(page, 'Are you there?');
      await ended(page, 'complete');
      await send(page, 'And now?');
      await page.locator('.markdown', { hasText: 'Still here.' }).waitFor(PATIENCE);
      await page.locator('.conversation', { hasText: 'Are you there?' }).waitFor(PATIENCE);
      await page.getByRole('button', { name: 'Appearance and keys' }).click();
      await page.getByRole('button', { name: 'Dark' }).click();
      assert.equal(await page.evaluate(() => document.documentElement.dataset.theme), 'dark');
      await assertSound(watched);
      await watched.close();
    });
  }

  test('without room in the browser a reply ends as ever, and one sentence says what is missing', async () => {
    const watched = await openChat(server!.origin);
    const devtools = await watched.context.newCDPSession(watched.page);
    await devtools.send('Storage.overrideQuotaForOrigin', { origin: server!.origin, quotaSize: 1 });
    const { page } = watched;
    server!.say('A reply.', 'Another one.');
    await send(page, 'Say something.');
    await page.locator('.markdown', { hasText: 'A reply.' }).waitFor(PATIENCE);
    await send(page, 'More.');
    await page.locator('.markdown', { hasText: 'Another one.' }).waitFor(PATIENCE);
    await page.locator('.reply[aria-busy="true"]').waitFor({ ...PATIENCE, state: 'detached' });
    assert.equal(await page.locator('.reply').count(), 2);
    assert.deepEqual(await page.locator('.notice > span').allInnerTexts(), [
      'This browser has no room left: what is said now is gone when the page is closed. Remove conversations or models.',
    ]);
    await assertSound(watched);
    await watched.close();
  });

  test('an address that nobody wrote so opens the page, and what is said there is a new conversation', async () => {
    const watched = await openChanged(() => {}, `${server!.origin}/#/chat/%E0%A4%A`);
    const { page } = watched;
    await page.getByRole('heading', { name: 'This conversation is not here' }).waitFor(PATIENCE);
    server!.say('A new one.');
    await send(page, 'Begin.');
    await ended(page, 'complete');
    assert.match(page.url(), /#\/chat\/[0-9a-f]{32}$/);
    await assertSound(watched);
    await watched.close();
  });

  test('what is deleted in one window is gone in the other, until that is taken back', async () => {
    const first = await openChat(server!.origin);
    server!.say('Kept.');
    await send(first.page, 'To be deleted.');
    await ended(first.page, 'complete');
    const second = await openPage(first.page.url(), { context: first.context });
    await second.page.locator('.markdown', { hasText: 'Kept.' }).waitFor(PATIENCE);
    await first.page.getByRole('button', { name: 'Actions for To be deleted.' }).click();
    await first.page.getByRole('button', { name: 'Delete', exact: true }).click();
    await second.page.getByRole('heading', { name: 'This conversation is not here' }).waitFor(PATIENCE);
    await first.page.getByRole('button', { name: 'Undo' }).click();
    await second.page.locator('.markdown', { hasText: 'Kept.' }).waitFor(PATIENCE);
    await assertSound(second);
    await second.close();
    await first.close();
  });

  test('all tabs fit a window of 320 pixels, and a script from right to left begins at the right', async () => {
    const watched = await openChat(server!.origin);
    const { page } = watched;
    server!.say('مرحبا بالعالم\n\nAnd in English.');
    await send(page, 'שלום עולם');
    await ended(page, 'complete');
    const startOf = (text: string) =>
      page
        .getByText(text)
        .last()
        .evaluate((element) => {
          const range = document.createRange();
          range.selectNodeContents(element);
          const { left, right } = range.getBoundingClientRect();
          const box = element.getBoundingClientRect();
          return Math.abs(box.right - right) < Math.abs(left - box.left) ? 'right' : 'left';
        });
    assert.equal(await startOf('مرحبا بالعالم'), 'right');
    assert.equal(await startOf('And in English.'), 'left');
    await page.setViewportSize({ width: 320, height: 600 });
    for (const name of ['Chat', 'Inside', 'Machine']) {
      await page.getByRole('link', { name, exact: true }).click();
      await page
        .locator('main h1')
        .first()
        .waitFor({ ...PATIENCE, state: 'attached' });
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320, name);
    }
    await watched.close();
  });
}
