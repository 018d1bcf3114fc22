import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attentionPartialStride, KvFormat } from '../../kernels/kernels.ts';
import type { ModelConfig } from '../config.ts';
import { partialEntries, placePartials } from './attend.ts';

const CONFIG = { headCount: 20, headLength: 128 } as ModelConfig;
const STRIDE = 4 * attentionPartialStride(128);

test('there is room for one token at the end of any context, and for eight where they are small', () => {
  assert.equal(partialEntries(CONFIG, 4096), 8 * 20 * 64);
  assert.equal(partialEntries(CONFIG, 1), 8 * 20);
  assert.ok(partialEntries(CONFIG, 32768) * STRIDE <= 16 * 2 ** 20);
  assert.equal(partialEntries(CONFIG, 131072), 20 * 2048);
});

test('few tokens over more than one block get places that do not overlap, as long as there is room', () => {
  const work = { partials: 64, partialEntries: 20 * 30 };
  const cache = { blocks: 128, format: KvFormat.F16 };
  const places = (segments: readonly (readonly [position: number, count: number])[]) =>
    placePartials(
      CONFIG,
      work,
      segments.map(([position, count]) => ({ cache, first: 0, position, count })),
    ).map(({ partials }) => (partials === 0 ? 0 : (partials - 64) / STRIDE / 20 + 1));
  assert.deepEqual(places([[63, 1]]), [0], 'one block');
  assert.deepEqual(places([[64, 1]]), [1]);
  assert.deepEqual(places([[64, 15]]), [1]);
  assert.deepEqual(places([[60, 16]]), [0], 'no room');
  assert.deepEqual(places([[64, 17]]), [0], 'long');
  assert.deepEqual(
    places([
      [64, 10],
      [0, 1],
      [640, 1],
      [64, 1],
      [64, 1],
    ]),
    [1, 0, 0, 21, 23],
  );
});
