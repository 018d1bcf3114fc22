import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BitnetError } from '../../base/errors.ts';
import { createRandom } from '../../base/random.ts';
import { argmax, logSumExp, Sampler, type SamplingOptions, topTokens } from './sampler.ts';

/** Takes every token that may be drawn as likely as the model says: no truncation. */
const PLAIN: SamplingOptions = { temperature: 1, topK: 0, topP: 1, minP: 0 };
const random = createRandom(31);

function logitsOf(...probabilities: number[]): Float32Array {
  return Float32Array.from(probabilities, (p) => Math.log(p));
}

/** How often each token is drawn. */
function histogram(options: SamplingOptions, logits: Float32Array, draws = 4000): number[] {
  const sampler = new Sampler({ seed: 5, ...options }, logits.length);
  const counts = Array.from({ length: logits.length }, () => 0);
  for (let i = 0; i < draws; i++) counts[sampler.sample({ logits: logits.slice() }, [])]! += 1;
  return counts;
}

/** The tokens that are drawn at all. */
function drawn(options: SamplingOptions, logits: Float32Array): number[] {
  return histogram({ ...PLAIN, ...options }, logits).flatMap((count, id) => (count > 0 ? [id] : []));
}

/** Draws with these probabilities fall within five standard deviations of their means. */
function assertDistribution(options: SamplingOptions, logits: Float32Array, probabilities: number[]): void {
  const draws = 20_000;
  for (const [id, count] of histogram({ ...PLAIN, ...options }, logits, draws).entries()) {
    const p = probabilities[id]!;
    const deviation = Math.sqrt(draws * p * (1 - p));
    assert.ok(Math.abs(count - draws * p) <= 5 * deviation, `token ${id}: ${count} of ${draws}, p = ${p}`);
  }
}

function throwsOption(options: SamplingOptions, name: string): void {
  assert.throws(
    () => new Sampler(options, 10),
    (error) => error instanceof BitnetError && error.code === `option/${name}`,
    JSON.stringify(options),
  );
}

describe('greedy', () => {
  test('temperature 0 takes the largest logit, the lowest id among equals', () => {
    const sampler = new Sampler({ temperature: 0 }, 4);
    assert.equal(sampler.sample({ logits: Float32Array.of(1, 3, 2, 3) }, []), 1);
    assert.equal(sampler.sample({ logits: Float32Array.of(-5, -6, -7, -4) }, []), 3);
  });

  test('a temperature near 0 does the same', () => {
    const logits = Float32Array.from({ length: 300 }, () => random.next());
    const expected = argmax(logits);
    for (const temperature of [1e-6, 1e-30, Number.MIN_VALUE]) {
      assert.deepEqual(drawn({ temperature, topK: 40, topP: 0.95, minP: 0.05 }, logits), [expected]);
      assert.deepEqual(drawn({ temperature }, logits), [expected]);
    }
  });

  test('NaN logits never win', () => {
    assert.equal(argmax(Float32Array.of(Number.NaN, -2, Number.NaN, -1)), 3);
  });
});

describe('the distribution', () => {
  const probabilities = [0.05, 0.5, 0.15, 0.3];
  const logits = logitsOf(...probabilities);

  test('is the softmax at temperature 1', () => assertDistribution({}, logits, probabilities));

  test('is sharpened by a temperature below 1 and flattened by one above', () => {
    for (const temperature of [0.5, 2]) {
      const weights = probabilities.map((p) => p ** (1 / temperature));
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      assertDistribution(
        { temperature },
        logits,
        weights.map((weight) => weight / total),
      );
    }
  });

  test('of what truncation leaves is in proportion to the probabilities', () => {
    assertDistribution({ topK: 2 }, logits, [0, 0.625, 0, 0.375]);
  });
});

describe('truncation', () => {
  const logits = logitsOf(0.05, 0.4, 0.15, 0.25, 0.15);

  test('top-k keeps the k most likely, lower ids first among equals', () => {
    assert.deepEqual(drawn({ topK: 1 }, logits), [1]);
    assert.deepEqual(drawn({ topK: 2 }, logits), [1, 3]);
    assert.deepEqual(drawn({ topK: 3 }, logits), [1, 2, 3]);
    assert.deepEqual(drawn({ topK: 99 }, logits), [0, 1, 2, 3, 4]);
    assert.deepEqual(drawn({ topK: 0 }, logits), [0, 1, 2, 3, 4]);
  });

  test('top-p keeps the fewest that reach the sum', () => {
    assert.deepEqual(drawn({ topP: 0.01 }, logits), [1]);
    assert.deepEqual(drawn({ topP: 0.39 }, logits), [1]);
    assert.deepEqual(drawn({ topP: 0.41 }, logits), [1, 3]);
    assert.deepEqual(drawn({ topP: 0.64 }, logits), [1, 3]);
    assert.deepEqual(drawn({ topP: 0.66 }, logits), [1, 2, 3]);
    assert.deepEqual(drawn({ topP: 0.9 }, logits), [1, 2, 3, 4]);
    assert.deepEqual(drawn({ topP: 1 }, logits), [0, 1, 2, 3, 4]);
  });

  test('min-p keeps those at least that share as likely as the best', () => {
    assert.deepEqual(drawn({ minP: 0.1 }, logits), [0, 1, 2, 3, 4]);
    assert.deepEqual(drawn({ minP: 0.2 }, logits), [1, 2, 3, 4]);
    assert.deepEqual(drawn({ minP: 0.5 }, logits), [1, 3]);
    assert.deepEqual(drawn({ minP: 1 }, logits), [1]);
  });

  test('top-p counts the probabilities among the k most likely, min-p comes last', () => {
    // Of 0.4 and 0.25 alone, the first is 0.615.
    assert.deepEqual(drawn({ topK: 2, topP: 0.6 }, logits), [1]);
    assert.deepEqual(drawn({ topK: 2, topP: 0.62 }, logits), [1, 3]);
    // What min-p takes away has counted in the sum of top-p before: 0.64 are reached by two.
    assert.deepEqual(drawn({ topP: 0.64, minP: 0.3 }, logits), [1, 3]);
    assert.deepEqual(drawn({ topP: 0.99, minP: 0.5 }, logits), [1, 3]);
  });

  test('any options keep the most likely token and only what each of them alone keeps', () => {
    const settings = fc.record({
      topK: fc.integer({ min: 0, max: 12 }),
      topP: fc.double({ min: 0.05, max: 1, noNaN: true }),
      minP: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    const values = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 10 });
    fc.assert(
      fc.property(settings, values, fc.nat(), ({ topK, topP, minP }, halves, seed) => {
        const logits = Float32Array.from(halves, (value) => value / 4);
        const id = new Sampler({ temperature: 1, topK, topP, minP, seed }, logits.length).sample(
          { logits: logits.slice() },
          [],
        );
        const weights = [...logits].map((logit) => Math.exp(logit));
        const above = weights.filter(
          (weight, other) => weight > weights[id]! || (weight === weights[id] && other < id),
        );
        if (topK > 0) assert.ok(above.length < topK);
        assert.ok(weights[id]! >= minP * Math.max(...weights) * (1 - 1e-12));
        const total = weights.toSorted((a, b) => b - a).slice(0, topK || undefined);
        const mass = topP * total.reduce((sum, weight) => sum + weight, 0);
        assert.ok(topP === 1 || above.reduce((sum, weight) => sum + weight, 0) < mass * (1 + 1e-12));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('penalties and bias', () => {
  /** The logits as the sampler leaves them. */
  function adjusted(options: SamplingOptions, logits: number[], history: number[]): number[] {
    const row = Float32Array.from(logits);
    new Sampler({ temperature: 0, ...options }, logits.length).sample({ logits: row }, history);
    return [...row];
  }

  test('repetition divides positive logits and multiplies negative ones, once for each token', () => {
    assert.deepEqual(adjusted({ repetitionPenalty: 2 }, [4, -3, 0, 5], [0, 1, 0, 2]), [2, -6, 0, 5]);
    assert.deepEqual(adjusted({ repetitionPenalty: 0.5 }, [4, -3], [0, 1]), [8, -1.5]);
  });

  test('presence counts once, frequency as often as the token occurs', () => {
    assert.deepEqual(adjusted({ presencePenalty: 1.5 }, [4, 3, 2], [0, 0, 1]), [2.5, 1.5, 2]);
    assert.deepEqual(adjusted({ frequencyPenalty: 0.5 }, [4, 3, 2], [0, 0, 1]), [3, 2.5, 2]);
    assert.deepEqual(
      adjusted({ repetitionPenalty: 2, presencePenalty: 1, frequencyPenalty: 0.25 }, [4, 3], [0, 0]),
      [0.5, 3],
    );
  });

  test('only the last tokens count', () => {
    const history = [0, 1, 2, 2];
    assert.deepEqual(adjusted({ presencePenalty: 1, penaltyWindow: 2 }, [4, 3, 2], history), [4, 3, 1]);
    assert.deepEqual(adjusted({ frequencyPenalty: 1, penaltyWindow: 3 }, [4, 3, 2], history), [4, 2, 0]);
    assert.deepEqual(adjusted({ presencePenalty: 1, penaltyWindow: 0 }, [4, 3, 2], history), [4, 3, 2]);
    assert.deepEqual(adjusted({ presencePenalty: 1 }, [1, 2], Array(100).fill(0)), [0, 2]);
  });

  test('a bias is added before penalties; -Infinity forbids', () => {
    assert.deepEqual(adjusted({ logitBias: { 0: 10, 2: -1 } }, [1, 2, 3], []), [11, 2, 2]);
    assert.deepEqual(adjusted({ logitBias: { 0: 3 }, repetitionPenalty: 2 }, [1, 2], [0]), [2, 2]);
    const forbidden = { logitBias: { 1: Number.NEGATIVE_INFINITY } };
    assert.deepEqual(drawn(forbidden, logitsOf(0.2, 0.6, 0.2)), [0, 2]);
    assert.equal(
      new Sampler({ temperature: 0, ...forbidden }, 3).sample({ logits: logitsOf(0.2, 0.6, 0.2) }, []),
      0,
    );
  });

  test('when all tokens are forbidden, or logits are no numbers, there is an error', () => {
    const none = Number.NEGATIVE_INFINITY;
    for (const temperature of [0, 1]) {
      const sampler = new Sampler({ temperature, logitBias: { 0: none, 1: none } }, 2);
      const isNoToken = (error: unknown) =>
        error instanceof BitnetError && error.code === 'sampling/no-token';
      assert.throws(() => sampler.sample({ logits: Float32Array.of(1, 2) }, []), isNoToken);
      const broken = new Sampler({ temperature }, 2);
      assert.throws(() => broken.sample({ logits: Float32Array.of(Number.NaN, Number.NaN) }, []), isNoToken);
      assert.throws(
        () => broken.sample({ logits: Float32Array.of(Number.POSITIVE_INFINITY, 0) }, []),
        isNoToken,
      );
    }
  });
});

describe('seeds', () => {
  const logits = Float32Array.from({ length: 1000 }, () => random.next() * 5);
  const sequence = (options: SamplingOptions) => {
    const sampler = new Sampler({ ...PLAIN, ...options }, logits.length);
    return Array.from({ length: 50 }, () => sampler.sample({ logits: logits.slice() }, []));
  };

  test('the same seed draws the same tokens, another one others', () => {
    assert.deepEqual(sequence({ seed: 7 }), sequence({ seed: 7 }));
    assert.notDeepEqual(sequence({ seed: 7 }), sequence({ seed: 8 }));
    assert.notDeepEqual(sequence({ seed: 7 }), sequence({ seed: 7 + 2 ** 32 }));
  });

  test('without a seed, runs differ', () => assert.notDeepEqual(sequence({}), sequence({})));
});

describe('probabilities', () => {
  test('logSumExp is exact for large and far apart logits', () => {
    assert.ok(Math.abs(logSumExp(Float32Array.of(1000, 1000)) - 1000 - Math.LN2) < 1e-12);
    assert.equal(logSumExp(Float32Array.of(50, -1000)), 50);
    assert.equal(logSumExp(Float32Array.of(-3)), -3);
  });

  test('topTokens gives the most likely tokens in order, with natural log-probabilities that add up', () => {
    const logits = Float32Array.from({ length: 500 }, () => Math.round(random.next() * 20));
    for (const count of [0, 1, 7, 20, 500]) {
      const top = topTokens(logits, count);
      const expected = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]! || a - b).slice(0, count);
      assert.deepEqual(
        top.map(({ id }) => id),
        expected,
      );
    }
    const total = topTokens(logits, 500).reduce((sum, { logprob }) => sum + Math.exp(logprob), 0);
    assert.ok(Math.abs(total - 1) < 1e-12);
  });
});

test('options out of range are refused by name', () => {
  throwsOption({ temperature: -1 }, 'temperature');
  throwsOption({ temperature: Number.NaN }, 'temperature');
  throwsOption({ topK: 1.5 }, 'topK');
  throwsOption({ topP: 0 }, 'topP');
  throwsOption({ topP: 1.1 }, 'topP');
  throwsOption({ minP: -0.1 }, 'minP');
  throwsOption({ repetitionPenalty: 0 }, 'repetitionPenalty');
  throwsOption({ presencePenalty: Number.POSITIVE_INFINITY }, 'presencePenalty');
  throwsOption({ frequencyPenalty: 101 }, 'frequencyPenalty');
  throwsOption({ penaltyWindow: -1 }, 'penaltyWindow');
  throwsOption({ seed: -1 }, 'seed');
  throwsOption({ logitBias: { 10: 1 } }, 'logitBias');
  throwsOption({ logitBias: { 1: Number.NaN } }, 'logitBias');
  throwsOption({ logitBias: { 1: Number.POSITIVE_INFINITY } }, 'logitBias');
  throwsOption({ logitBias: { x: 1 } as Record<number, number> }, 'logitBias');
});
