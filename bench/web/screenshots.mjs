#!/usr/bin/env node
// @ts-check
/**
 * Pictures of every tab and dialog of the chat page, light and dark, on a desktop and a phone, to be looked at, with what
 * axe finds on each. The server is the real one with the bundled model. Needs the build and the compiled tests.
 *
 *   node bench/web/screenshots.mjs FOLDER [WORD]      only pictures with WORD in their name
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BUNDLED_MODEL, serveModels, serveStatically } from '../../build/test/e2e/browser/page-hosts.js';
import {
  axeFindings,
  closeBrowser,
  DESKTOP,
  openPage,
  PHONE,
} from '../../build/test/e2e/browser/watched-page.js';
import { buildWeb } from '../../web/build.mjs';

const [folder, word = ''] = process.argv.slice(2);
if (folder === undefined) throw new Error('name the folder that the pictures go to');
mkdirSync(folder, { recursive: true });
const SAMPLE = join(dirname(fileURLToPath(import.meta.url)), 'sample-conversation.json');
const QUESTION = 'Tell me a story about Ben and a blue ball.';

/** @typedef {import('playwright-core').Page} Page */

/** @param {Page} page @param {string} text */
async function ask(page, text) {
  await page.locator('.round.primary').waitFor();
  await page.fill('#message', text);
  await page.locator('.round.primary:enabled').waitFor();
  await page.keyboard.press('Enter');
  await page.locator('.reply-facts').last().waitFor({ timeout: 60_000 });
}

/** @param {Page} page */
async function importSample(page) {
  const drawer = page.getByRole('button', { name: 'Conversations', exact: true });
  const isDrawer = await drawer.isVisible();
  if (isDrawer) await drawer.click();
  await page.locator('.list-foot input[type=file]').setInputFiles(SAMPLE);
  await page.waitForTimeout(500);
  await page.evaluate(() => {
    location.hash = '#/chat/sample-1';
  });
  if (isDrawer && (await page.locator('dialog[open]').count()) > 0) await page.keyboard.press('Escape');
  await page.waitForTimeout(1500);
}

/** Name, part of the address, and what is done before the picture. @type {[string, string, (page: Page) => Promise<unknown>][]} */
const SCENES = [
  ['chat-empty', '#/chat', async () => {}],
  [
    'chat-reply',
    '#/chat',
    async (page) => {
      await ask(page, QUESTION);
    },
  ],
  [
    'chat-tokens',
    '#/chat',
    async (page) => {
      await ask(page, QUESTION);
      await page
        .getByRole('button', { name: /^Tokens/ })
        .last()
        .click();
      await page.waitForTimeout(300);
    },
  ],
  ['chat-markdown', '#/chat', async (page) => importSample(page)],
  [
    'chat-drawer',
    '#/chat',
    async (page) => {
      await importSample(page);
      const opener = page.getByRole('button', { name: 'Conversations', exact: true });
      if (await opener.isVisible()) await opener.click();
      await page.waitForTimeout(400);
    },
  ],
  ['settings', '#/chat', async (page) => page.getByRole('button', { name: /^Reply settings/ }).click()],
  ['runtime', '#/chat', async (page) => page.locator('button.runtime').click()],
  ['menu', '#/chat', async (page) => page.getByRole('button', { name: 'Appearance and keys' }).click()],
  [
    'keys',
    '#/chat',
    async (page) => {
      await page.getByRole('button', { name: 'Appearance and keys' }).click();
      await page.getByRole('button', { name: 'Keys', exact: true }).click();
    },
  ],
  ['inside', '#/inside', async (page) => page.waitForTimeout(6000)],
  [
    'machine',
    '#/chat',
    async (page) => {
      await ask(page, QUESTION);
      await page.getByRole('link', { name: 'Machine' }).click();
      await page.waitForTimeout(4000);
    },
  ],
];

/** Of what is seen, and of what is below it as far as the tab scrolls. @param {Page} page @param {string} path @param {boolean} isLong */
async function pictures(page, path, isLong) {
  const scrolled = () => page.evaluate(() => document.querySelector('main')?.scrollTop ?? 0);
  await page.screenshot({ path: `${path}.png` });
  if (!isLong) return;
  const { width, height } = page.viewportSize() ?? DESKTOP;
  await page.mouse.move(width / 2, height - 30);
  for (let part = 2, last = -1; part < 12; part++) {
    await page.mouse.wheel(0, height - 90);
    await page.waitForTimeout(700);
    const now = await scrolled();
    if (now === last) return;
    last = now;
    await page.screenshot({ path: `${path}-${part}.png` });
  }
}

const server = await serveModels({ models: [BUNDLED_MODEL] });
const site = mkdtempSync(join(tmpdir(), 'bitnet-site-'));
await buildWeb(site, true);
const host = await serveStatically(site);
let findings = 0;
try {
  for (const [size, viewport] of /** @type {const} */ ([
    ['desktop', DESKTOP],
    ['phone', PHONE],
  ])) {
    for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
      for (const place of ['server', 'device']) {
        for (const [scene, hash, act] of SCENES) {
          const name = [scene, place, size, colorScheme].join('-');
          const isOfDevice = ['chat-empty', 'runtime', 'inside', 'machine'].includes(scene);
          if (!name.includes(word) || (place === 'device' && !isOfDevice)) continue;
          const origin = place === 'server' ? `${server.origin}/` : `${host.origin}/some/path/`;
          const watched = await openPage(`${origin}${hash}`, { viewport, colorScheme });
          const { page, faults } = watched;
          try {
            await page.waitForTimeout(1000);
            await act(page);
            await page.waitForTimeout(300);
          } catch (error) {
            process.stdout.write(
              `${name}: ${error instanceof Error ? error.message.split('\n')[0] : error}\n`,
            );
          }
          await pictures(page, join(folder, name), scene === 'inside' || scene === 'machine');
          const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          const found = await axeFindings(page, ['minor', 'moderate', 'serious', 'critical']);
          const shifted = await page.evaluate(() => /** @type {any} */ (globalThis).noticed);
          const lines = [
            ...faults,
            ...found,
            ...shifted.violations,
            ...(wide > 0 ? [`${wide} pixels too wide`] : []),
            ...(shifted.shift > 0.02 ? [`shifted by ${shifted.shift}: ${shifted.shifted.join('; ')}`] : []),
          ];
          findings += lines.length;
          process.stdout.write(`${[name, ...lines].join('\n    ')}\n`);
          await watched.close();
        }
      }
    }
  }
} finally {
  await closeBrowser();
  await server.close();
  await host.close();
  rmSync(site, { recursive: true, force: true });
}
process.stdout.write(`${findings} findings\n`);
