/**
 * Answers that try to be more than text, in the built page in Chromium: markup, links that run scripts or lie, hidden
 * characters, texts without end, texts that parsers choke on. All of it has to be text: nothing runs, nothing is asked for,
 * only a few harmless elements are made, and the page goes on working.
 */
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Page } from 'playwright-core';
import {
  axeFindings,
  closeBrowser,
  HAS_CHROMIUM,
  longTasks,
  openPage,
  PATIENCE,
  PHONE,
  settled,
  type WatchedPage,
} from '../e2e/browser/watched-page.ts';
import { startScriptedServer } from './scripted-server.ts';

const server = HAS_CHROMIUM ? await startScriptedServer() : undefined;
after(closeBrowser);
after(() => server?.close());

/** All that an answer may become. */
const ELEMENTS = new Set(
  'A BLOCKQUOTE BR BUTTON CODE DEL DIV EM FIGCAPTION FIGURE H2 H3 H4 H5 H6 HR LI OL P PRE SECTION SPAN STRONG SUP TABLE TBODY TD TH THEAD TR UL'.split(
    ' ',
  ),
);
const ATTRIBUTES =
  /^(class|dir|href|target|rel|tabindex|start|role|scope|title|type|aria-(label|live|hidden))$/;

const FENCE = '```';

/** What an answer says, and texts that must be seen of it. */
interface Case {
  readonly text: string;
  readonly seen: readonly string[];
}

const CASES: Readonly<Record<string, Case>> = {
  markup: {
    text: [
      '<script>trap()</script>',
      '<img src=x onerror="trap()"> <svg onload=trap()></svg>',
      '<iframe src="https://evil.example/"></iframe><object data="https://evil.example/"></object>',
      '<style>body { display: none }</style><link rel="stylesheet" href="https://evil.example/a.css">',
      '<meta http-equiv="refresh" content="0; url=https://evil.example/"><base href="https://evil.example/">',
      '<form action="https://evil.example/"><input autofocus onfocus=trap()></form>',
      '<a href="javascript:trap()">press</a> <div style="position:fixed;inset:0">over all</div>',
      '<!-- comment --> <![CDATA[ data ]]> <?php trap() ?> &lt;script&gt;trap()&lt;/script&gt;',
      '- <details open ontoggle=trap()>in an item</details>',
      '| <script>trap()</script> | b |\n|---|---|\n| <img src=x onerror=trap()> | one<br>two |',
      '# <b onclick="trap()">heading</b>',
    ].join('\n\n'),
    seen: ['<script>trap()</script>', '<img src=x onerror="trap()">', '<!-- comment -->', 'over all'],
  },
  links: {
    text: [
      '[one](javascript:trap()) [two](JaVaScRiPt:trap()) [three](java&#09;script:trap())',
      '[four](&#106;avascript:trap()) [five](javascript&colon;trap()) [six](\u0001javascript:trap())',
      '[seven](data:text/html,<script>trap()</script>) [eight](vbscript:trap()) [nine](file:///etc/passwd)',
      '<javascript:trap()> <data:text/html;base64,PHNjcmlwdD4=> [ten][bad] ![eleven](javascript:trap())',
      '![twelve](https://evil.example/pixel.png) [![thirteen](https://evil.example/b.png)](javascript:trap())',
      '[https://bank.example/](https://evil.example/) https://bank.example@evil.example/ [//evil.example](//evil.example)',
      '[x](https://evil.example/"onmouseover="trap() "a\\" onmouseover=\\"trap()")',
      '[__proto__] [constructor][__proto__] [^__proto__] [good](https://example.org/a?b=c#d) me@example.org',
      '[bad]: javascript:trap()',
      '[__proto__]: https://example.org/proto',
      '[^__proto__]: a note',
    ].join('\n\n'),
    seen: [
      '(javascript:trap())',
      '(vbscript:trap())',
      '(evil.example)',
      'Image: twelve (evil.example)',
      'a note',
    ],
  },
  hidden: {
    text: `account\u202egnp.exe pass\u200bword \u2066isolate\u2069 \u001b[31mred\u001b[0m \u0000 \u{e0041}\u{e0042} \`code\u202e\`
      family \u{1f468}\u200d\u{1f469}\u200d\u{1f467} e${'\u0301'.repeat(500)} end\n\n${'\u202e\u2066'.repeat(500)}done\n`,
    seen: [
      'U+202E',
      'U+200B',
      'U+2066',
      'U+001B',
      'U+0301 ×',
      '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}',
      'done',
    ],
  },
  tables: {
    text: `| a | b |\n|---|---|\n${'| one | two |\n'.repeat(1500)}\n${'|a'.repeat(3000)}|\n${'|-'.repeat(3000)}|\n\nafter\n`,
    seen: ['one', 'after'],
  },
  code: {
    text: [
      `${FENCE}"><script>trap()</script>\n<script>trap()</script>\n${FENCE}`,
      `${FENCE}html onload=trap()\n<img src=x onerror=trap()>\n${FENCE}`,
      `${FENCE}constructor\nx\n${FENCE}`,
      `${FENCE}__proto__\ny\n${FENCE}`,
      `${FENCE}js\n${'const a = "<b>"; // \u202e\n'.repeat(2500)}`,
    ].join('\n'),
    seen: ['<script>trap()</script>', '<img src=x onerror=trap()>', 'const a = "<b>"; // U+202E'],
  },
  endless: {
    text: `${'a'.repeat(20_000)}\n\n${'Zalgo\u0301\u0302\u0303\u0304\u0305\u0306\u0307\u0308\u0309 '.repeat(200)}\n\nafter\n`,
    seen: ['aaaaaaaaaa', 'after'],
  },
  intricate: {
    text: ['[', ']', '*a ', '*a_ ', '> ', '- ', '1. ', '![', '`a``b', 'a@b.c ', '> - ', '|a']
      .map((piece) => piece.repeat(5000 / piece.length))
      .join('\n\n'),
    seen: ['[[[[[[', ']]]]]]'],
  },
  crowded: {
    text: `${'- a\n'.repeat(4000)}\n${`${FENCE}\n`.repeat(2000)}\n${'# a\n'.repeat(2000)}\nafter\n`,
    seen: ['after'],
  },
};

async function ask(page: Page, { text }: Case): Promise<void> {
  const tokens = text.match(/[\s\S]{1,120}/g) ?? [];
  server!.say({ tokens, tokensPerEvent: Math.ceil(tokens.length / 60) });
  await page.fill('#message', 'Go on.');
  await page.locator('button[aria-label="Send"]:enabled').click(PATIENCE);
  await page.locator('.reply[aria-busy="true"]').waitFor({ ...PATIENCE, state: 'detached' });
  const answer = page.locator('.reply[data-state="complete"] .markdown').last();
  await answer.waitFor(PATIENCE);
  await settled(() => answer.evaluate((made) => `${made.querySelectorAll('*').length} ${made.textContent}`));
}

/** What the last answer became. */
async function made(page: Page) {
  return page
    .locator('.reply .markdown')
    .last()
    .evaluate((markdown) => {
      const elements = [...markdown.querySelectorAll('*')];
      return {
        text: markdown.textContent ?? '',
        elements: [...new Set(elements.map(({ tagName }) => tagName))],
        attributes: [...new Set(elements.flatMap((element) => element.getAttributeNames()))],
        addresses: elements.flatMap((element) => {
          const href = element.getAttribute('href');
          return href === null ? [] : [{ href, rel: element.getAttribute('rel') ?? '' }];
        }),
        count: elements.length,
      };
    });
}

async function openChat(options: Parameters<typeof openPage>[1] = {}): Promise<WatchedPage> {
  const watched = await openPage(`${server!.origin}/`, options);
  const { page } = watched;
  await page.evaluate(() => {
    const sprung: string[] = [];
    Object.assign(globalThis, { sprung, trap: () => sprung.push('trap') });
  });
  page.on('dialog', (dialog) => {
    dialog.dismiss().catch(() => undefined);
    assert.fail(`a dialog: ${dialog.message()}`);
  });
  await page.locator('#message').waitFor(PATIENCE);
  return watched;
}

async function assertHarmless(page: Page, name: string): Promise<void> {
  const { text, elements, attributes, addresses, count } = await made(page);
  assert.deepEqual(
    elements.filter((element) => !ELEMENTS.has(element)),
    [],
    name,
  );
  assert.deepEqual(
    attributes.filter((attribute) => !ATTRIBUTES.test(attribute)),
    [],
    name,
  );
  for (const { href, rel } of addresses) {
    assert.match(href, /^(https?:\/\/|mailto:)/, name);
    assert.equal(rel, 'noopener noreferrer nofollow', name);
  }
  for (const seen of CASES[name]!.seen)
    assert.ok(text.includes(seen), `${name} shows ${JSON.stringify(seen)}`);
  assert.ok(count < 30_000, `${name} became ${count} elements`);
  const sprung = await page.evaluate(() => (globalThis as unknown as { sprung: string[] }).sprung);
  assert.deepEqual(sprung, [], name);
}

/** Nothing was asked for, nothing failed, and the content policy had nothing to forbid. */
async function assertKept({ page, faults }: WatchedPage): Promise<void> {
  assert.deepEqual(faults, []);
  const noticed = await page.evaluate(
    () => (globalThis as unknown as { noticed: { violations: string[] } }).noticed,
  );
  assert.deepEqual(noticed.violations, []);
}

if (HAS_CHROMIUM) {
  test('hostile answers become text, and the page goes on', async (t) => {
    const watched = await openChat();
    const { page } = watched;
    for (const [name, one] of Object.entries(CASES)) {
      await ask(page, one);
      await assertHarmless(page, name);
      const tasks = (await longTasks(page)).map(({ duration }) => duration);
      t.diagnostic(`${name}: longest task so far ${Math.round(Math.max(0, ...tasks))} ms`);
      await page
        .getByRole('link', { name: 'New conversation' })
        .or(page.getByRole('button', { name: 'New conversation' }))
        .first()
        .click();
    }
    assert.equal(new URL(page.url()).origin, server!.origin);
    assert.equal(await page.locator('#message').inputValue(), '');
    await assertKept(watched);
    await watched.close();
  });

  test('what links, hidden characters and markup look like is sound on a phone in the dark', async () => {
    const watched = await openChat({ viewport: PHONE, colorScheme: 'dark' });
    const { page } = watched;
    for (const name of ['markup', 'links', 'hidden'] as const) {
      await ask(page, CASES[name]!);
      await assertHarmless(page, name);
    }
    const inside = await page.locator('.reply .markdown').evaluateAll((all) =>
      all.map((markdown) => {
        const { left, right } = markdown.getBoundingClientRect();
        return left >= 0 && right <= innerWidth;
      }),
    );
    assert.deepEqual(inside, [true, true, true]);
    await assertKept(watched);
    assert.deepEqual(await axeFindings(page, ['minor', 'moderate', 'serious', 'critical']), []);
    await watched.close();
  });

  test('an answer that is loaded again is as harmless as it was', async () => {
    const watched = await openChat();
    const { page } = watched;
    await ask(page, CASES.links!);
    await page.reload();
    await page.locator('.reply .markdown .footnote').waitFor(PATIENCE);
    await page.evaluate(() => Object.assign(globalThis, { sprung: [] }));
    await assertHarmless(page, 'links');
    await watched.close();
  });
}
