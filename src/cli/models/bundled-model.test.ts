import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { BUNDLED_MODEL, bundledModelPath, defaultModel } from './bundled-model.ts';

test('the bundled model is where the package has it', () => {
  assert.ok(existsSync(bundledModelPath()), bundledModelPath());
});

test('BITNET_MODEL counts where no MODEL is given', () => {
  assert.deepEqual(defaultModel({}), { label: BUNDLED_MODEL, source: bundledModelPath() });
  assert.deepEqual(defaultModel({ BITNET_MODEL: '' }), { label: BUNDLED_MODEL, source: bundledModelPath() });
  assert.deepEqual(defaultModel({ BITNET_MODEL: 'm.gguf' }), { label: 'm.gguf', source: 'm.gguf' });
});
