/** A sampler that is given what it asks for draws the same tokens as one that is given all logits. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { LogitsRequest, TokenLogits } from '../step-outputs.ts';
import { Sampler, type SamplingOptions } from './sampler.ts';

const VOCABULARY = 60;

/** What a head would answer: the largest logits with all ties, the named ones, and a few that nobody asked for. */
function answer(
  all: Float32Array,
  { top, include = [] }: LogitsRequest,
  extra: readonly number[],
): TokenLogits {
  if (top === undefined) return { logits: all.slice() };
  const edge = all.toSorted().at(-Math.min(top, all.length))!;
  const chosen = new Set([...include, ...extra, ...[...all.keys()].filter((id) => all[id]! >= edge)]);
  const ids = Int32Array.from(chosen).sort();
  return { ids, logits: Float32Array.from(ids, (id) => all[id]!) };
}

const token = fc.nat(VOCABULARY - 1);
const settings: fc.Arbitrary<SamplingOptions> = fc.record({
  temperature: fc.constantFrom(0, 0.2, 1, 3),
  topK: fc.constantFrom(0, 1, 2, 5, 40, 100),
  topP: fc.constantFrom(0.3, 0.9, 1),
  minP: fc.constantFrom(0, 0.05, 0.5),
  repetitionPenalty: fc.constantFrom(1, 1, 0.5, 1.3),
  presencePenalty: fc.constantFrom(0, 0, 1, -2),
  frequencyPenalty: fc.constantFrom(0, 0, 0.5, -0.5),
  penaltyWindow: fc.constantFrom(0, 3, 64),
  logitBias: fc.dictionary(token.map(String), fc.constantFrom(Number.NEGATIVE_INFINITY, -5, 0.5, 100), {
    maxKeys: 4,
  }) as fc.Arbitrary<Record<number, number>>,
  seed: fc.nat(),
});
/** Steps of a half, so that ties are everywhere. */
const row = fc
  .array(fc.integer({ min: -12, max: 12 }), { minLength: VOCABULARY, maxLength: VOCABULARY })
  .map((halves) => Float32Array.from(halves, (half) => half / 2));

describe('sampling from a part of the logits', () => {
  test('gives the same tokens, one after the other, and draws as many random numbers', () => {
    fc.assert(
      fc.property(
        settings,
        fc.array(row, { minLength: 1, maxLength: 4 }),
        fc.array(token, { maxLength: 12 }),
        fc.array(token, { maxLength: 5 }),
        (options, rows, prompt, extra) => {
          const dense = new Sampler(options, VOCABULARY);
          const sparse = new Sampler(options, VOCABULARY);
          const history = [...prompt];
          for (const logits of rows) {
            const expected = dense.sample({ logits: logits.slice() }, history);
            const found = sparse.sample(answer(logits, sparse.request(history), extra), history);
            assert.equal(found, expected);
            history.push(expected);
          }
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('greedy asks for one token, top-k for k, and both for as many more as they name', () => {
    const request = (options: SamplingOptions, history: number[]) =>
      new Sampler(options, VOCABULARY).request(history);
    assert.deepEqual(request({ temperature: 0 }, [1, 2]), { top: 1, include: [] });
    assert.deepEqual(request({ topK: 7 }, [1, 2]), { top: 7, include: [] });
    assert.deepEqual(request({ temperature: 0, presencePenalty: 1 }, [1, 2, 1]), { top: 3, include: [1, 2] });
    assert.deepEqual(request({ topK: 7, logitBias: { 2: 1, 5: 1 }, repetitionPenalty: 2 }, [1, 2]), {
      top: 10,
      include: [2, 5, 1],
    });
    assert.deepEqual(request({ topK: 0 }, [1, 2]), {});
  });

  test('a logit that is missing is an error, no other token', () => {
    const sampler = new Sampler({ temperature: 0, logitBias: { 3: 1 } }, VOCABULARY);
    const part = { ids: Int32Array.of(2, 5), logits: Float32Array.of(1, 2) };
    assert.throws(() => sampler.sample(part, []), /the logit of token 3 is not among those given/);
  });
});
