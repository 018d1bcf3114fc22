/**
 * An ordinary answer in the built page, in Chromium: its headings, lists, tables, links and code, with colours, in light and in
 * dark, while it comes and after it; and the button that copies code.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Page } from 'playwright-core';
import {
  axeFindings,
  closeBrowser,
  HAS_CHROMIUM,
  openPage,
  PATIENCE,
  PHONE,
  textOf,
  type WatchedPage,
} from '../e2e/browser/watched-page.ts';
import { type ScriptedReply, startScriptedServer } from './scripted-server.ts';

const server = HAS_CHROMIUM ? await startScriptedServer() : undefined;
after(closeBrowser);
after(() => server?.close());

const FENCE = '```';
const CODE = [
  "import { loadModel } from 'bitnet.ts'; // the package",
  '@decorated class Model extends Base { static count = 0x2a; }',
  'export async function hello(name: string): Promise<number> {',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is what the answer says
  '  return (await loadModel(`models/${name}`)).blockCount ?? null;',
  '}',
].join('\n');
const ANSWER = [
  '### Ternary weights\n\nA *ternary* matrix holds **-1, 0 and +1**, see [the paper](https://arxiv.org/abs/2402.17764).',
  '1. Quantise the activations.\n2. Add and subtract:\n\n   ```c\n   sum += w[i] * x[i];\n   ```\n3. Scale once.',
  '- [x] read\n- [ ] run\n- plain\n  - nested',
  '| Format | Size |\n|:-------|-----:|\n| i2_s | 1.19 GB |\n| tq1_0 | 1.0 GB<br>or less |',
  '> A quotation with `code`.',
  '##### A heading far below',
  `${FENCE}ts\n${CODE}\n${FENCE}`,
  `${FENCE}diff\n- old\n+ new\n${FENCE}`,
  `${FENCE}yaml\n# comment\nkey: "text"\nlist: [1, true]\n${FENCE}`,
  'A note[^1], ~~struck~~, and the end.',
  '[^1]: What the note says.',
].join('\n\n');

async function ask(
  reply: string | ScriptedReply,
  options: Parameters<typeof openPage>[1],
): Promise<WatchedPage> {
  const watched = await openPage(`${server!.origin}/`, options);
  const { page } = watched;
  server!.say(reply);
  await page.locator('#message').waitFor(PATIENCE);
  await page.fill('#message', 'Explain it.');
  await page.locator('button[aria-label="Send"]:enabled').click(PATIENCE);
  return watched;
}

const complete = (page: Page) => page.locator('.reply[data-state="complete"]').waitFor(PATIENCE);

if (HAS_CHROMIUM) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test(`an answer has its elements and its colours, ${colorScheme}`, async () => {
      const watched = await ask(ANSWER, { colorScheme, ...(colorScheme === 'dark' && { viewport: PHONE }) });
      const { page } = watched;
      await complete(page);
      const answer = page.locator('.reply .markdown');
      await answer.locator('.code-keyword').first().waitFor(PATIENCE);
      await answer.locator('.code-inserted').waitFor(PATIENCE);
      await answer.locator('.code-attribute', { hasText: 'key' }).waitFor(PATIENCE);
      assert.equal(await textOf(answer.locator('h2')), 'Ternary weights');
      assert.equal(await textOf(answer.locator('h3')), 'A heading far below');
      assert.deepEqual(await answer.locator('ol > li').count(), 3);
      assert.equal(await answer.locator('ol pre').count(), 1);
      assert.deepEqual(
        await answer
          .locator('.task-box')
          .evaluateAll((all) => all.map((one) => one.getAttribute('aria-label'))),
        ['Done:', 'To do:'],
      );
      assert.match(await textOf(answer.locator('td').last()), /^1\.0 GB\s+or less$/);
      assert.match(await textOf(answer.locator('.footnote')), /^\[1\]\s+What the note says\.$/);
      assert.equal(await answer.locator('pre').nth(1).locator('code').textContent(), CODE);
      assert.deepEqual(await axeFindings(page, ['minor', 'moderate', 'serious', 'critical']), []);
      assert.deepEqual(watched.faults, []);
      await watched.close();
    });
  }

  test('half an answer looks like the beginning of the whole', async () => {
    const tokens = [
      '## Pl',
      'ans\n\nSome **bo',
      'ld** and `co',
      'de` and [a li',
      'nk](https://exam',
      'ple.org/) here',
    ];
    const watched = await ask({ tokens: [...tokens, `.\n\n${FENCE}js\nlet a`], pauseMs: 120 }, {});
    const { page } = watched;
    const seen = new Set<string>();
    const answer = page.locator('.reply .markdown');
    while ((await page.locator('.reply[data-state="complete"]').count()) === 0) {
      if ((await answer.count()) > 0) seen.add(await textOf(answer));
    }
    seen.add(await textOf(answer));
    for (const text of seen) assert.doesNotMatch(text, /[#*`\]]|\(http/, text);
    assert.ok(seen.size > 3, [...seen].join('\n'));
    await watched.close();
  });

  test('code is copied as it is', async () => {
    const watched = await ask(ANSWER, { permissions: ['clipboard-read', 'clipboard-write'] });
    const { page } = watched;
    await complete(page);
    await page.getByRole('button', { name: 'Copy code' }).nth(1).click();
    await page.getByRole('button', { name: 'Copied code' }).waitFor(PATIENCE);
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), CODE);
    await watched.close();
  });
}
