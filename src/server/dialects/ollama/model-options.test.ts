import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mostTokens, samplingOf, stopsOf } from './model-options.ts';

const never = () => assert.fail('the prompt need not be counted');

test('options become those of the sampler', () => {
  assert.deepEqual(samplingOf({}, 512), { temperature: 0.8, topK: 40, topP: 1, minP: 0 });
  const all = {
    temperature: 0,
    top_k: 0,
    top_p: 0.5,
    min_p: 0.1,
    seed: 3,
    repeat_penalty: 1.1,
    repeat_last_n: -1,
    presence_penalty: 0.2,
    frequency_penalty: 0.3,
  };
  assert.deepEqual(samplingOf(all, 512), {
    temperature: 0,
    topK: 0,
    topP: 0.5,
    minP: 0.1,
    seed: 3,
    repetitionPenalty: 1.1,
    penaltyWindow: 512,
    presencePenalty: 0.2,
    frequencyPenalty: 0.3,
  });
  assert.equal('seed' in samplingOf({ seed: -1 }, 512), false);
  assert.equal(samplingOf({ top_p: 0 }, 512).topP, Number.MIN_VALUE);
});

test('stop strings may be one or many', () => {
  assert.deepEqual(stopsOf({}), []);
  assert.deepEqual(stopsOf({ stop: 'a' }), ['a']);
  assert.deepEqual(stopsOf({ stop: ['a', 'b'] }), ['a', 'b']);
});

test('a smaller context bounds the prompt and what follows it', () => {
  assert.equal(mostTokens({}, 512, never), undefined);
  assert.equal(mostTokens({ num_predict: -2, num_ctx: 512 }, 512, never), undefined);
  assert.equal(mostTokens({ num_predict: 9 }, 512, never), 9);
  assert.equal(
    mostTokens({ num_ctx: 100 }, 512, () => 90),
    11,
  );
  assert.equal(
    mostTokens({ num_ctx: 100, num_predict: 5 }, 512, () => 90),
    5,
  );
  assert.equal(
    mostTokens({ num_ctx: 100 }, 512, () => 100),
    1,
  );
  assert.throws(() => mostTokens({ num_ctx: 100 }, 512, () => 101), {
    requestedTokens: 101,
    contextLength: 100,
  });
  assert.throws(() => mostTokens({ num_ctx: 513 }, 512, never), { parameter: 'options.num_ctx' });
});
