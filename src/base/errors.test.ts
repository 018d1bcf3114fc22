import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BitnetError } from './errors.ts';

test('a message is one line without control characters, whatever it quotes', () => {
  const { message } = new BitnetError('a/b', 'tensor \u001b[2J\nx\t\u0085\u202egpj.exe\u2028: é 🍏 is bad');
  assert.equal(message, 'tensor \\u001b[2J\\nx\\t\\u0085\\u202egpj.exe\\u2028: é 🍏 is bad');
});

test('an endless name is cut, and the beginning and the end of the sentence stay', () => {
  const { message } = new BitnetError('a/b', `tensor ${'x'.repeat(1e6)} is bad; do this`);
  assert.ok(message.length < 1200);
  assert.match(message, /^tensor x+…x+ is bad; do this$/);
});
