import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BitnetError, ContextLengthExceeded } from '../base/errors.ts';
import { describeFailure, Stopped, UsageError } from './errors.ts';

test('each kind of error has its status and one line', () => {
  assert.deepEqual(describeFailure(new UsageError('wrong'), false), { message: 'bitnet: wrong', status: 2 });
  assert.deepEqual(describeFailure(new BitnetError('a/b', 'broken'), false), {
    message: 'bitnet: broken',
    status: 1,
  });
  assert.deepEqual(describeFailure(new Stopped(130), false), { message: '', status: 130 });
});

test('an internal error says so, and shows its stack only when asked', () => {
  const quiet = describeFailure(new TypeError('x is undefined'), false);
  assert.equal(quiet.status, 1);
  assert.match(quiet.message, /^bitnet: internal error: x is undefined; .*BITNET_DEBUG=1/);
  assert.ok(!quiet.message.includes('\n'));
  assert.match(describeFailure(new TypeError('x'), true).message, /\n {4}at /);
  assert.match(describeFailure('a string', false).message, /internal error: a string/);
});

test('no text of a file can reach the terminal as a control sequence', () => {
  const { message } = describeFailure(new UsageError('tensor \x1b]0;gotcha\x07\nname'), false);
  assert.equal(message, 'bitnet: tensor ␛]0;gotcha␇␊name');
});

test('options are called what they are on the command line, and what helps there is said', () => {
  const option = new BitnetError('option/contextLength', 'contextLength is 9000, and must be less');
  assert.equal(describeFailure(option, false).message, 'bitnet: --context is 9000, and must be less');
  const missing = new BitnetError('source/not-found', 'x.gguf: there is no such file');
  assert.match(
    describeFailure(missing, false).message,
    /^bitnet: x\.gguf: .*; check the path, or .*`bitnet models`/,
  );
});

test('a full context is explained in terms of the command line', () => {
  const { message } = describeFailure(new ContextLengthExceeded(300, 128), false);
  assert.match(message, /300 tokens do not fit in the context of 128.*--context.*--overflow slide/);
});
