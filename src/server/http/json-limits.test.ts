import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkJsonSize } from './json-limits.ts';

const DEEP = { code: 'json_too_deep' };
const LARGE = { code: 'json_too_large' };

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

function valuesOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce<number>((sum, inner) => sum + valuesOf(inner), 1);
}

test('the bound on depth is exact for any JSON', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), fc.option(fc.nat(3), { nil: undefined }), (value, space) => {
      const text = JSON.stringify(value, undefined, space);
      const jsonDepth = depthOf(value);
      checkJsonSize(text, { jsonDepth, jsonValues: 1e9 });
      if (jsonDepth > 0) {
        assert.throws(() => checkJsonSize(text, { jsonDepth: jsonDepth - 1, jsonValues: 1e9 }), DEEP);
      }
    }),
  );
});

test('values are never counted as fewer than there are, and as at most twice as many', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const text = JSON.stringify(value);
      const count = valuesOf(value);
      checkJsonSize(text, { jsonDepth: 10, jsonValues: 2 * count });
      if (count > 2) {
        assert.throws(
          () => checkJsonSize(text, { jsonDepth: 10, jsonValues: Math.floor(count / 2) - 1 }),
          LARGE,
        );
      }
    }),
  );
});

test('brackets and quotes in texts count for nothing, damaged texts do no harm', () => {
  const limits = { jsonDepth: 1, jsonValues: 3 };
  for (const text of [
    '"[[[{{{,,,"',
    '["\\"[[["]',
    '["\\\\", "[["]',
    '"never closed [[[',
    '"\\',
    ']]]]',
    '',
  ]) {
    assert.doesNotThrow(() => checkJsonSize(text, limits), text);
  }
  assert.throws(() => checkJsonSize('["\\\\",[', limits), DEEP);
});
