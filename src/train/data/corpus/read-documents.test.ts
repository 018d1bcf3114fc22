import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BitnetError } from '../../../base/errors.ts';
import { memorySource } from '../../../formats/sources/memory.ts';
import { createCorpus } from './corpus.ts';
import type { TrainingDocument } from './document.ts';
import { type DocumentFormat, readDocuments } from './read-documents.ts';

const utf8 = new TextEncoder();

type Read = { where: string; text?: string; messages?: unknown };

async function read(content: string | Uint8Array, format: DocumentFormat, name = 'file'): Promise<Read[]> {
  const bytes = typeof content === 'string' ? utf8.encode(content) : content;
  return collect(readDocuments(memorySource(bytes, name), format));
}

async function collect(documents: AsyncIterable<TrainingDocument>): Promise<Read[]> {
  const found: Read[] = [];
  for await (const document of documents) {
    const { where } = document;
    if (document.kind === 'conversation') {
      found.push({ where, messages: document.messages });
      continue;
    }
    let text = '';
    for await (const part of document.parts) text += part;
    found.push({ where, text });
  }
  return found;
}

function refuses(
  content: string | Uint8Array,
  format: DocumentFormat,
  code: string,
  message: RegExp,
): Promise<void> {
  return assert.rejects(read(content, format, 'data.x'), (error: unknown) => {
    assert.ok(error instanceof BitnetError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  });
}

test('a text file is one document, every character of it', async () => {
  assert.deepEqual(await read(' One\r\n\r\ntwo é🍏\n', 'text', 'a.txt'), [
    { where: 'a.txt', text: ' One\r\n\r\ntwo é🍏\n' },
  ]);
  assert.equal((await read('\ufeffx\ufeff', 'text'))[0]!.text, 'x\ufeff');
});

test('a long text comes in parts that are together the text', async () => {
  for (const piece of ['a line of text\n', 'é', '🍏', '\n', 'a🍏\n\n']) {
    const text = piece.repeat(Math.ceil(2_500_000 / utf8.encode(piece).length));
    assert.ok((await read(text, 'text'))[0]!.text === text, JSON.stringify(piece));
  }
});

test('what is not UTF-8 is told with its place', async () => {
  const bytes = utf8.encode('é'.repeat(800_000));
  bytes[1_234_568] = 0xff;
  await refuses(bytes, 'text', 'train/not-text', /^data\.x is not text in UTF-8: byte 1234568 is wrong/);
  await refuses(Uint8Array.of(0x61, 0xc3), 'text', 'train/not-text', /byte 1 is wrong/);
  await refuses(new Uint8Array(3_000_000).fill(0x80), 'text', 'train/not-text', /byte 0 is wrong/);
  await refuses(utf8.encode('a\0b\0'), 'text', 'train/not-text', /UTF-16/);
  await refuses('', 'text', 'train/empty-file', /^data\.x is empty/);
  await refuses('', 'jsonl', 'train/empty-file', /^data\.x is empty/);
});

test('each line of a JSONL file is a document, whatever the line ends are', async () => {
  const messages = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Hello' },
  ];
  const lines = [{ text: 'a\nb' }, { messages, id: 7 }, { text: 'é🍏', source: null }];
  const expected = [
    { where: 'f line 1', text: 'a\nb' },
    { where: 'f line 2', messages },
    { where: 'f line 3', text: 'é🍏' },
  ];
  const texts = lines.map((line) => JSON.stringify(line));
  assert.deepEqual(await read(texts.join('\n'), 'jsonl', 'f'), expected);
  assert.deepEqual(await read(`\ufeff${texts.join('\r\n')}\r\n`, 'jsonl', 'f'), expected);
});

test('lines are read across blocks', async () => {
  const texts = Array.from({ length: 40 }, (_, i) => String.fromCharCode(97 + (i % 26)).repeat(100_000));
  const content = texts.map((text) => JSON.stringify({ text })).join('\n');
  assert.deepEqual(
    (await read(content, 'jsonl')).map(({ text }) => text),
    texts,
  );
});

test('wrong lines are named by number with what is wrong', async () => {
  const good = '{"text":"x"}\n';
  const wrong: [string, RegExp][] = [
    ['{"text":"x"', /^data\.x line 2 is not JSON: /],
    ['', /line 2 is not JSON: it is empty/],
    ['[1]', /line 2 is a list, not an object/],
    ['"text"', /line 2 is "text", not an object/],
    ['{}', /line 2 has neither "text" nor "messages"/],
    ['{"text":"a","messages":[]}', /line 2 has both/],
    ['{"text":5}', /line 2 has 5 as "text" where text is needed/],
    ['{"text":null}', /line 2 has missing as "text"|line 2 has neither/],
    ['{"text":""}', /line 2 has an empty "text"/],
    ['{"text":"\\ud800"}', /line 2 has half of a character in "text"/],
    ['{"messages":"hi"}', /line 2 has "hi" as "messages"/],
    ['{"messages":[]}', /line 2 has an empty list as "messages"/],
    ['{"messages":[7]}', /line 2 has 7 as message 1, not an object/],
    ['{"messages":[{"content":"x"}]}', /line 2 has missing as the role of message 1/],
    ['{"messages":[{"role":"user","content":[]}]}', /line 2 has a list as the content of message 1/],
    ['{"__proto__":{"text":"x"}}', /line 2 has neither/],
  ];
  for (const [line, message] of wrong)
    await refuses(`${good}${line}\n${good}`, 'jsonl', 'train/bad-line', message);
  const bytes = utf8.encode(`${good}{"text":"é"}`);
  bytes[bytes.length - 3] = 0x20;
  await refuses(bytes, 'jsonl', 'train/bad-line', /^data\.x line 2 is not text in UTF-8/);
});

test('hostile JSONL gives documents or one error of ours', async () => {
  const fragment = fc.constantFrom(
    '{',
    '}',
    '"text"',
    ':',
    '"x"',
    '[',
    ']',
    ',',
    '"messages"',
    '\n',
    '\\',
    '1e999',
    '\0',
  );
  const content = fc.oneof(
    fc.array(fragment, { maxLength: 20 }).map((parts) => utf8.encode(parts.join(''))),
    fc.uint8Array({ maxLength: 60 }),
    fc.json().map((json) => utf8.encode(json)),
  );
  await fc.assert(
    fc.asyncProperty(content, async (bytes) => {
      try {
        for (const { text } of await read(bytes, 'jsonl')) assert.ok(text === undefined || text.length > 0);
      } catch (error) {
        assert.ok(error instanceof BitnetError, String(error));
      }
    }),
    { numRuns: 500 },
  );
});

test('the fingerprint of a corpus is of contents, formats and order', async () => {
  const file = (content: string, format: DocumentFormat, name = 'n') => {
    const bytes = utf8.encode(content);
    return { name, format, size: bytes.length, open: async () => memorySource(bytes, name) };
  };
  const print = (...files: ReturnType<typeof file>[]): Promise<string> => createCorpus(files).fingerprint();
  const a = file('{"text":"a"}', 'jsonl');
  const b = file('b', 'text');
  const expected = await print(a, b);
  assert.equal(await print({ ...a, name: 'other' }, b), expected);
  assert.notEqual(await print(b, a), expected);
  assert.notEqual(await print({ ...a, format: 'text' }, b), expected);
  assert.notEqual(await print(a, file('c', 'text')), expected);
  assert.notEqual(await print(a), expected);
  const corpus = createCorpus([a, b]);
  assert.deepEqual(
    (await collect(corpus.documents())).map(({ text }) => text),
    ['a', 'b'],
  );
  assert.equal(corpus.bytes, 13);
});
