/**
 * The tab Inside in Chromium, from a server and on this device: what it shows are the model's own numbers, it is gone through
 * by keys and by pointer, light and dark, on a desktop and on a phone, and axe finds nothing in it.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { BrowserContext, Locator, Page, ViewportSize } from 'playwright-core';
import { loadModel } from '#src/index.js';
import { Inside } from '#src/inside/inside.js';
import { listen } from '#src/server/listen.js';
import { createServer } from '#src/server/server.js';
import {
  assertSound,
  closeBrowser,
  DESKTOP,
  HAS_CHROMIUM,
  openPage,
  PATIENCE,
  PHONE,
  sharedBrowser,
  textOf,
} from '../e2e/browser/watched-page.ts';

// This file runs as build/test/web/inside-page.test.js.
const root = new URL('../../../', import.meta.url);
const TALES = fileURLToPath(new URL('models/tales/tales.i2_s.gguf', root));

if (HAS_CHROMIUM) {
  after(closeBrowser);
  const model = await loadModel(TALES);
  const inside = new Inside(model);
  after(() => model.dispose());
  const served = await serve(TALES);

  test('from a server, all numbers are those of the model', async () => {
    const { page, close } = await open(served, DESKTOP);
    await page.getByRole('heading', { level: 1, name: /^Inside tales/ }).waitFor(PATIENCE);
    const overview = inside.overview('tales');
    const weights = overview.matrices.reduce((sum, { rows, columns }) => sum + rows * columns, 0);
    const total = page.locator('.inside-total', { hasText: `Of ${weights.toLocaleString('en')} weights` });
    await total.waitFor(PATIENCE);

    await page.getByText('The same as a table').click();
    const counts = [];
    for await (const one of inside.counts()) counts.push(one);
    const [first] = counts;
    const all = first!.minusOne + first!.zero + first!.plusOne;
    const shares = [first!.minusOne, first!.zero, first!.plusOne].map((n) => ((100 * n) / all).toFixed(1));
    const cell = page.locator('.inside-table tbody tr').first().locator('td').first();
    assert.equal(await cell.textContent(), shares.join(' / '));
    assert.equal(await page.locator('.inside-plot rect').count(), 3 * counts.length);

    await chooseMatrix(page, 1, 'up');
    const map = page.locator('.inside-map');
    const canvas = map.locator('canvas');
    await canvas.focus();
    for (const key of ['ArrowDown', 'ArrowDown', 'ArrowRight', 'Shift+ArrowRight', '+', 'End']) {
      await page.keyboard.press(key);
    }
    const { columns } = overview.matrices.find(({ name }) => name === 'up')!;
    const seen = map.locator('.inside-seen');
    const row = Number(/Row (\d+),/.exec(await textOf(seen))?.[1]);
    const place = { layer: 1, name: 'up', row, rows: 1, column: columns - 1, columns: 1, step: 1 } as const;
    const [value] = await inside.tile(place);
    await seen.filter({ hasText: `column ${columns - 1}: ${signed(value!)}, in byte` }).waitFor(PATIENCE);
    assert.equal(await page.locator('.inside-row input').inputValue(), String(row));

    await page.locator('.inside-text input').fill('The little dog');
    await page.keyboard.press('Enter');
    const product = await inside.dot({ layer: 1, name: 'up' }, row, 'The little dog');
    await page.locator('.inside-tokens', { hasText: 'dog' }).waitFor(PATIENCE);
    const sums = page.locator('.inside-total-sum');
    await sums.getByText('bit for bit what the kernels computed').waitFor(PATIENCE);
    assert.equal(await sums.locator('dd').first().textContent(), signed(product.sum));
    const facts = page.locator('.inside-facts');
    await facts.getByText(`${minus(product.leastSum)} to ${minus(product.mostSum)}`).waitFor(PATIENCE);

    const soFar = page.locator('.inside-so-far');
    await page.getByRole('button', { name: 'One term further' }).click();
    await soFar.filter({ hasText: `After 9 of ${columns}:` }).waitFor(PATIENCE);
    await page.getByRole('button', { name: 'Play', exact: true }).click();
    await soFar.filter({ hasText: `After 1` }).waitFor(PATIENCE);
    await page.getByRole('button', { name: 'To the end' }).click();
    await soFar
      .filter({ hasText: `After ${columns} of ${columns}: ${signed(product.sum)}` })
      .waitFor(PATIENCE);
    await close();
  });

  test('the picture is moved and zoomed by pointer, and shows the colours of its weights', async () => {
    const { page, close } = await open(served, DESKTOP);
    await page.locator('.inside-total', { hasText: /^Of/ }).waitFor(PATIENCE);
    const map = page.locator('.inside-map');
    const canvas = map.locator('canvas');
    await canvas.scrollIntoViewIfNeeded();
    await page.getByRole('button', { name: 'Single weights' }).click();
    const { rows, columns } = inside.overview('tales').matrices.find(({ name }) => name === 'q')!;
    const request = { layer: 2, name: 'q', row: 0, rows, column: 0, columns, step: 1 } as const;
    const weights = await inside.tile(request);
    const seen = map.locator('.inside-seen');
    const box = (await canvas.boundingBox())!;
    for (const [x, y] of [
      [3.5, 2.5],
      [10.5, 7.5],
      [20.5, 4.5],
    ] as const) {
      await page.mouse.click(box.x + 30 * x, box.y + 30 * y);
      const at = { row: Math.floor(y), column: Math.floor(x) };
      const value = weights[at.row * columns + at.column]!;
      await seen
        .filter({ hasText: `Row ${at.row}, column ${at.column}: ${signed(value)}, in byte` })
        .waitFor(PATIENCE);
    }
    const before = await pixels(canvas);
    assert.ok(before >= 4, `${before} colours`);
    await page.mouse.move(box.x + 400, box.y + 300);
    await page.mouse.down();
    await page.mouse.move(box.x + 100, box.y + 150, { steps: 4 });
    await page.mouse.up();
    await page.mouse.click(box.x + 15, box.y + 15);
    await seen.filter({ hasText: 'Row 5, column 10:' }).waitFor(PATIENCE);
    await page.mouse.wheel(0, 2000);
    await page.getByRole('button', { name: 'Whole table' }).click();
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    await seen.filter({ hasText: /Row 12\d, column 12\d/ }).waitFor(PATIENCE);
    await close();
  });

  test('on this device, the same product comes out', async () => {
    const { page, close } = await open(served, PHONE, 'dark', 'device');
    await page.locator('.inside-total', { hasText: /^Of/ }).waitFor(PATIENCE);
    await page.locator('.inside-facts', { hasText: /wasm-/ }).waitFor(PATIENCE);
    await page.locator('.inside-row input').fill('7');
    await page.keyboard.press('Tab');
    const product = await inside.dot({ layer: 2, name: 'q' }, 7, 'Once upon a time');
    const sum = page.locator('.inside-total-sum dd').first();
    await sum.filter({ hasText: signed(product.sum) }).waitFor(PATIENCE);
    assert.equal(await page.locator('.inside-total-sum .result dt', { hasText: 'bit for bit' }).count(), 1);
    await close();
  });

  for (const [viewport, scheme] of [
    [DESKTOP, 'dark'],
    [PHONE, 'light'],
  ] as const) {
    test(`axe finds nothing, and nothing shifts: ${viewport.width} pixels, ${scheme}`, async () => {
      const { page, close } = await open(served, viewport, scheme);
      await page.locator('.inside-total', { hasText: /^Of/ }).waitFor(PATIENCE);
      await page.locator('.inside-total-sum').waitFor(PATIENCE);
      await page.getByText('The same as a table').click();
      await close();
    });
  }

  test('what there is to be said where nothing can be shown', async () => {
    const nothing = await open(served, DESKTOP, 'light', 'server', (context) =>
      context.route('**/inside?*', async (route) => {
        const overview = await (await route.fetch()).json();
        await route.fulfill({ json: { ...overview, matrices: [] } });
      }),
    );
    await nothing.page.getByText('is not one of those whose weights are').waitFor(PATIENCE);
    await nothing.close();
    const refused = await open(served, DESKTOP, 'light', 'server', (context) =>
      context.route('**/inside?*', (route) =>
        route.fulfill({ status: 200, body: 'no JSON', contentType: 'application/json' }),
      ),
    );
    await refused.page.getByText('The server’s answer cannot be read').waitFor(PATIENCE);
    await refused.page.context().unroute('**/inside?*');
    await refused.page.getByRole('button', { name: 'Try again' }).click();
    await refused.page.locator('.inside-total-sum').waitFor(PATIENCE);
    await refused.close();
  });
}

async function serve(source: string): Promise<string> {
  const listening = await listen(createServer({ models: [source] }), { port: 0 });
  after(() => listening.close());
  return listening.urls[0]!;
}

/** The tab in a window of its own; `close` looks at what it did. */
async function open(
  origin: string,
  viewport: ViewportSize,
  colorScheme: 'light' | 'dark' = 'light',
  place: 'server' | 'device' = 'server',
  prepare: (page: BrowserContext) => Promise<unknown> = async () => {},
): Promise<{ page: Page; close: () => Promise<void> }> {
  const context = await (await sharedBrowser()).newContext();
  await context.addInitScript((chosen) => localStorage.setItem('bitnet.transport', chosen), place);
  await prepare(context);
  const watched = await openPage(`${origin}/#/inside`, { viewport, colorScheme, context });
  const close = async () => {
    await assertSound(watched);
    await context.close();
  };
  return { page: watched.page, close };
}

async function chooseMatrix(page: Page, layer: number, name: string): Promise<void> {
  const choice = page.locator('.inside-choice').first();
  await choice.getByLabel('Layer').selectOption(String(layer));
  await choice.getByLabel('Table').selectOption(name);
}

/** How many colours a picture has. */
function pixels(canvas: Locator): Promise<number> {
  return canvas.evaluate((element) => {
    const picture = element as HTMLCanvasElement;
    const { data } = picture.getContext('2d')!.getImageData(0, 0, picture.width, picture.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });
}

function minus(value: number): string {
  return value.toLocaleString('en').replace('-', '−');
}

function signed(value: number): string {
  return value > 0 ? `+${minus(value)}` : minus(value);
}
