import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readBlocks, readLines } from './lines.ts';
import { memorySource } from './sources/memory.ts';

const utf8 = new TextEncoder();
const text = new TextDecoder();

async function linesOf(content: string, most = 1 << 22): Promise<string[]> {
  const lines: string[] = [];
  for await (const { bytes, isEnded } of readLines(readBlocks(memorySource(utf8.encode(content))), most)) {
    lines.push(text.decode(bytes) + (isEnded ? '|' : ''));
  }
  return lines;
}

test('lines come without their line feeds, the last also where it has none', async () => {
  assert.deepEqual(await linesOf('one\n\ntwo\r\nthree'), ['one|', '|', 'two\r|', 'three']);
  assert.deepEqual(await linesOf('one\n'), ['one|']);
  assert.deepEqual(await linesOf(''), []);
});

test('a line may lie across blocks', async () => {
  const long = 'x'.repeat(5 << 19);
  assert.deepEqual(await linesOf(`a\n${long}\nb`), ['a|', `${long}|`, 'b']);
});

test('a line without an end is given as far as it was read, and is the last', async () => {
  const lines = await linesOf(`a\n${'x'.repeat(5 << 19)}\nb`, 1 << 10);
  assert.equal(lines[0], 'a|');
  assert.match(lines[1]!, /^x{1025,}$/);
  assert.equal(lines.length, 2);
});
