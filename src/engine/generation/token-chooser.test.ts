/** A token drawn under a mask from a part of the logits is the one drawn from all of them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createRandom, type Random } from '../../base/random.ts';
import { MOST_SCREENED } from '../../model/screen-space.ts';
import type { LogitsRequest, TokenLogits } from '../step-outputs.ts';
import type { TokenConstraint } from './constraint.ts';
import { Sampler, type SamplingOptions } from './sampler.ts';
import { TokenChooser } from './token-chooser.ts';
import { allowedTokens, isAllowed } from './token-mask.ts';

const VOCABULARY = 1500;
const BELOW = 1490;

/** What a head answers: the largest logits below an id with all ties, the named ones, and a few that nobody asked for. */
function answer(all: Float32Array, request: LogitsRequest, random: Random): TokenLogits {
  const { top, include = [], below = VOCABULARY } = request;
  const isScreened = top !== undefined && top <= MOST_SCREENED && include.length <= MOST_SCREENED;
  if (!isScreened) return { logits: all.slice() };
  const edge = all.subarray(0, below).toSorted().at(-top)!;
  const extra = Array.from({ length: random.below(40) }, () => random.below(below));
  const best = [...all.keys()].filter((id) => id < below && all[id]! >= edge);
  const ids = Int32Array.from(new Set([...include, ...extra, ...best])).sort();
  return { ids, logits: Float32Array.from(ids, (id) => all[id]!) };
}

/** Logits in steps of a quarter, so that ties are everywhere. */
function randomRow(random: Random): Float32Array {
  return Float32Array.from({ length: VOCABULARY }, () => (random.below(80) - random.below(80)) / 4);
}

/** Allows each token with some probability; with a low one, few or none. */
function randomMask(random: Random, row: Float32Array): Int32Array | undefined {
  const kind = random.below(6);
  if (kind === 0) return undefined;
  const share = [0, 0.003, 0.05, 0.3, 0.9, 0.6][kind]!;
  const words = new Int32Array(random.below(4) === 0 ? 30 : Math.ceil(VOCABULARY / 32));
  for (let id = 0; id < 32 * words.length; id++) {
    // At times everything that is likely is ruled out.
    if (random.next() < share && (kind !== 5 || row[id]! < 0)) words[id >> 5]! |= 1 << (id & 31);
  }
  words[0]! |= 1;
  return words;
}

const SETTINGS: readonly SamplingOptions[] = [
  { temperature: 0 },
  { temperature: 1, topK: 1 },
  { temperature: 1, topK: 40, topP: 1, minP: 0 },
  { temperature: 2, topK: 250 },
  { temperature: 2, topK: 400 },
  { temperature: 1, topK: 0, topP: 1, minP: 0 },
  { temperature: 0, repetitionPenalty: 1.5, frequencyPenalty: 0.5, penaltyWindow: 20 },
  { temperature: 1, topK: 40, presencePenalty: 5, logitBias: { 3: 20, 40: -100, 700: 6, 1495: 100 } },
];

describe('choosing a token', () => {
  for (const [i, settings] of SETTINGS.entries()) {
    test(`with ${JSON.stringify(settings)}, masked or not`, () => {
      const random = createRandom(i);
      const counts = { part: 0, all: 0, again: 0 };
      for (let run = 0; run < 60; run++) {
        const options = { ...settings, seed: run, below: BELOW };
        const reference = new Sampler(options, VOCABULARY);
        let words: Int32Array | undefined;
        const accepted: number[] = [];
        const constraint: TokenConstraint = {
          mask: () => words,
          accept: (id) => accepted.push(id),
          dispose() {},
        };
        const chooser = new TokenChooser({ ...options, constraint }, VOCABULARY);
        const history = Array.from({ length: random.below(30) }, () => random.below(BELOW));
        for (let token = 0; token < 6; token++) {
          const row = randomRow(random);
          words = randomMask(random, row);
          const all = row.map((logit, id) =>
            id >= BELOW || (words !== undefined && !isAllowed(words, id)) ? Number.NEGATIVE_INFINITY : logit,
          );
          const expected = reference.sample({ logits: all }, history);
          let found = chooser.choose(count(answer(row, chooser.request(history), random)), history);
          if (found === undefined) {
            counts.again++;
            assert.deepEqual(chooser.request(history), {}, 'all of them the second time');
            found = chooser.choose({ logits: row.slice() }, history);
          }
          assert.deepEqual(found, { id: expected });
          assert.equal(accepted.at(-1), expected);
          history.push(expected);
        }
      }
      function count(row: TokenLogits): TokenLogits {
        counts[row.ids === undefined ? 'all' : 'part']++;
        return row;
      }
      if (settings.topK !== 0 && settings.topK !== 400) {
        assert.ok(counts.part > counts.all, JSON.stringify(counts));
        assert.ok(counts.again > 0, JSON.stringify(counts));
      }
    });
  }

  test('what no token can follow is an error that names the constraint', () => {
    const constraint = { mask: () => new Int32Array(1), accept() {}, dispose() {} };
    const chooser = new TokenChooser({ constraint, temperature: 0 }, VOCABULARY);
    const request = chooser.request([]);
    assert.deepEqual(request, { top: 1, include: [], below: VOCABULARY });
    const row = answer(randomRow(createRandom(1)), request, createRandom(2));
    assert.throws(() => chooser.choose(row, []), /no token may follow: the constraint/);
  });

  test('scores are of all logits, without mask and penalties', () => {
    const words = Int32Array.of(0b1100);
    const constraint = { mask: () => words, accept() {}, dispose() {} };
    const chooser = new TokenChooser({ constraint, temperature: 0, logprobs: 1, logitBias: { 3: 9 } }, 4);
    assert.deepEqual(chooser.request([]), {});
    const chosen = chooser.choose({ logits: Float32Array.of(Math.log(5), 0, 0, 0) }, []);
    assert.equal(chosen?.id, 3);
    assert.ok(Math.abs(chosen.score!.logprob - Math.log(1 / 8)) < 1e-6);
    assert.equal(chosen.score!.top[0]!.id, 0);
  });
});

test('the tokens that a mask allows, as far as they are few', () => {
  const words = Int32Array.of(1 << 31, -1, 0, 0b101);
  assert.deepEqual(allowedTokens(words, 97, 40), [31, ...Array.from({ length: 32 }, (_, i) => 32 + i), 96]);
  assert.deepEqual(allowedTokens(words, 40, 9), [31, 32, 33, 34, 35, 36, 37, 38, 39]);
  assert.equal(allowedTokens(words, 40, 8), undefined);
  assert.equal(isAllowed(words, 31), true);
  assert.equal(isAllowed(words, 97), false);
  assert.equal(isAllowed(words, 5000), false);
});
