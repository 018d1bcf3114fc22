import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BitnetError } from '../base/errors.ts';
import { StopStrings } from './stop-strings.ts';

/** What comes out of a text that arrives in these parts, the last push included. */
function run(stops: readonly string[], parts: readonly string[]): { text: string; found: string | undefined } {
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
      const { text: found, found: stop } = run(list, parts);
      // A longer stop string that begins earlier may be cut short by a shorter one that ends earlier.
      if (stop === undefined) assert.equal(found, expected(list, text));
      else {
        assert.ok(text.startsWith(found + stop), `${JSON.stringify(parts)} gave ${found} and ${stop}`);
        assert.equal(expected(list, found), found);
      }
    }),
    { numRuns: 3000 },
  );
});

test('with one stop string the result is the text before its first occurrence, wherever it is cut', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 30 }),
      fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 5 }),
      fc.integer({ min: 1, max: 7 }),
      (text, stop, size) => {
        const parts = Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
          text.slice(i * size, (i + 1) * size),
        );
        assert.equal(run([stop], parts).text, expected([stop], text));
      },
    ),
    { numRuns: 3000 },
  );
});

test('empty, overlong and too many stop strings are refused', () => {
  for (const stops of [[''], ['a', ''], ['x'.repeat(1001)], Array.from({ length: 65 }, () => 'x')]) {
    assert.throws(
      () => new StopStrings(stops),
      (error) => error instanceof BitnetError && error.code === 'option/stop',
    );
  }
});
