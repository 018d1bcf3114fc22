/**
 * How the page reads a model's answer, without a browser: the modules of web/chat that need none are bundled for Node. A text
 * that comes in pieces must end as the same blocks as the whole, nothing may stay hidden in it, and no address leads anywhere
 * but to a page or a letter.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { build } from 'vite';

// This file runs as build/test/web/answer-text.test.js.
const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'bitnet-answers-'));
after(() => rmSync(folder, { recursive: true, force: true }));

interface Block {
  readonly start: number;
  readonly source: string;
  readonly isOpen: boolean;
  readonly content:
    | {
        readonly kind: 'markdown';
        readonly node: { readonly type: string; readonly [key: string]: unknown };
        readonly level: number | undefined;
      }
    | { readonly kind: 'code'; readonly language: string; readonly code: string }
    | { readonly kind: 'plain'; readonly text: string };
}
interface GrowingDocument {
  readonly blocks: readonly Block[];
  update(text: string, isComplete: boolean): void;
  work(deadline: number): boolean;
}
interface Modules {
  readonly growing: { readonly GrowingDocument: new () => GrowingDocument };
  readonly marks: { closeOpenMarks(text: string): string };
  readonly hidden: { visibleParts(text: string): (string | { code: string; name: string; count: number })[] };
  readonly link: {
    safeAddress(address: string): { href: string; target: string } | undefined;
    misleads(text: string, address: object): boolean;
  };
  readonly fence: {
    readFence(text: string): { language: string; code: string; end: number; isClosed: boolean };
  };
  readonly parts: {
    splitCode(code: string): string[];
    partEnds(code: string): number[];
    splitRuns(
      runs: readonly { kind?: string; text: string }[],
      ends: readonly number[],
    ): { text: string }[][];
  };
  readonly figures: {
    replyFigures(tokens: readonly object[]): { perplexity: number; leastLikely: number; meanLogprob: number };
    placeFigures(token: object): {
      rank: number | undefined;
      choices: { text: string; isChosen: boolean }[];
      rest: number;
      bits: number;
    };
    percent(probability: number): string;
    decimal(value: number, digits: number): string;
    levelOf(logprob: number): number;
  };
}

const SOURCES: Readonly<Record<keyof Modules, string>> = {
  growing: 'markdown/growing-document.ts',
  marks: 'markdown/open-marks.ts',
  hidden: 'markdown/hidden-characters.ts',
  link: 'markdown/safe-link.tsx',
  fence: 'code/fenced-code.ts',
  parts: 'code/code-parts.ts',
  figures: 'tokens/token-figures.ts',
};

async function bundled(): Promise<Modules> {
  const input = Object.fromEntries(
    Object.entries(SOURCES).map(([name, path]) => [name, join(root, 'web', 'chat', path)]),
  );
  await build({
    root: join(root, 'web'),
    configFile: false,
    publicDir: false,
    logLevel: 'silent',
    ssr: { noExternal: true },
    build: {
      ssr: true,
      outDir: folder,
      emptyOutDir: true,
      minify: false,
      rolldownOptions: { input, output: { entryFileNames: '[name].mjs' } },
    },
  });
  const modules = await Promise.all(
    Object.keys(SOURCES).map(async (name) => [
      name,
      await import(pathToFileURL(join(folder, `${name}.mjs`)).href),
    ]),
  );
  return Object.fromEntries(modules) as Modules;
}

const { growing, marks, hidden, link, fence, parts, figures } = await bundled();

/** The blocks of a text that came in pieces of these lengths, or at once. */
function blocksOf(text: string, lengths: readonly number[] = []): readonly Block[] {
  const document = new growing.GrowingDocument();
  let shown = 0;
  for (const length of lengths) {
    shown = Math.min(text.length, shown + length);
    document.update(text.slice(0, shown), false);
    while (!document.work(Number.POSITIVE_INFINITY));
  }
  document.update(text, true);
  while (!document.work(Number.POSITIVE_INFINITY));
  return document.blocks;
}

/** What of blocks is seen. */
function seen(blocks: readonly Block[]): unknown {
  const copy = JSON.stringify(
    blocks.map(({ content }) => content),
    (key, value) => (key === 'position' ? undefined : value),
  );
  return JSON.parse(copy) as unknown;
}

function typesOf(blocks: readonly Block[]): string[] {
  return blocks.map(({ content }) => (content.kind === 'markdown' ? content.node.type : content.kind));
}

const FRAGMENTS = [
  'A sentence with **bold**, *thin* and `code`.',
  'Two lines\nof one paragraph.',
  '# A heading',
  'Underlined\n===',
  '- one\n- two\n  - three',
  '1. first\n2. second\n\n   with a paragraph',
  '> quoted\n> text',
  '```js\nconst a = 1;\n\nlet b;\n```',
  '~~~\n# no heading\n~~~',
  '- item\n\n  ```c\n  int x;\n  ```',
  '| a | b |\n|---|---|\n| 1 | 2 |',
  '---',
  '- [ ] to do\n- [x] done',
  '<b>no markup</b>',
  '#hashtag',
  '    indented',
  'a [link](https://example.org/) and ![picture](https://example.org/p.png)',
  '**never closed',
  '```\nnever closed',
];

test('an answer that comes in pieces ends as the same blocks as the whole', () => {
  const texts = fc
    .array(fc.constantFrom(...FRAGMENTS), { minLength: 1, maxLength: 12 })
    .chain((chosen) => fc.tuple(fc.constant(chosen.join('\n\n')), fc.constantFrom('\n\n', '\n')))
    .map(([text, end]) => text + end);
  const lengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 25 });
  fc.assert(
    fc.property(texts, lengths, (text, pieces) => {
      assert.deepEqual(seen(blocksOf(text, pieces)), seen(blocksOf(text)));
    }),
    { numRuns: 60 },
  );
});

test('what has settled is never made anew while more comes', () => {
  const text = `${FRAGMENTS.slice(0, 17).join('\n\n')}\n\n`.repeat(3);
  const document = new growing.GrowingDocument();
  const settled = new Map<number, Block>();
  for (let length = 1; length <= text.length; length += 7) {
    document.update(text.slice(0, length), false);
    while (!document.work(Number.POSITIVE_INFINITY));
    for (const block of document.blocks) {
      const before = settled.get(block.start);
      if (before !== undefined) assert.equal(block, before, JSON.stringify(block.source));
      if (!block.isOpen) settled.set(block.start, block);
    }
  }
  assert.ok(settled.size > 40, `${settled.size} blocks`);
});

test('a long list is divided, and goes on counting even if all its numbers are 1', () => {
  const text = '1. an item of some length, so that the list becomes a long one\n'.repeat(200);
  const lists = blocksOf(
    text,
    Array.from({ length: 300 }, () => 50),
  );
  assert.ok(lists.length > 1);
  let next = 1;
  for (const { content } of lists) {
    assert.ok(content.kind === 'markdown' && content.node.type === 'list');
    assert.equal(content.node.start, next);
    next += (content.node.children as unknown[]).length;
  }
  assert.equal(next, 201);
});

test('links may be defined after they are used, footnotes too', () => {
  const text = `See [there][a] and [^n].\n\n${'Much text.\n\n'.repeat(400)}[a]: https://example.org/\n\n[^n]: A note.\n`;
  const first = JSON.stringify(seen(blocksOf(text, [500, 3000, 500])));
  assert.match(first, /"type":"link"[^}]*"url":"https:\/\/example\.org\/"|"url":"https:\/\/example\.org\/"/);
  assert.match(first, /"type":"footnoteReference"/);
  assert.equal(first, JSON.stringify(seen(blocksOf(text))));
});

test('no heading is more than one level below the heading before it', () => {
  const text = '### a\n\n##### b\n\n## c\n\n> # quoted\n\n#### d\n\n# e\n\n### f\n';
  for (const lengths of [[], [4, 9, 3, 11, 2]]) {
    const levels = blocksOf(text, lengths).flatMap(({ content }) =>
      content.kind === 'markdown' && content.node.type === 'heading' ? [content.level] : [],
    );
    assert.deepEqual(levels, [1, 2, 1, 2, 1, 2]);
  }
});

test('markup is text', () => {
  const text = '<script>alert(1)</script>\n\n<div onclick="x()">\n\na <img src=x onerror=y> b\n';
  const blocks = blocksOf(text);
  assert.deepEqual(typesOf(blocks), ['paragraph', 'paragraph', 'paragraph']);
  assert.doesNotMatch(JSON.stringify(seen(blocks)), /"type":"html"/);
});

test('text that parsers need long for is shown as it is written, and all of it is there', () => {
  for (const piece of [
    '[',
    ']',
    '*a ',
    '*a_ ',
    'a*',
    '>',
    '> ',
    '- ',
    '1. ',
    '> - ',
    '[a](',
    '![',
    '~~a ',
    '|a',
  ]) {
    const text = piece.repeat(Math.ceil(30_000 / piece.length));
    for (const lengths of [[], [1000, 9000, 500]]) {
      const shown = blocksOf(text, lengths)
        .map(({ source }) => source)
        .join('');
      assert.equal(shown.replace(/\s/g, ''), text.replace(/\s/g, ''), piece);
    }
  }
  const blocks = blocksOf('- a\n'.repeat(25_000));
  assert.equal(blocks.at(-1)!.content.kind, 'plain');
});

test('while it is written, marks that are open are closed and those without text left out', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['a **bo', 'a **bo**'],
    ['a **bold*', 'a **bold**'],
    ['a **bold and *thin', 'a **bold and *thin***'],
    ['a **', 'a '],
    ['a `co', 'a `co`'],
    ['a ``co`de', 'a ``co`de``'],
    ['a ~~str', 'a ~~str~~'],
    ['a [link](https://exa', 'a link'],
    ['a ![picture](https://exa', 'a picture'],
    ['a [link](https://example.org/) b', 'a [link](https://example.org/) b'],
    ['snake_case_na', 'snake_case_na'],
    ['2 * 3 * 4', '2 * 3 * 4'],
    ['a \\*no', 'a \\*no'],
    ['text\n-', 'text\n'],
    ['text\n##', 'text\n'],
    ['text\n``', 'text\n'],
    ['| a | **b', '| a | **b**'],
    ['done **bold**\n\nnext *th', 'done **bold**\n\nnext *th*'],
    ['', ''],
  ];
  for (const [text, expected] of cases) assert.equal(marks.closeOpenMarks(text), expected);
});

test('hidden characters get a mark, where no script or emoji needs them', () => {
  const code = (text: string) =>
    hidden.visibleParts(text).flatMap((part) => (typeof part === 'string' ? [] : [part.code]));
  assert.deepEqual(code('a\u202eb\u2066c\u2069'), ['U+202E', 'U+2066', 'U+2069']);
  assert.deepEqual(code('pass\u200bword \ufeff x\u00ady'), ['U+200B', 'U+FEFF', 'U+00AD']);
  assert.deepEqual(code('\u001b[31mred\u0000'), ['U+001B', 'U+0000']);
  assert.deepEqual(code('tags \u{e0041}\u{e0042}'), ['U+E0041']);
  assert.deepEqual(code('a\u200db\u200cc\ufe0fd\u200e'), ['U+200D', 'U+200C', 'U+FE0F', 'U+200E']);
  assert.deepEqual(code('\ufe0f'.repeat(3)), ['U+FE0F']);
  for (const text of [
    '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}',
    '\u2764\ufe0f\u200d\u{1f525}',
    '\u{1f3f4}\u{e0067}\u{e0062}\u{e0073}\u{e0063}\u{e0074}\u{e007f}',
    'می\u200cخواهم',
    'क्\u200dष',
    'שלום\u200f!',
    'tabs\tand\nlines',
    'ấn Zürich ế',
  ]) {
    assert.deepEqual(hidden.visibleParts(text), [text]);
  }
  assert.deepEqual(hidden.visibleParts(`e${'\u0301'.repeat(40)}`), [
    `e${'\u0301'.repeat(5)}`,
    { code: 'U+0301', name: 'accent upon accents', count: 35 },
  ]);
  assert.ok(hidden.visibleParts('a\u200b'.repeat(50_000)).length < 300);
});

test('only pages and letters can be led to, and other places than the text says are named', () => {
  for (const address of [
    'javascript:alert(1)',
    ' JaVaScRiPt:alert(1)',
    'java\tscript:alert(1)',
    'java\nscript:alert(1)',
    '\u0001javascript:alert(1)',
    'data:text/html,<script>alert(1)</script>',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://example.org/1',
    'ftp://example.org/',
    '//example.org/',
    '/v1/models',
    '#/chat',
    'https://',
    '',
  ]) {
    assert.equal(link.safeAddress(address), undefined, address);
  }
  assert.equal(link.safeAddress('HTTPS://EXAMPLE.org/a b')?.href, 'https://example.org/a%20b');
  const misleads = (text: string, address: string) => link.misleads(text, link.safeAddress(address)!);
  assert.ok(misleads('https://bank.example', 'https://other.example/'));
  assert.ok(misleads('bank.example/login', 'https://other.example/bank.example'));
  assert.ok(misleads('www.bank.example', 'https://bank.example.evil.example/'));
  assert.ok(misleads('раураl.com', 'https://xn--80ak6aa92e.com/'));
  assert.ok(misleads('here', 'https://bank.example@other.example/'));
  assert.ok(misleads('me@bank.example', 'mailto:you@other.example'));
  assert.ok(!misleads('here', 'https://example.org/'));
  assert.ok(!misleads('https://example.org/path', 'https://example.org/path'));
  assert.ok(!misleads('www.example.org', 'http://www.example.org'));
  assert.ok(!misleads('me@example.org', 'mailto:me@example.org'));
});

test('fenced code is read by its lines', () => {
  assert.deepEqual(fence.readFence('```js\na\n```\nb'), {
    language: 'js',
    code: 'a',
    end: 12,
    isClosed: true,
  });
  assert.deepEqual(fence.readFence('````\n```\n````'), {
    language: '',
    code: '```',
    end: 13,
    isClosed: true,
  });
  const { code, isClosed } = fence.readFence('  ```\n  a\n   b\n``');
  assert.deepEqual({ code, isClosed }, { code: 'a\n b', isClosed: false });
});

test('code and its colours are divided at the same lines', () => {
  const code = Array.from({ length: 100 }, (_, line) => `line ${line}\n`).join('');
  const runs = [
    { kind: 'comment', text: code.slice(0, 400) },
    { kind: undefined, text: code.slice(400) },
  ].map(({ kind, text }) => (kind === undefined ? { text } : { kind, text }));
  const coloured = parts
    .splitRuns(runs, parts.partEnds(code))
    .map((part) => part.map(({ text }) => text).join(''));
  assert.deepEqual(coloured, parts.splitCode(code));
  assert.equal(coloured.join(''), code);
  assert.deepEqual(parts.splitCode(''), ['']);
});

test('figures of tokens', () => {
  const choice = (text: string, probability: number) => ({ text, logprob: Math.log(probability) });
  const token = (text: string, probability: number, ...alternatives: object[]) => ({
    ...choice(text, probability),
    alternatives,
  });
  const place = figures.placeFigures(token('b', 0.25, choice('a', 0.5), choice('b', 0.25)));
  assert.equal(place.rank, 2);
  assert.ok(Math.abs(place.rest - 0.25) < 1e-9);
  assert.ok(Math.abs(place.bits - 1.5) < 1e-9);
  const rare = figures.placeFigures(token('c', 0.01, choice('a', 0.5), choice('b', 0.25)));
  assert.equal(rare.rank, undefined);
  assert.deepEqual(
    rare.choices.map(({ text, isChosen }) => `${text}${isChosen ? '!' : ''}`),
    ['a', 'b', 'c!'],
  );
  const reply = figures.replyFigures([token('a', 0.5), token('b', 0.125), token('c', 0.25)]);
  assert.equal(reply.leastLikely, 1);
  assert.ok(Math.abs(reply.perplexity - 4) < 1e-9);
  assert.equal(figures.percent(0.4249), '42\u00a0%');
  assert.equal(figures.percent(0.00001), 'under 0.01\u00a0%');
  assert.equal(figures.decimal(-0.5, 2), '\u22120.50');
  assert.deepEqual(
    [0, Math.log(0.6), Math.log(0.001), Number.NEGATIVE_INFINITY].map(figures.levelOf),
    [0, 1, 5, 5],
  );
});
