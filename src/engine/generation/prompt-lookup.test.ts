import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Draft, LONGEST_MATCH, PromptLookup } from './prompt-lookup.ts';

function draftAfter(tokens: readonly number[], most = 4): Draft | undefined {
  const lookup = new PromptLookup();
  lookup.follow(tokens);
  return lookup.draft(most);
}

/** The same by comparing with every earlier place; right for texts in which no pair occurs more than 16 times before. */
function draftBySearch(tokens: readonly number[], most: number): Draft | undefined {
  let best: { end: number; matched: number } | undefined;
  for (let end = tokens.length - 2; end >= 1; end--) {
    let matched = 0;
    while (matched < LONGEST_MATCH && matched <= end && tokens[end - matched] === tokens.at(-1 - matched))
      matched++;
    if (matched >= 2 && matched > (best?.matched ?? 0)) best = { end, matched };
  }
  if (best === undefined) return undefined;
  const continued = [...tokens];
  for (let i = 0; i < most; i++) continued.push(continued[best.end + 1 + i]!);
  return { tokens: continued.slice(tokens.length), matched: best.matched };
}

describe('prompt lookup', () => {
  test('continues an earlier occurrence of the last two tokens, and none of one token', () => {
    assert.deepEqual(draftAfter([1, 2, 3, 4, 5, 1, 2], 3), { tokens: [3, 4, 5], matched: 2 });
    assert.equal(draftAfter([1, 2, 3, 4, 5, 9, 2]), undefined);
    for (const tokens of [[], [1], [1, 1], [1, 2, 3]]) assert.equal(draftAfter(tokens), undefined);
    assert.equal(draftAfter([1, 2, 3, 1, 2], 0), undefined);
  });

  test('takes the longest match before the newest, and the newest of equals', () => {
    assert.deepEqual(draftAfter([7, 1, 2, 3, 8, 1, 2, 4, 7, 1, 2], 1), { tokens: [3], matched: 3 });
    assert.deepEqual(draftAfter([7, 1, 2, 3, 8, 1, 2, 4, 9, 1, 2], 1), { tokens: [4], matched: 2 });
  });

  test('a loop goes on', () => {
    assert.deepEqual(draftAfter([5, 1, 2, 3, 1, 2, 3], 7)?.tokens, [1, 2, 3, 1, 2, 3, 1]);
    assert.deepEqual(draftAfter([4, 4, 4], 5), { tokens: [4, 4, 4, 4, 4], matched: 2 });
  });

  test('finds what a comparison with every earlier place finds, as the text grows', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 30 }),
        fc.array(fc.integer({ min: 0, max: 6 }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 15 }),
        (start, rest, most) => {
          const tokens = [...start];
          const lookup = new PromptLookup();
          for (const token of rest) {
            lookup.follow(tokens);
            if (!isCrowded(tokens)) assert.deepEqual(lookup.draft(most), draftBySearch(tokens, most));
            tokens.push(token);
          }
          lookup.follow(tokens);
          assert.deepEqual(lookup.draft(most), draftAfter(tokens, most), 'by parts as at once');
        },
      ),
      { numRuns: 300 },
    );
  });

  test('another array is another text', () => {
    const lookup = new PromptLookup();
    lookup.follow([1, 2, 3, 4, 1, 2]);
    assert.notEqual(lookup.draft(1), undefined);
    lookup.follow([9, 8, 7, 6, 5, 1, 2, 9]);
    assert.equal(lookup.draft(1), undefined);
    lookup.follow([9, 8, 7, 6, 9, 8]);
    assert.deepEqual(lookup.draft(1)?.tokens, [7]);
  });

  test('large ids are kept apart', () => {
    const large = 2 ** 25;
    assert.equal(draftAfter([large, 1, 5, large - 1, 1]), undefined);
    assert.equal(draftAfter([1, large, 5, 2, large]), undefined);
    assert.deepEqual(draftAfter([large, large, 5, large, large], 1)?.tokens, [5]);
  });

  test('of many occurrences the newest are compared, however many there are', () => {
    const tokens = [9, 1, 2, 7, ...Array.from({ length: 1000 }, (_, i) => [1, 2, 10 + i]).flat(), 9, 1, 2];
    assert.deepEqual(draftAfter(tokens, 1), { tokens: [1009], matched: 2 });
  });
});

/** Whether the last pair occurs more often than the lookup compares. */
function isCrowded(tokens: readonly number[]): boolean {
  const [a, b] = tokens.slice(-2);
  return tokens.filter((token, i) => i > 0 && token === b && tokens[i - 1] === a).length > 16;
}
