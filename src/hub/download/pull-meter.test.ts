import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PullProgress } from '../hub.ts';
import { PullMeter } from './pull-meter.ts';

test('whatever arrives or is thrown away, progress grows and ends at the whole', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -50, max: 100 })), (steps) => {
      const told: PullProgress[] = [];
      const meter = new PullMeter(500, (progress) => told.push(progress));
      meter.enter('downloading', 'a.gguf');
      for (const step of steps) meter.add(step);
      meter.finish();
      for (const [i, { doneBytes }] of told.entries()) {
        assert.ok(doneBytes >= (told[i - 1]?.doneBytes ?? 0) && doneBytes <= 500);
      }
      assert.deepEqual(told.at(-1), { doneBytes: 500, totalBytes: 500, file: 'a.gguf', phase: 'done' });
    }),
  );
});
