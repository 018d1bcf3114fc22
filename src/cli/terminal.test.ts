import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ProgressBar } from './progress.ts';
import { printable, stylesOf } from './terminal.ts';

/** A stream that remembers what is written to it. */
function recorder(isTTY: boolean) {
  const written: string[] = [];
  return {
    isTTY,
    columns: 80,
    written,
    write(text: string) {
      written.push(text);
      return true;
    },
  };
}

test('colours appear on a terminal only, and not when NO_COLOR is set', () => {
  const bold = (isTTY: boolean, environment: NodeJS.ProcessEnv) =>
    stylesOf(recorder(isTTY), environment).bold('x');
  assert.equal(bold(true, {}), '\x1b[1mx\x1b[22m');
  assert.equal(bold(true, { NO_COLOR: '' }), '\x1b[1mx\x1b[22m');
  assert.equal(bold(true, { NO_COLOR: '1' }), 'x');
  assert.equal(bold(true, { TERM: 'dumb' }), 'x');
  assert.equal(bold(false, {}), 'x');
});

test('control characters become visible; text, newlines and tabs stay', () => {
  assert.equal(printable('a\tb\nc é 漢 🙂'), 'a\tb\nc é 漢 🙂');
  assert.equal(printable('\x1b[2J\r\x07\x9b1m'), '␛[2J␍␇\\u{9b}1m');
  assert.equal(printable('a\u202eb'), 'a\\u{202e}b');
});

/** A bar on a clock of its own; each entry is (milliseconds, share). */
function drawBar(isTTY: boolean, steps: readonly (readonly [ms: number, share: number])[]): string[] {
  const stream = recorder(isTTY);
  let now = 0;
  const bar = new ProgressBar('loading', stream, () => now);
  for (const [ms, share] of steps) {
    now = ms;
    bar.update(share);
  }
  bar.finish();
  return stream.written;
}

test('a bar appears when more than a second is needed, and is taken away', () => {
  const written = drawBar(true, [
    [100, 0.05],
    [300, 0.1],
    [600, 0.5],
    [1200, 1],
  ]);
  assert.deepEqual(
    written.map((text) => / (\d+) %$/.exec(text)?.[1]),
    ['10', '50', '100', undefined],
  );
  assert.equal(written.at(-1), '\r\x1b[2K');
});

test('quick work and output that is no terminal get no bar', () => {
  const quick = [100, 300, 500].map((ms) => [ms, ms / 500] as const);
  assert.deepEqual(drawBar(true, quick), []);
  assert.deepEqual(drawBar(false, [[2000, 0.5]]), []);
});

test('a bar never goes backwards', () => {
  const written = drawBar(true, [
    [1000, 0.5],
    [2000, 0.3],
    [3000, 2],
  ]);
  assert.match(written[1] ?? '', / 50 %$/);
  assert.match(written[2] ?? '', / 100 %$/);
});
