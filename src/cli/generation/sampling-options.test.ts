import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandInput } from '../command.ts';
import { UsageError } from '../errors.ts';
import { generationSettingsOf } from './sampling-options.ts';

const { signal } = new AbortController();
const settingsOf = (options: CommandInput['options'], maxTokens?: number) =>
  generationSettingsOf({ positionals: [], options, signal }, maxTokens);

test('every option becomes the one of the API', () => {
  const settings = settingsOf({
    'max-tokens': '12',
    temperature: '0',
    'top-k': '5',
    'top-p': '.9',
    'min-p': '1e-2',
    'repetition-penalty': '1.1',
    'presence-penalty': '-0.5',
    'frequency-penalty': '0.5',
    'penalty-window': '8',
    'logit-bias': ['13=-2.5', '7=-inf'],
    seed: '42',
    stop: ['\\n\\n', 'a\\\\n'],
    overflow: 'slide',
    lookup: 'off',
  });
  assert.deepEqual(settings, {
    maxTokens: 12,
    temperature: 0,
    topK: 5,
    topP: 0.9,
    minP: 0.01,
    repetitionPenalty: 1.1,
    presencePenalty: -0.5,
    frequencyPenalty: 0.5,
    penaltyWindow: 8,
    logitBias: { 13: -2.5, 7: Number.NEGATIVE_INFINITY },
    seed: 42,
    stop: ['\n\n', 'a\\n'],
    overflow: 'slide',
    lookup: 'off',
    signal,
  });
});

test('without options: the default length, a random seed, and stopping at a full context', () => {
  const { seed, ...rest } = settingsOf({}, 256);
  assert.deepEqual(rest, { maxTokens: 256, overflow: 'stop', signal });
  assert.ok(Number.isSafeInteger(seed) && seed >= 0);
  assert.equal('maxTokens' in settingsOf({}), false);
});

test('values out of range are refused by the name of the option, before any model is loaded', () => {
  const cases: [CommandInput['options'], RegExp][] = [
    [{ temperature: 'warm' }, /^--temperature is "warm", and must be a number$/],
    [{ temperature: '-1' }, /^--temperature is -1, and must be between 0 and 100$/],
    [{ 'top-k': '1.5' }, /^--top-k is 1.5/],
    [{ 'top-p': '0' }, /^--top-p is 0/],
    [{ 'min-p': '2' }, /^--min-p is 2/],
    [{ 'repetition-penalty': '0' }, /^--repetition-penalty is 0/],
    [{ 'max-tokens': '-1' }, /^--max-tokens is -1/],
    [{ seed: '-1' }, /^--seed is -1/],
    [{ 'logit-bias': ['7'] }, /^--logit-bias is "7"/],
    [{ 'logit-bias': ['7=x'] }, /^--logit-bias 7 is "x"/],
    [{ stop: [''] }, /^--stop is empty/],
    [{ overflow: 'slid' }, /did you mean slide\?/],
    [{ lookup: 'on' }, /^--lookup is "on", and must be one of auto, off/],
  ];
  for (const [options, message] of cases) {
    assert.throws(
      () => settingsOf(options),
      (error) => error instanceof UsageError && message.test(error.message),
      JSON.stringify(options),
    );
  }
});
