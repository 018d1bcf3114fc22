import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandInput } from './command.ts';
import { UsageError } from './errors.ts';
import { loadOptionsOf, splitModel } from './model-argument.ts';

const { signal } = new AbortController();
const withOptions = (options: CommandInput['options']): CommandInput => ({
  positionals: [],
  options,
  signal,
});
const withPositionals = (...positionals: string[]): CommandInput => ({ positionals, options: {}, signal });

test('MODEL is the word that is there beyond those that must be', () => {
  assert.deepEqual(splitModel(withPositionals('text'), 'run', ['PROMPT']), {
    model: undefined,
    words: ['text'],
  });
  assert.deepEqual(splitModel(withPositionals('m', 'text'), 'run', ['PROMPT']), {
    model: 'm',
    words: ['text'],
  });
  assert.deepEqual(splitModel(withPositionals('m'), 'chat', []), { model: 'm', words: [] });
  assert.throws(() => splitModel(withPositionals(), 'run', ['PROMPT']), /PROMPT is missing/);
  assert.throws(
    () => splitModel(withPositionals('m', 'two', 'words'), 'run', ['PROMPT']),
    /"words" is one word too many.*quotes/,
  );
});

test('load options become those of the API', () => {
  const options = {
    backend: 'wasm-simd',
    threads: '0',
    context: '64',
    'kv-cache': 'f32',
    head: 'int8',
    batch: '7',
  };
  assert.deepEqual(loadOptionsOf(withOptions(options), {}), {
    backend: 'wasm-simd',
    threads: 0,
    contextLength: 64,
    kvCache: 'f32',
    head: 'int8',
    batchTokens: 7,
    signal,
  });
  assert.deepEqual(loadOptionsOf(withOptions({}), {}), { signal });
});

test('BITNET_BACKEND counts where --backend is not given', () => {
  const environment = { BITNET_BACKEND: 'reference' };
  assert.equal(loadOptionsOf(withOptions({}), environment).backend, 'reference');
  assert.equal(loadOptionsOf(withOptions({ backend: 'wasm' }), environment).backend, 'wasm');
  assert.equal(loadOptionsOf(withOptions({}), { BITNET_BACKEND: '' }).backend, undefined);
  assert.throws(() => loadOptionsOf(withOptions({}), { BITNET_BACKEND: 'gpu' }), /BITNET_BACKEND is "gpu"/);
});

test('values that mean nothing are refused with what would', () => {
  const cases: [CommandInput['options'], RegExp][] = [
    [{ backend: 'wams' }, /--backend is "wams".*did you mean wasm\?/],
    [{ threads: '-1' }, /--threads is -1.*from 0 to 256/],
    [{ threads: '1.5' }, /whole number/],
    [{ threads: 'two' }, /--threads is "two", and must be a number/],
    [{ context: '0' }, /--context is 0.*1 or more/],
    [{ 'kv-cache': 'f8' }, /must be one of f16, f32, q8/],
    [{ head: '' }, /must be one of auto, exact, fast, int8/],
    [{ batch: '5000' }, /from 1 to 4096/],
  ];
  for (const [options, message] of cases) {
    assert.throws(
      () => loadOptionsOf(withOptions(options), {}),
      (error) => error instanceof UsageError && message.test(error.message),
      JSON.stringify(options),
    );
  }
});
