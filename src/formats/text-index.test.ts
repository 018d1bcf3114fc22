import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TextIndex } from './text-index.ts';
import { TextList } from './text-list.ts';

const encoder = new TextEncoder();
/** Few letters and lengths, so that texts repeat and begin with each other. */
const short = fc.string({ unit: fc.constantFrom('a', 'b', '\0', 'é', '🍏'), maxLength: 4 });

function indexOf(texts: readonly string[], seed?: number): TextIndex {
  const index = new TextIndex(TextList.of(texts), seed);
  for (let i = 0; i < texts.length; i++) index.add(i);
  return index;
}

test('a text is found where it is first, in one part or two, with any guess', () => {
  fc.assert(
    fc.property(
      fc.array(short),
      short,
      short,
      fc.integer({ min: -3, max: 12 }),
      (texts, left, right, guess) => {
        const index = indexOf(texts);
        const bytes = encoder.encode(`${right}-${left}`);
        const middle = encoder.encode(right).length;
        assert.equal(index.indexOf(left), texts.indexOf(left));
        assert.equal(index.indexOfBytes(bytes, middle + 1, bytes.length), texts.indexOf(left));
        assert.equal(
          index.indexOfJoined(bytes, middle + 1, bytes.length, 0, middle, guess),
          texts.indexOf(left + right),
        );
      },
    ),
    { numRuns: 1000 },
  );
});

test('texts of one hash are told apart', () => {
  const texts = Array.from({ length: 200 }, (_, i) => `text ${i}`);
  // A multiplier of 0 makes every hash 0.
  const index = indexOf(texts, 0);
  texts.forEach((text, i) => void assert.equal(index.indexOf(text), i));
  assert.equal(index.indexOf('text 200'), -1);
  assert.equal(index.indexOf(''), -1);
});

test('only texts that were added are found, even when they are guessed', () => {
  const index = new TextIndex(TextList.of(['a', 'ab', 'ab', '']));
  index.add(2);
  index.add(3);
  const bytes = encoder.encode('ab');
  assert.equal(index.indexOf('a'), -1);
  assert.equal(index.indexOf('ab'), 2);
  assert.equal(index.indexOfJoined(bytes, 0, 1, 1, 2, 0), 2);
  assert.equal(index.indexOf(''), 3);
});

test('a text longer than any before is looked for', () => {
  const long = 'é'.repeat(5000);
  const index = indexOf(['x', long]);
  assert.equal(index.indexOf(`${long}x`), -1);
  assert.equal(index.indexOf(long), 1);
});
