import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BitnetError } from '../../base/errors.ts';
import { StopStrings } from './stop-strings.ts';

/** What comes out of a text that arrives in these parts, the last push included. */
function run(
  stops: readonly string[],
  parts: readonly string[],
): { text: string; found: string | undefined } {
  const watcher = new StopStrings(stops);
  let text = '';
  for (const part of parts) text += watcher.push(part);
  text += watcher.flush();
  return { text, found: watcher.found };
}

/** The text before the first occurrence of any stop string. */
function expected(stops: readonly string[], text: string): string {
  const hits = stops.map((stop) => text.indexOf(stop)).filter((index) => index >= 0);
  return hits.length === 0 ? text : text.slice(0, Math.min(...hits));
}

test('a stop string within one part ends the text before it', () => {
  assert.deepEqual(run(['END'], ['one END two']), { text: 'one ', found: 'END' });
  assert.deepEqual(run(['END'], ['one two']), { text: 'one two', found: undefined });
});

test('a stop string may begin in one part and end in another', () => {
  assert.deepEqual(run(['</s>'], ['a<', '/', 's', '>b']), { text: 'a', found: '</s>' });
});

test('what turns out to be no stop string is given out, even when it was held back', () => {
  const watcher = new StopStrings(['abc']);
  assert.equal(watcher.push('xab'), 'x');
  assert.equal(watcher.push('ab'), 'ab');
  assert.equal(watcher.push('d'), 'abd');
  assert.equal(watcher.push('ab'), '');
  assert.equal(watcher.flush(), 'ab');
  assert.equal(watcher.found, undefined);
});

test('of several, the one that comes first counts', () => {
  assert.deepEqual(run(['two', 'one'], ['zero one two']), { text: 'zero ', found: 'one' });
});

test('text without a beginning of a stop string is not held back', () => {
  const watcher = new StopStrings(['\n\n', 'User:']);
  assert.equal(watcher.push('Hello'), 'Hello');
  assert.equal(watcher.push(' Us'), ' ');
  assert.equal(watcher.push('ual'), 'Usual');
});

test('behind a stop string nothing comes out', () => {
  const watcher = new StopStrings(['.']);
  assert.equal(watcher.push('a.b'), 'a');
  assert.equal(watcher.push('c'), '');
  assert.equal(watcher.flush(), '');
});

test('without stop strings all text passes at once', () => {
  const watcher = new StopStrings([]);
  assert.equal(watcher.push('abc'), 'abc');
  assert.equal(watcher.flush(), '');
});

test('where a text is cut does not matter', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 30 });
  const stops = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'c'), minLength: 1, maxLength: 4 }), {
    maxLength: 3,
  });
  fc.assert(
    fc.property(letters, stops, fc.array(fc.nat(30)), (text, list, cuts) => {
      const places = [0, ...cuts.map((cut) => Math.min(cut, text.length)).sort((a, b) => a - b), text.length];
      const parts = places.slice(1).map((end, i) => text.slice(places[i], end));
      const whole = run(list, [text]);
      assert.equal(whole.text, expected(list, text));
      assert.deepEqual(run(list, parts), whole, JSON.stringify(parts));
    }),
    { numRuns: 3000 },
  );
});

test('a longer stop string that began earlier counts before a shorter one within it', () => {
  assert.deepEqual(run(['b', 'abc'], ['xa', 'b', 'c']), { text: 'x', found: 'abc' });
  assert.deepEqual(run(['b', 'abc'], ['xa', 'b', 'd']), { text: 'xa', found: 'b' });
  assert.deepEqual(run(['b', 'abc'], ['xa', 'b']), { text: 'xa', found: 'b' });
  assert.deepEqual(run(['abc', 'ab'], ['xabc']), { text: 'x', found: 'ab' });
});

test('empty, overlong and too many stop strings are refused', () => {
  for (const stops of [[''], ['a', ''], ['x'.repeat(1001)], Array.from({ length: 65 }, () => 'x')]) {
    assert.throws(
      () => new StopStrings(stops),
      (error) => error instanceof BitnetError && error.code === 'option/stop',
    );
  }
});
