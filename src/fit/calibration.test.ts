/** The list of comparisons: what it takes for one, and how it corrects. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CALIBRATION_VERSION,
  type CalibrationEntry,
  correctionFor,
  NO_CALIBRATION,
  parseCalibration,
  withEntry,
} from './calibration.ts';

const machine = { processor: 'Example 1', backend: 'native-avx2' };

function entry(changes: Partial<CalibrationEntry> = {}): CalibrationEntry {
  return {
    processor: 'Example 1',
    backend: 'native-avx2',
    threads: 2,
    shape: 'a',
    size: 1e9,
    prefill: { predicted: 100, measured: 110 },
    generation: { predicted: 10, measured: 8 },
    time: 1,
    ...changes,
  };
}

test('without entries of this machine nothing is corrected', () => {
  const others = [entry({ processor: 'Example 2' }), entry({ backend: 'wasm-simd' }), entry({ threads: 1 })];
  const list = others.reduce(withEntry, NO_CALIBRATION);
  const correction = correctionFor(list, machine, 2, { shape: 'a', size: 1e9 });
  assert.deepEqual([correction.prefill, correction.generation], [1, 1]);
  assert.equal(correction.confidence, 'estimated');
});

test('a model that was run is corrected by its own error alone', () => {
  const list = [entry(), entry({ shape: 'b', generation: { predicted: 1, measured: 3 } })].reduce(
    withEntry,
    NO_CALIBRATION,
  );
  const correction = correctionFor(list, machine, 2, { shape: 'a', size: 1e9 });
  assert.equal(correction.confidence, 'measured');
  assert.ok(Math.abs(correction.generation - 0.8) < 1e-12);
  assert.ok(Math.abs(correction.prefill - 1.1) < 1e-12);
});

test('another model is corrected by those of its size more than by others', () => {
  const list = [
    entry({ shape: 'near', size: 1e9, generation: { predicted: 1, measured: 1.2 } }),
    entry({ shape: 'far', size: 1e7, generation: { predicted: 1, measured: 0.8 } }),
  ].reduce(withEntry, NO_CALIBRATION);
  const correction = correctionFor(list, machine, 2, { shape: 'new', size: 1.1e9 });
  assert.equal(correction.confidence, 'calibrated');
  assert.ok(correction.generation > 1.1 && correction.generation < 1.2, `${correction.generation}`);
  assert.ok(correction.spread > 0.1, 'entries that disagree widen the interval');
});

test('of one model the latest five entries stay, and others are left alone', () => {
  let list = withEntry(NO_CALIBRATION, entry({ shape: 'other' }));
  for (let time = 1; time <= 8; time++) list = withEntry(list, entry({ time }));
  const own = list.entries.filter(({ shape }) => shape === 'a');
  assert.deepEqual(
    own.map(({ time }) => time),
    [4, 5, 6, 7, 8],
  );
  assert.equal(list.entries.length, 6);
});

test('a list is read as it was written', () => {
  const list = withEntry(NO_CALIBRATION, entry());
  assert.deepEqual(parseCalibration(JSON.stringify(list)), list);
});

test('what is no list of this version is none', () => {
  const bad = [
    '',
    '{',
    'null',
    '[]',
    '{"version":1}',
    JSON.stringify({ version: CALIBRATION_VERSION + 1, entries: [] }),
    JSON.stringify({ version: CALIBRATION_VERSION, entries: [{ ...entry(), size: -1 }] }),
    JSON.stringify({
      version: CALIBRATION_VERSION,
      entries: [{ ...entry(), prefill: { predicted: 0, measured: 1 } }],
    }),
    JSON.stringify({ version: CALIBRATION_VERSION, entries: [null] }),
  ];
  for (const text of bad) assert.equal(parseCalibration(text), undefined, text);
});
