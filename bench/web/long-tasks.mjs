#!/usr/bin/env node
// @ts-check
/**
 * The longest task of the page's main thread while a model generates on this device: two replies, then a look at the other
 * tabs during a third. The model is the bundled one, or a random one of a shape, whose replies are long. Told by the
 * browser's trace, since its observer of long tasks begins at 50 ms. Needs the build, the compiled tests, and a quiet machine.
 *
 *   node bench/web/long-tasks.mjs [--phone] [--shape 125m]
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BUNDLED_MODEL, serveModels } from '../../build/test/e2e/browser/page-hosts.js';
import {
  closeBrowser,
  DESKTOP,
  longTasks,
  openPage,
  PHONE,
  sharedBrowser,
} from '../../build/test/e2e/browser/watched-page.js';
import { modelPath } from '../peers/models.mjs';

const { values } = parseArgs({
  options: { phone: { type: 'boolean', default: false }, shape: { type: 'string' } },
});
const CATEGORIES = ['toplevel', 'devtools.timeline', 'disabled-by-default-devtools.timeline', '__metadata'];

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {{ name: string, ph: string, ts: number, dur?: number, tdur?: number, pid: number, tid: number, args: any }} TraceEvent */

/**
 * Milliseconds of the longest tasks of the main threads of pages while `act` runs, the longest first.
 *
 * @param {Page} page
 * @param {() => Promise<unknown>} act
 */
async function traced(page, act) {
  const browser = await sharedBrowser();
  const before = (await longTasks(page)).length;
  await browser.startTracing(page, { categories: CATEGORIES });
  await act();
  const { traceEvents } = /** @type {{ traceEvents: TraceEvent[] }} */ (
    JSON.parse((await browser.stopTracing()).toString())
  );
  const main = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid} ${tid}`),
  );
  const tasks = traceEvents.filter(
    ({ name, ph, pid, tid }) => name === 'RunTask' && ph === 'X' && main.has(`${pid} ${tid}`),
  );
  const longest = tasks.sort((a, b) => (b.dur ?? 0) - (a.dur ?? 0)).slice(0, 5);
  for (const { ts, dur = 0, pid, tid } of longest.filter(({ dur = 0 }) => dur > 40_000)) {
    const inside = traceEvents
      .filter((event) => event.pid === pid && event.tid === tid && event.ph === 'X')
      .filter((event) => event.ts >= ts && event.ts + (event.dur ?? 0) <= ts + dur)
      .filter((event) => (event.dur ?? 0) > 4000 && !event.name.endsWith('RunTask'))
      .sort((a, b) => (b.dur ?? 0) - (a.dur ?? 0))
      .slice(0, 8)
      .map(
        ({ name, dur: own = 0, args }) =>
          `${name} ${own / 1000} ${JSON.stringify(args?.data ?? {}).slice(0, 160)}`,
      );
    process.stdout.write(`    ${[`${dur / 1000} ms`, ...inside].join('\n      ')}\n`);
  }
  const observed = (await longTasks(page)).slice(before).map(({ duration }) => duration);
  const computing = tasks.reduce((most, { tdur = 0 }) => Math.max(most, tdur / 1000), 0).toFixed(1);
  return {
    computing,
    longest: longest.map(
      ({ dur = 0, tdur = 0 }) => `${(dur / 1000).toFixed(1)} (${(tdur / 1000).toFixed(1)} computing)`,
    ),
    observed,
  };
}

/**
 * A GGUF file with a template for conversations, as the first of its metadata. Random models have none, and nothing behind
 * the header moves by other than a multiple of the alignment.
 *
 * @param {Buffer} file
 */
function withTemplate(file) {
  const key = 'tokenizer.chat_template';
  const text = '{% for message in messages %}{{ message.content }} {% endfor %}';
  const fixed = 8 + key.length + 4 + 8;
  const length = Math.ceil((fixed + text.length + 4) / 32) * 32 - fixed;
  const template = `${text}{#${' '.repeat(length - text.length - 4)}#}`;
  const entry = Buffer.alloc(fixed + length);
  entry.writeBigUInt64LE(BigInt(key.length), 0);
  entry.write(key, 8);
  entry.writeUInt32LE(8, 8 + key.length);
  entry.writeBigUInt64LE(BigInt(length), 12 + key.length);
  entry.write(template, fixed);
  const header = Buffer.from(file.subarray(0, 24));
  header.writeBigUInt64LE(header.readBigUInt64LE(16) + 1n, 16);
  return Buffer.concat([header, entry, file.subarray(24)]);
}

const folder = mkdtempSync(join(tmpdir(), 'bitnet-long-tasks-'));
const server = await serveModels({ models: [BUNDLED_MODEL] });
try {
  const { page } = await openPage(`${server.origin}/`, { viewport: values.phone ? PHONE : DESKTOP });
  await page.evaluate(() => localStorage.setItem('bitnet.transport', 'device'));
  await page.reload();
  await page.locator('#message').waitFor();
  if (values.shape !== undefined) {
    const own = modelPath(join(tmpdir(), 'bitnet-peers'), values.shape, { type: 'i2_s', embedding: 'f16' });
    const chatting = join(folder, `chatting-${values.shape}.gguf`);
    writeFileSync(chatting, withTemplate(readFileSync(own)));
    await page.locator('button.runtime').click();
    await page.locator('input[aria-label="GGUF file"]').setInputFiles(chatting);
    await page.keyboard.press('Escape');
    await page.locator('.runtime-rate', { hasText: 'thread' }).waitFor({ timeout: 120_000 });
  }
  let replies = 0;
  const stop = page.locator('.round.stop');
  const ask = async () => {
    await page.fill(
      '#message',
      'Tell me a story about Lily, Bruno and a red kite at the park. It is about a gift.',
    );
    await page.locator('.round.primary:enabled').waitFor({ timeout: 60_000 });
    await page.keyboard.press('Enter');
    await page.locator('.message.reply').nth(replies++).waitFor();
  };
  /** After half a minute it is enough. */
  const end = async () => {
    await stop.waitFor({ state: 'detached', timeout: 30_000 }).catch(() => stop.click());
    await stop.waitFor({ state: 'detached' });
  };
  /** @param {string} name */
  const open = async (name) => {
    await page.getByRole('link', { name, exact: true }).click();
    await page.waitForTimeout(1500);
  };
  /** @type {[string, () => Promise<unknown>][]} */
  const cases = [
    ['first reply', () => ask().then(end)],
    ['second reply', () => ask().then(end)],
    [
      'reply while looking at Machine, Inside and Chat',
      async () => {
        // In a conversation of its own: the context may be full.
        await page.keyboard.press('Control+k');
        replies = 0;
        await ask();
        for (const name of ['Machine', 'Inside', 'Chat']) await open(name);
        if (await stop.isVisible()) await stop.click();
      },
    ],
  ];
  for (const [name, act] of cases) {
    const { computing, longest, observed } = await traced(page, act);
    const facts = await page
      .locator('.reply-facts')
      .last()
      .textContent()
      .catch(() => '');
    process.stdout.write(
      `${name}: ${longest.join(', ')} ms; most computing ${computing} ms; observed above 50: ${observed.join(', ') || 'none'} (${facts})\n`,
    );
  }
} finally {
  await closeBrowser();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
}
