import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { stripVTControlCharacters } from 'node:util';
import { ChatPrompt } from './prompt.ts';

const CTRL_C = '\x03';
const CTRL_D = '\x04';
const UP = '\x1b[A';

/** A prompt on streams that stand for a terminal: `type` presses keys, `screen` is what was shown. */
function openPrompt() {
  const input = new PassThrough();
  const terminal = new PassThrough();
  let screen = '';
  terminal.on('data', (chunk) => {
    screen += chunk;
  });
  const texts = { prompt: '> ', continuation: '. ', leaveHint: 'once more' };
  const prompt = new ChatPrompt(
    texts,
    input as unknown as NodeJS.ReadStream,
    terminal as unknown as NodeJS.WriteStream,
  );
  return {
    prompt,
    type: async (keys: string) => {
      input.write(keys);
      await wait(5);
    },
    /** What was shown, without the sequences that move the cursor. */
    screen: () => stripVTControlCharacters(screen),
  };
}

test('lines are messages, multi-line ones get another prompt', async () => {
  const { prompt, type, screen } = openPrompt();
  const first = prompt.next();
  await type('hello\r');
  assert.equal(await first, 'hello');
  const second = prompt.next();
  await type('\rone\\\r');
  await type('two\r');
  assert.equal(await second, 'one\ntwo');
  assert.match(screen(), /> hello/);
  assert.match(screen(), /\. two/);
  prompt.close();
});

test('the arrow keys bring back earlier lines', async () => {
  const { prompt, type } = openPrompt();
  const first = prompt.next();
  await type('hello\r');
  await first;
  const second = prompt.next();
  await type(`${UP} again\r`);
  assert.equal(await second, 'hello again');
  prompt.close();
});

test('a paste of several lines is one message, sent by the Enter after it', async () => {
  const { prompt, type } = openPrompt();
  const message = prompt.next();
  await type('\x1b[200~one\rtwo\rthree\x1b[201~');
  await type(' and more\r');
  assert.equal(await message, 'one\ntwo\nthree and more');
  prompt.close();
});

test('Ctrl-C at the prompt first says how to leave, then leaves', async () => {
  const { prompt, type, screen } = openPrompt();
  let hasLeft = false;
  const message = prompt.next().then((text) => {
    hasLeft = true;
    return text;
  });
  await type(`half a line${CTRL_C}`);
  assert.match(screen(), /once more/);
  assert.equal(hasLeft, false);
  await type(CTRL_C);
  assert.equal(await message, undefined);
});

test('after a message the first Ctrl-C counts anew, and what was typed is gone', async () => {
  const { prompt, type } = openPrompt();
  const first = prompt.next();
  await type(`rubbish${CTRL_C}`);
  await type('hello\r');
  assert.equal(await first, 'hello');
  const second = prompt.next();
  await type(`begun\\\r${CTRL_C}`);
  await type('whole\r');
  assert.equal(await second, 'whole');
  prompt.close();
});

test('Ctrl-D leaves', async () => {
  const { prompt, type, screen } = openPrompt();
  const message = prompt.next();
  await type(CTRL_D);
  assert.equal(await message, undefined);
  assert.equal(await prompt.next(), undefined);
  assert.ok(screen().endsWith('\n'));
});

test('Ctrl-C while answering stops the answer and nothing else; keys are hidden', async () => {
  const { prompt, type, screen } = openPrompt();
  const never = new AbortController().signal;
  const answer = prompt.whileAnswering(never, async (signal) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    return 'stopped';
  });
  await type('secret');
  await type(CTRL_C);
  assert.equal(await answer, 'stopped');
  assert.ok(!screen().includes('secret'));
  const message = prompt.next();
  await type('on\r');
  assert.equal(await message, 'on');
  prompt.close();
});

test('lines entered while answering wait for their turn', async () => {
  const { prompt, type, screen } = openPrompt();
  await prompt.whileAnswering(new AbortController().signal, () => type('one\rtwo\rhalf'));
  assert.equal(screen().includes('one'), false);
  assert.equal(await prompt.next(), 'one');
  assert.equal(await prompt.next(), 'two');
  const rest = prompt.next();
  await type(' and half\r');
  assert.equal(await rest, 'half and half');
  prompt.close();
});

test('leaving while answering stops the answer', async () => {
  const { prompt, type } = openPrompt();
  const answer = prompt.whileAnswering(new AbortController().signal, async (signal) => {
    await type(CTRL_D);
    return signal.aborted;
  });
  assert.equal(await answer, true);
  assert.equal(await prompt.next(), undefined);
});
