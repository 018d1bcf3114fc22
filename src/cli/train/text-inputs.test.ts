import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Corpus } from '../../train/data/corpus/corpus.ts';
import { openTextInputs } from './text-inputs.ts';

const root = await mkdtemp(join(tmpdir(), 'bitnet-text-'));
after(() => rm(root, { recursive: true }));

async function put(name: string, content: string): Promise<string> {
  const path = join(root, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, content);
  return path;
}

async function textsOf(corpus: Corpus): Promise<string[]> {
  const texts: string[] = [];
  for await (const document of corpus.documents()) {
    assert.equal(document.kind, 'text');
    let text = '';
    if (document.kind === 'text') for await (const part of document.parts) text += part;
    texts.push(text);
  }
  return texts;
}

test('a folder stands for the texts below it, in the order of their names', async () => {
  await put('data/b.txt', 'two');
  await put('data/a/z.MD', 'one');
  await put('data/c.jsonl', '{"text":"three"}\n{"text":"four"}\n');
  await put('data/B.txt', 'zero');
  await put('data/picture.png', 'x');
  await symlink(join(root, 'data'), join(root, 'data', 'loop'));
  const corpus = await openTextInputs([join(root, 'data'), join(root, 'data', 'b.txt')]);
  assert.deepEqual(await textsOf(corpus), ['zero', 'one', 'two', 'three', 'four', 'two']);
  assert.equal(corpus.files, 5);
  assert.equal(corpus.bytes, 3 + 3 + 33 + 4 + 3);
  assert.equal(corpus.notes.length, 1);
  assert.match(corpus.notes[0]!, /^2 files were left out of .*data, .*loop.*picture\.png/);
});

test('files are read when they are needed', async () => {
  const path = await put('later.txt', 'then');
  const corpus = await openTextInputs([path]);
  const before = await corpus.fingerprint();
  await writeFile(path, 'now!');
  assert.deepEqual(await textsOf(corpus), ['now!']);
  assert.notEqual(await corpus.fingerprint(), before);
  await rm(path);
  await assert.rejects(textsOf(corpus), { code: 'source/not-found' });
});

test('what is no text is refused by name', async () => {
  await mkdir(join(root, 'empty'));
  const table = await put('table.csv', 'a,b');
  await assert.rejects(openTextInputs([]), { code: 'train/no-text' });
  await assert.rejects(openTextInputs([join(root, 'empty')]), {
    code: 'train/no-text',
    message: /empty: there is no/,
  });
  await assert.rejects(openTextInputs([table]), { code: 'train/unknown-text-format', message: /table\.csv/ });
  const gone = join(root, 'gone.txt');
  await assert.rejects(openTextInputs([gone]), {
    code: 'train/unreadable',
    message: /gone\.txt: there is no such/,
  });
});
