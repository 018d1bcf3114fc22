import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatBytes, formatCount, formatRate, formatSeconds, formatWhole } from './quantities.ts';

test('three digits and the right unit', () => {
  assert.equal(formatBytes(0), '0 bytes');
  assert.equal(formatBytes(999), '999 bytes');
  assert.equal(formatBytes(1000), '1.00 kB');
  assert.equal(formatBytes(999_600), '1.00 MB');
  assert.equal(formatBytes(1_570_496), '1.57 MB');
  assert.equal(formatBytes(15_700_000), '15.7 MB');
  assert.equal(formatBytes(1.19e9), '1.19 GB');
  assert.equal(formatCount(2_412_820_480), '2.41 B');
  assert.equal(formatCount(2048), '2.05 k');
  assert.equal(formatCount(12), '12');
  assert.equal(formatWhole(1_570_496), '1,570,496');
  assert.equal(formatSeconds(0.0512), '0.05 s');
  assert.equal(formatRate(811.6), '812 tok/s');
  assert.equal(formatRate(14.06), '14.1 tok/s');
  assert.equal(formatRate(undefined), 'n/a');
});
