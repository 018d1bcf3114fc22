/**
 * The chat in the built page, in Chromium, against the server and against the engine in the page: a conversation from its first
 * message to its deletion, on a desktop and on a phone.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import type { Page } from 'playwright-core';
import { BUNDLED_MODEL, serveModels } from '../e2e/browser/page-hosts.ts';
import {
  assertSound,
  closeBrowser,
  DESKTOP,
  eventually,
  HAS_CHROMIUM,
  openPage,
  PATIENCE,
  PHONE,
  settled,
  textOf,
} from '../e2e/browser/watched-page.ts';

const PROMPT = 'Tell me a story about Lily, Bruno and a red kite at the park. It is about a gift.';
const STORY = /Lily[\s\S]*Bruno[\s\S]*kite/;

const host = HAS_CHROMIUM ? await serveModels({ models: [BUNDLED_MODEL] }) : undefined;
after(closeBrowser);
after(() => host?.close());

/** Opens the page with that place for models to run; a page of its own, so nothing is stored yet. */
async function openChat(place: 'server' | 'device', options: Parameters<typeof openPage>[1] = {}) {
  const watched = await openPage(`${host!.origin}/`, options);
  const { page } = watched;
  await page.locator('.prompts button:enabled').first().waitFor(PATIENCE);
  if (place === 'device') {
    await page.locator('.runtime').click();
    await page.getByLabel('This device', { exact: false }).first().check();
    await page.keyboard.press('Escape');
    await page.locator('.prompts button:enabled').first().waitFor(PATIENCE);
  }
  return watched;
}

/** Waits until the last reply is over. */
async function replied(page: Page, count: number): Promise<void> {
  await page
    .locator(`.reply[aria-busy="false"]`)
    .nth(count - 1)
    .waitFor(PATIENCE);
  await page.locator('.reply[aria-busy="true"]').waitFor({ ...PATIENCE, state: 'detached' });
}

async function send(page: Page, text: string): Promise<void> {
  await page.fill('#message', text);
  await page.press('#message', 'Enter');
}

/** As the system does it when a file is let go over the page. */
async function drop(page: Page, name: string, content: Buffer): Promise<void> {
  const dataTransfer = await page.evaluateHandle(
    ([name, base64]) => {
      const transfer = new DataTransfer();
      const bytes = Uint8Array.from(atob(base64!), (character) => character.charCodeAt(0));
      transfer.items.add(new File([bytes], name!));
      return transfer;
    },
    [name, content.toString('base64')],
  );
  for (const type of ['dragenter', 'dragover', 'drop']) {
    await page.dispatchEvent('body', type, { dataTransfer });
  }
}

const lastText = (page: Page) => textOf(page.locator('.reply .markdown').last());

if (HAS_CHROMIUM) {
  for (const place of ['server', 'device'] as const) {
    describe(`a conversation, answered by ${place === 'server' ? 'the server' : 'this device'}`, () => {
      test('is begun, streamed, stopped, made again, edited, found after a reload, and deleted', async () => {
        const watched = await openChat(place);
        const { page } = watched;

        // As soon as something is there, within the same frame, so that it is never too late.
        await page.getByRole('button', { name: PROMPT }).click();
        await page.waitForFunction(
          () => {
            const text = document.querySelector('.reply[aria-busy="true"] .markdown')?.textContent ?? '';
            if (text !== '') dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape' }));
            return text !== '';
          },
          undefined,
          { ...PATIENCE, polling: 'raf' },
        );
        await replied(page, 1);
        assert.equal(await page.locator('.reply').getAttribute('data-state'), 'stopped');
        const stopped = await settled(() => lastText(page));
        assert.notEqual(stopped, '');

        await page.getByLabel('Make another reply').click();
        await page.locator('.variants', { hasText: '2 / 2' }).waitFor(PATIENCE);
        await replied(page, 1);
        await eventually(async () => assert.match(await lastText(page), STORY));
        assert.match(
          await textOf(page.locator('.reply-facts')),
          /^\d+ tokens · .*\d+ of \d+ prompt tokens cached$/,
        );
        assert.match(await textOf(page.locator('.context')), /^\d+ \/ 256 tokens$/);
        await page.getByLabel('Earlier reply').click();
        await page.locator('.variants', { hasText: '1 / 2' }).waitFor(PATIENCE);
        await eventually(async () => assert.equal(await lastText(page), stopped));
        await page.getByLabel('Later reply').click();
        await page.locator('.variants', { hasText: '2 / 2' }).waitFor(PATIENCE);

        await send(page, 'Where is Lily?');
        await replied(page, 2);
        await eventually(async () => assert.match(await lastText(page), /Lily/));
        assert.match(
          await textOf(page.locator('.reply-facts').last()),
          /[1-9]\d* of \d+ prompt tokens cached/,
        );

        // In an empty message, the arrow takes the last one.
        await page.press('#message', 'ArrowUp');
        const editor = page.locator('.editor textarea');
        await editor.fill('Who has the kite?');
        await editor.press('Enter');
        await page.locator('.bubble', { hasText: 'Who has the kite?' }).waitFor(PATIENCE);
        await replied(page, 2);
        assert.deepEqual(await page.locator('.bubble').allInnerTexts(), [PROMPT, 'Who has the kite?']);
        await eventually(async () => assert.match(await lastText(page), /kite/));

        const before = await settled(() => page.locator('.markdown').allInnerTexts());
        await page.reload();
        await replied(page, 2);
        await eventually(async () =>
          assert.deepEqual(await page.locator('.markdown').allInnerTexts(), before),
        );
        await page.locator('.reply').last().getByRole('button', { name: 'Tokens' }).click();
        await page.locator('.reply').last().getByText('Perplexity').waitFor(PATIENCE);
        await assertSound(watched);

        const entry = page.locator('.conversation', { hasText: 'Tell me a story about Lily' });
        await entry.getByRole('button').click();
        await page.getByRole('button', { name: 'Delete' }).click();
        await page.locator('.empty h1').waitFor(PATIENCE);
        assert.equal(await entry.count(), 0);
        // The last of the notices; one about the edited message may still be there.
        await page
          .locator('.notice', { hasText: 'was deleted' })
          .getByRole('button', { name: 'Undo' })
          .click();
        await replied(page, 2);
        await eventually(async () =>
          assert.deepEqual(await page.locator('.markdown').allInnerTexts(), before),
        );
        await watched.close();
      });
    });
  }

  test('both places give the same text for the same seed', async () => {
    const texts: string[] = [];
    for (const place of ['server', 'device'] as const) {
      const { page, close } = await openChat(place);
      await page.getByLabel('Reply settings').click();
      await page.getByLabel('Seed').fill('7');
      await page.getByLabel('Temperature').fill('1');
      await page.getByLabel('Temperature').blur();
      await page.keyboard.press('Escape');
      await send(page, PROMPT);
      await replied(page, 1);
      texts.push(await settled(() => lastText(page)));
      assert.ok(await page.getByLabel('Reply settings, changed').isVisible());
      await close();
    }
    assert.equal(texts[0], texts[1]);
  });

  test('everything can be done with the keyboard, and on a phone nothing is out of reach', async () => {
    const watched = await openChat('device', { viewport: PHONE, colorScheme: 'dark' });
    const { page } = watched;
    await assertSound(watched);
    await page.focus('#message');
    await page.keyboard.type('Tell me a story');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('about Ben and a blue ball.');
    await page.keyboard.press('Enter');
    await replied(page, 1);
    assert.equal(await textOf(page.locator('.bubble')), 'Tell me a story\nabout Ben and a blue ball.');
    await assertSound(watched);
    await page.keyboard.press('Control+k');
    await page.locator('.empty h1').waitFor(PATIENCE);
    await page.locator('h1').first().click();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keys' }).waitFor(PATIENCE);
    await assertSound(watched);
    await page.keyboard.press('Escape');
    await page.getByLabel('Conversations').first().click();
    const drawer = page.getByRole('dialog', { name: 'Conversations' });
    await drawer.getByRole('link', { name: 'Tell me a story' }).waitFor(PATIENCE);
    await assertSound(watched);
    await drawer.getByRole('link', { name: 'Tell me a story' }).press('Enter');
    await replied(page, 1);
    assert.equal(await drawer.count(), 0);
    await page.getByLabel('Reply settings').click();
    await assertSound(watched);
    await page.keyboard.press('Escape');
    await page.locator('.runtime').click();
    await assertSound(watched);
    await page.keyboard.press('Escape');
    // It comes back with the next render.
    await page.waitForFunction(() => document.activeElement?.className === 'runtime', undefined, PATIENCE);
    await watched.close();
  });

  test('a GGUF file that is dropped on the page answers from then on; what is none is refused', async () => {
    const watched = await openChat('server');
    const { page } = watched;
    await drop(page, 'letter.gguf', Buffer.from('Dear all,'));
    const fault = page.locator('.notice-fault');
    await fault.waitFor(PATIENCE);
    assert.match(await textOf(fault), /letter\.gguf: this is no GGUF file/);
    await drop(page, 'mine.gguf', readFileSync(BUNDLED_MODEL));
    await page.locator('.runtime', { hasText: 'mine' }).waitFor(PATIENCE);
    assert.match(await textOf(page.locator('.runtime')), /This device/);
    await page.reload();
    await page.locator('.runtime', { hasText: 'mine' }).waitFor(PATIENCE);
    await send(page, PROMPT);
    await replied(page, 1);
    await eventually(async () => assert.match(await lastText(page), STORY));
    await page.locator('.runtime').click();
    await page.getByLabel(/^Remove mine/).click();
    await page.locator('.model', { hasText: 'mine' }).waitFor({ ...PATIENCE, state: 'detached' });
    await assertSound(watched);
    await watched.close();
  });

  test('conversations are named, searched, exported, and come back from the file', async () => {
    const watched = await openChat('server', { viewport: DESKTOP });
    const { page } = watched;
    await send(page, PROMPT);
    await replied(page, 1);
    const text = await lastText(page);
    await page.locator('.conversation').getByRole('button').click();
    await page.getByRole('button', { name: 'Rename' }).click();
    await page.locator('.name-field').fill('The gift');
    await page.locator('.name-field').press('Enter');
    await page.locator('.conversation', { hasText: 'The gift' }).waitFor(PATIENCE);
    await page.getByLabel('Search conversations').fill('bruno kite');
    await page.locator('.conversation', { hasText: 'The gift' }).waitFor(PATIENCE);
    await page.getByLabel('Search conversations').fill('submarine');
    await page.getByText('No conversation has these words.').waitFor(PATIENCE);
    await page.getByLabel('Search conversations').fill('');
    await page.locator('.conversation', { hasText: 'The gift' }).waitFor(PATIENCE);
    const downloading = page.waitForEvent('download');
    await page.locator('.list-foot').getByRole('button', { name: 'Export' }).click();
    const file = await (await downloading).path();
    assert.match(readFileSync(file, 'utf8'), /"title":"The gift"/);

    const other = await openChat('server');
    await other.page.setInputFiles('.list-foot input', {
      name: 'letter.json',
      mimeType: '',
      buffer: Buffer.from('{"a":1}'),
    });
    await other.page.locator('.notice-fault', { hasText: 'no file of conversations' }).waitFor(PATIENCE);
    await other.page.setInputFiles('.list-foot input', file);
    await other.page.getByRole('link', { name: 'The gift' }).click();
    await replied(other.page, 1);
    assert.equal(await lastText(other.page), text);
    await assertSound(other);
    await other.close();
    await watched.close();
  });
}
