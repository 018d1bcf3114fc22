import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import type { BitnetError } from '../base/errors.ts';
import { writeOutputFile } from './output-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'bitnet-output-'));
const path = join(folder, 'out.bin');
after(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder);
});

const bytes = (text: string) => new TextEncoder().encode(text);
const hasCode = (code: string) => (error: BitnetError) => error.code === code;

test('what is written is there under its name, and nothing else is', async () => {
  const length = await writeOutputFile(path, false, async (sink) => {
    await sink(bytes('one '));
    assert.ok(!readdirSync(folder).includes('out.bin'), 'no file before it is complete');
    await sink(bytes('two'));
    return 7;
  });
  assert.equal(length, 7);
  assert.equal(readFileSync(path, 'utf8'), 'one two');
  assert.deepEqual(readdirSync(folder), ['out.bin']);
});

test('a file that is there stays, unless it may be replaced', async () => {
  writeFileSync(path, 'old');
  await assert.rejects(
    writeOutputFile(path, false, (sink) => sink(bytes('new'))),
    hasCode('output/exists'),
  );
  assert.equal(readFileSync(path, 'utf8'), 'old');
  await writeOutputFile(path, true, (sink) => sink(bytes('new')));
  assert.equal(readFileSync(path, 'utf8'), 'new');
});

test('what a killed process of the same number left half written is written over', async () => {
  writeFileSync(`${path}.${process.pid}.part`, 'half of something longer');
  await writeOutputFile(path, false, (sink) => sink(bytes('new')));
  assert.equal(readFileSync(path, 'utf8'), 'new');
  assert.deepEqual(readdirSync(folder), ['out.bin']);
});

test('a failure in the middle leaves the old file and no half of the new one', async () => {
  writeFileSync(path, 'old');
  const failure = new Error('no more bytes');
  const writing = writeOutputFile(path, true, async (sink) => {
    await sink(bytes('ne'));
    throw failure;
  });
  await assert.rejects(writing, failure);
  assert.equal(readFileSync(path, 'utf8'), 'old');
  assert.deepEqual(readdirSync(folder), ['out.bin']);
});

test('a place that cannot be written to is one sentence', async () => {
  const nowhere = join(folder, 'nowhere', 'out.bin');
  await assert.rejects(
    writeOutputFile(nowhere, false, (sink) => sink(bytes('x'))),
    (error: BitnetError) => error.message === `${nowhere} cannot be written: its folder does not exist`,
  );
  await assert.rejects(
    writeOutputFile(folder, true, (sink) => sink(bytes('x'))),
    hasCode('output/not-a-file'),
  );
});
