import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ANY_INTEGER, ANY_NUMBER, integerPattern, numberPattern } from './number-ranges.ts';

const matches = (pattern: string, text: string) => new RegExp(`^(?:${pattern})$`, 'u').test(text);
const decimals = fc
  .tuple(fc.integer({ min: -30_000_000, max: 30_000_000 }), fc.integer({ min: 0, max: 6 }))
  .map(([n, places]) => n / 10 ** places);

test('whole numbers match where they are between the bounds', () => {
  const whole = fc.integer({ min: -100_000, max: 100_000 });
  fc.assert(
    fc.property(whole, whole, whole, (a, b, value) => {
      const [low, high] = [Math.min(a, b), Math.max(a, b)];
      const pattern = integerPattern(low, high)!;
      for (const number of [value, low, high, low - 1, high + 1, 0]) {
        assert.equal(
          matches(pattern, String(number)),
          number >= low && number <= high,
          `${number} in ${low}..${high}`,
        );
      }
    }),
  );
  assert.equal(integerPattern(3, 2), undefined);
});

test('decimals match where they are between the bounds', () => {
  fc.assert(
    fc.property(
      decimals,
      decimals,
      decimals,
      fc.boolean(),
      fc.boolean(),
      (a, b, value, lowExcluded, highExcluded) => {
        const [low, high] = [Math.min(a, b), Math.max(a, b)];
        const pattern = numberPattern({ low, high, lowExcluded, highExcluded });
        for (const number of [value, low, high, low - 0.5, high + 1e-6, (low + high) / 2]) {
          const text = number
            .toFixed(7)
            .replace(/\.?0+$/, '')
            .replace(/^-0$/, '0');
          const read = Number(text);
          const isIn =
            (lowExcluded ? read > low : read >= low) && (highExcluded ? read < high : read <= high);
          assert.equal(pattern !== undefined && matches(pattern, text), isIn, `${text} in ${low}..${high}`);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test('numbers of any size match, and nothing else', () => {
  for (const text of ['0', '-1', '123456789012345', '1.5e-10', '0.001', '2E+7'])
    assert.ok(matches(ANY_NUMBER, text));
  for (const text of ['01', '1.', '.5', '+1', '1e999', '1234567890123456'])
    assert.ok(!matches(ANY_NUMBER, text));
  assert.ok(matches(ANY_INTEGER, '-12') && !matches(ANY_INTEGER, '-0') && !matches(ANY_INTEGER, '1.0'));
});
