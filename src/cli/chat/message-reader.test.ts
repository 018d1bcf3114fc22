import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageReader } from './message-reader.ts';

/** The messages of lines; a line that begins with `paste:` is in the middle of a paste. */
function read(...lines: string[]): (string | undefined)[] {
  const reader = new MessageReader();
  return lines.map((line) =>
    line.startsWith('paste:') ? reader.push(line.slice(6), true) : reader.push(line),
  );
}

test('a line is a message', () => {
  assert.deepEqual(read('one', '', 'two "quoted"'), ['one', '', 'two "quoted"']);
});

test('a backslash at the end continues the message', () => {
  assert.deepEqual(read('one\\', 'two\\', 'three', 'four'), [
    undefined,
    undefined,
    'one\ntwo\nthree',
    'four',
  ]);
});

test('fences hold everything between them', () => {
  assert.deepEqual(read('"""', 'one\\', '', '  two', '"""'), [
    undefined,
    undefined,
    undefined,
    undefined,
    'one\\\n\n  two',
  ]);
  assert.deepEqual(read('"""one', 'two"""'), [undefined, 'one\ntwo']);
  assert.deepEqual(read('"""one"""', 'next'), ['one', 'next']);
});

test('pasted lines wait for the line after them', () => {
  assert.deepEqual(read('paste:one\\', 'paste:two', 'three', 'next'), [
    undefined,
    undefined,
    'one\\\ntwo\nthree',
    'next',
  ]);
  assert.deepEqual(read('paste:"""', 'paste:one', 'paste:"""'), [undefined, undefined, 'one']);
});

test('what is unfinished can be taken or forgotten', () => {
  const reader = new MessageReader();
  reader.push('one\\');
  assert.equal(reader.isOpen, true);
  assert.equal(reader.flush(), 'one');
  assert.equal(reader.isOpen, false);
  assert.equal(reader.flush(), undefined);
  reader.push('"""');
  reader.clear();
  assert.equal(reader.push('two'), 'two');
});
