import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import type { BitnetError } from '../../base/errors.ts';
import { checkConfig } from '../../train/check-config.ts';
import type { TrainConfig } from '../../train/config.ts';
import { parseCommandLine } from '../args.ts';
import { command } from '../commands/training/train.ts';
import { UsageError } from '../errors.ts';
import { defaultFolder, recipeOf } from './recipe.ts';

const folder = mkdtempSync(join(tmpdir(), 'bitnet-recipe-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function recipeFile(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

async function configOf(...args: string[]): Promise<TrainConfig> {
  const { help: _, ...input } = parseCommandLine(command, args);
  const { json, source } = await recipeOf({ ...input, signal: new AbortController().signal });
  return checkConfig(json, source);
}

test('options alone are a recipe, with the name of the data', async () => {
  const config = await configOf(
    '--data',
    'texts/My stories.txt',
    'more.txt',
    '--steps',
    '50',
    '--width',
    '512',
  );
  assert.equal(config.name, 'My-stories');
  assert.deepEqual(config.data.train, [resolve('texts/My stories.txt'), resolve('more.txt')]);
  assert.equal(config.steps, 50);
  assert.equal(config.model.embeddingLength, 512);
  assert.equal(config.model.headCount * config.model.headLength, 512);
});

test('any path gives a name that files can have', async () => {
  const nameOf = async (path: string) => (await configOf('--data', path)).name;
  assert.equal(await nameOf('_drafts (2).txt'), 'drafts-2');
  assert.equal(await nameOf(`${'long'.repeat(50)}.txt`), 'long'.repeat(25));
  assert.equal(await nameOf('物語'.repeat(30)), '物語'.repeat(17).slice(0, 33));
  assert.equal(await nameOf('?.txt'), 'model');
});

test('paths of a recipe are relative to it, those of options to the working folder', async () => {
  const path = recipeFile('recipe.json', {
    data: { train: ['a.txt'], validation: ['b.txt'] },
    tokenizer: { vocabularySize: 512, chatTemplate: 'chat.jinja' },
  });
  const config = await configOf(path, '--validation', 'c.txt');
  assert.deepEqual(config.data.train, [join(folder, 'a.txt')]);
  assert.deepEqual(config.data.validation, [resolve('c.txt')]);
  assert.equal(config.tokenizer.chatTemplate, join(folder, 'chat.jinja'));
  assert.match(config.name, /^bitnet-recipe-/, 'recipe.json has the name of its folder');
});

test('options take the place of entries, and of what had followed from them', async () => {
  const path = recipeFile('tales.json', {
    name: 'tales',
    data: { train: ['a.txt'] },
    model: { embeddingLength: 256, feedForwardLength: 512, headCount: 4, headCountKv: 2, headLength: 64 },
    optimizer: { learningRate: 0.004, weightDecay: 0.05 },
  });
  const same = await configOf(path, '--precision', 'f32', '--learning-rate', '1e-3');
  assert.equal(same.precision, 'f32');
  assert.deepEqual([same.optimizer.learningRate, same.optimizer.weightDecay], [0.001, 0.05]);
  assert.deepEqual([same.model.headCountKv, same.model.feedForwardLength], [2, 512]);
  const wider = await configOf(path, '--width', '384');
  assert.deepEqual(
    [wider.model.headCount, wider.model.headCountKv, wider.model.feedForwardLength],
    [6, 6, 1024],
  );
  const heads = await configOf(path, '--heads', '8');
  assert.deepEqual([heads.model.headCount, heads.model.headLength, heads.model.headCountKv], [8, 32, 8]);
});

test('the dense twin has a folder of its own', () => {
  assert.notEqual(defaultFolder('tales', 'ternary'), defaultFolder('tales', 'f32'));
});

test('what is no recipe is one sentence', async () => {
  const usage = (pattern: RegExp) => (error: Error) =>
    error instanceof UsageError && pattern.test(error.message);
  const no = (message: RegExp) => ({ code: 'json/invalid', message });
  const bad = (pattern: RegExp) => (error: BitnetError) =>
    error.code === 'train/bad-config' && pattern.test(error.message);
  await assert.rejects(configOf(), usage(/^what to train on is missing/));
  await assert.rejects(configOf('stories.txt'), usage(/given as --data stories\.txt$/));
  await assert.rejects(configOf('a.json', 'b.json'), usage(/"b\.json" is one word too many/));
  await assert.rejects(
    configOf('--data', 'a.txt', '--width', '256', '--heads', '3'),
    usage(/does not divide among 3/),
  );
  await assert.rejects(
    configOf('--data', 'a.txt', '--vocabulary', '512', '--tokenizer', 't.json'),
    usage(/does not go with --tokenizer/),
  );
  await assert.rejects(configOf(join(folder, 'none.json')), /there is no such file$/);
  await assert.rejects(
    configOf(recipeFile('half.json', '{"data"')),
    no(/half\.json: this is no JSON object: /),
  );
  await assert.rejects(configOf(recipeFile('list.json', '[]')), no(/it holds no object$/));
  const twice = '{"data": {"train": ["a.txt"]}, "steps": 1, "steps": 2}';
  await assert.rejects(configOf(recipeFile('twice.json', twice)), /the key "steps" appears twice/);
  await assert.rejects(
    configOf(recipeFile('typo.json', { data: { train: ['a.txt'] }, stepz: 3 })),
    bad(/typo\.json: there is no field "stepz"/),
  );
});
