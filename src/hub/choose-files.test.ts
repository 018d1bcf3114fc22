import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BitnetError } from '../base/errors.ts';
import { checkpointFiles, chooseFiles, chooseFolder, runnableGgufs } from './choose-files.ts';

const chosen = (paths: readonly string[], wanted?: string) => chooseFiles('o/n', 'main', paths, wanted);

test('of several GGUF files the one that runs best is taken, whatever order they are listed in', () => {
  const files = [
    'm-Q4_K_M.gguf',
    'm-f16.gguf',
    'ggml-model-i2_s.gguf',
    'm-TQ1_0.gguf',
    'm-TQ2_0.gguf',
    'm-TL1.gguf',
  ];
  const order = ['ggml-model-i2_s.gguf', 'm-TQ2_0.gguf', 'm-TQ1_0.gguf', 'm-f16.gguf'];
  assert.deepEqual(runnableGgufs(files), order);
  assert.deepEqual(runnableGgufs(files.toReversed()), order);
  assert.deepEqual(chosen(files), { file: 'ggml-model-i2_s.gguf', paths: ['ggml-model-i2_s.gguf'] });
});

test('a GGUF file in parts is not put together', () => {
  const parts = ['m-i2_s-00001-of-00002.gguf', 'm-i2_s-00002-of-00002.gguf'];
  assert.deepEqual(runnableGgufs(parts), []);
  assert.throws(() => chosen(parts), { code: 'hub/no-model', message: /several parts/ });
});

test('a checkpoint is its configuration, tokenizer and weights at the root, and nothing else', () => {
  const wanted = ['config.json', 'tokenizer.json', 'model.safetensors'];
  const others = ['README.md', 'original/config.json', 'pytorch_model.bin', 'adapter.safetensors'];
  assert.deepEqual(chosen([...others, ...wanted]), { file: undefined, paths: wanted });
  const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'];
  const index = 'model.safetensors.index.json';
  assert.deepEqual(checkpointFiles(['config.json', 'model.safetensors', index, ...shards]), [
    'config.json',
    index,
    ...shards,
  ]);
});

test('a named file is taken or said to be missing, with what there is', () => {
  assert.equal(chosen(['a-Q4_K_M.gguf', 'b.gguf'], 'a-Q4_K_M.gguf').file, 'a-Q4_K_M.gguf');
  assert.throws(
    () => chosen(['b.gguf', 'README.md'], 'c.gguf'),
    (error: BitnetError) => {
      return (
        error.code === 'hub/not-found' &&
        /no file c\.gguf in revision main; it has b\.gguf$/.test(error.message)
      );
    },
  );
});

test('a repository without a model is refused with what it has', () => {
  assert.throws(() => chosen(['README.md', 'm-Q4_K_M.gguf']), {
    code: 'hub/no-model',
    message: /only m-Q4_K_M\.gguf/,
  });
  assert.throws(() => chosen([]), { code: 'hub/no-model', message: /no files/ });
  assert.throws(() => chooseFolder('o/n', 'main', ['b.i2_s.gguf']), { code: 'hub/no-model' });
});
