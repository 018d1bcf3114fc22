import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keepAlive, parseDuration } from './keep-alive.ts';

test('durations are those of Go, and bare numbers are seconds', () => {
  const cases: readonly [text: string, seconds: number | undefined][] = [
    ['5m', 300],
    ['1h30m', 5400],
    ['1.5h', 5400],
    ['-1s', -1],
    ['-1', -1],
    ['0', 0],
    ['90', 90],
    ['500ms', 0.5],
    ['', undefined],
    ['m', undefined],
    ['5 m', undefined],
    ['5d', undefined],
    ['1h-3m', undefined],
    ['9'.repeat(100), undefined],
    ['1m'.repeat(100), undefined],
  ];
  for (const [text, seconds] of cases) assert.equal(parseDuration(text), seconds, text);
});

test('a parameter may be a number, a text or left out', () => {
  assert.equal(keepAlive.parse(12.5), 12.5);
  assert.equal(keepAlive.parse('10m'), 600);
  assert.equal(keepAlive.parse(undefined), undefined);
  assert.equal(keepAlive.parse(null), undefined);
  for (const wrong of ['soon', true, {}, Number.NaN]) assert.equal(keepAlive.safeParse(wrong).success, false);
});
