import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BitnetError } from '../base/errors.ts';
import { Activation } from '../kernels/activation.ts';
import { RopeStyle } from '../kernels/kernels.ts';
import { checkConfig } from './check-config.ts';
import { describeModel } from './describe-model.ts';

const data = { train: ['x.txt'] };

test('a text alone is a whole recipe', () => {
  const config = checkConfig({ data }, 'recipe.json');
  assert.deepEqual(config, {
    name: 'model',
    data: { train: ['x.txt'], validation: [], validationEvery: 100 },
    tokenizer: { vocabularySize: 4096, specialTokens: ['<|begin|>', '<|end|>'] },
    model: {
      architecture: 'bitnet-b1.58',
      contextLength: 256,
      embeddingLength: 256,
      blockCount: 4,
      feedForwardLength: 768,
      headCount: 4,
      headCountKv: 4,
      headLength: 64,
      ropeFreqBase: 10000,
      layerNormRmsEpsilon: 1e-5,
      tiedHead: true,
    },
    precision: 'ternary',
    optimizer: {
      learningRate: 2e-3,
      secondLearningRate: 2e-3 / 3,
      finalLearningRate: 0,
      warmUpSteps: 50,
      stageOneShare: 0.5,
      weightDecay: 0.1,
      beta1: 0.9,
      beta2: 0.95,
      epsilon: 1e-8,
      clipNorm: 1,
    },
    batch: { sequences: 16, microSequences: 16 },
    steps: 1000,
    seed: 1,
    evaluation: { everySteps: 50, sequences: 64 },
    checkpoint: { everySteps: 100, keep: 2 },
  });
});

test('a checked recipe is a recipe, and the same one', () => {
  for (const json of [
    { data },
    { data, precision: 'f32', model: { embeddingLength: 48 }, steps: 1 },
    { data, tokenizer: { file: 't.json', chatTemplate: 'c.jinja' }, steps: 7 },
    {
      data,
      batch: { sequences: 24 },
      model: { contextLength: 1024, architecture: 'llama', tiedHead: false },
    },
  ]) {
    const config = checkConfig(json, 'r');
    assert.deepEqual(checkConfig(JSON.parse(JSON.stringify(config)), 'r'), config);
  }
});

test('a step is cut into passes of equal length', () => {
  const sequences = (json: unknown) =>
    checkConfig({ data, batch: json, model: { contextLength: 1024 } }, 'r').batch;
  assert.deepEqual(sequences({ sequences: 24 }), { sequences: 24, microSequences: 8 });
  assert.deepEqual(sequences({ sequences: 13 }), { sequences: 13, microSequences: 1 });
  assert.deepEqual(sequences({ sequences: 6, microSequences: 3 }), { sequences: 6, microSequences: 3 });
});

const refusals: [string, unknown, RegExp][] = [
  ['no object', [1], /^r\.json: the recipe is a list, and must be an object$/],
  ['no data', {}, /it names no text to train on; give files or folders/],
  ['data that is a text', { data: 'x.txt' }, /data is "x\.txt", and must be an object/],
  [
    'train that is a text',
    { data: { train: 'x.txt' } },
    /data\.train is "x\.txt", and must be a list of texts/,
  ],
  ['train with a number', { data: { train: ['x.txt', 1] } }, /data\.train is a list with something else/],
  ['a file named twice', { data: { train: ['x', 'x'] } }, /data\.train has "x" twice/],
  ['an unknown field', { data, stepps: 3 }, /there is no field "stepps" in a recipe; known are batch, check/],
  ['an unknown field below', { data, optimizer: { lr: 1 } }, /no field "lr" in "optimizer"; known are beta1/],
  ['__proto__', JSON.parse('{"data":{"train":["x"]},"__proto__":{}}'), /no field "__proto__"/],
  ['steps as a text', { data, steps: '5' }, /steps is "5", and must be a whole number from 1 to 1000000000/],
  ['half a step', { data, steps: 0.5 }, /steps is 0\.5/],
  ['null', { data, steps: null }, /steps is missing/],
  ['a negative seed', { data, seed: -1 }, /seed is -1, and must be a whole number from 0 to 4294967295/],
  [
    'a name with a path',
    { data, name: '../x' },
    /name is "\.\.\/x", which cannot begin the name of a file; use letters/,
  ],
  ['a name that no export takes', { data, name: 'tales (2)' }, /name is "tales \(2\)", which cannot begin/],
  ['a name too long for a file', { data, name: '語'.repeat(34) }, /of at most 100 bytes$/],
  ['an empty name', { data, name: '' }, /name is empty, and must be a text/],
  ['a precision', { data, precision: 'f16' }, /precision is "f16", and must be "ternary" or "f32"/],
  [
    'an architecture',
    { data, model: { architecture: 'gpt2' } },
    /model\.architecture is "gpt2", and must be "bit/,
  ],
  [
    'a width',
    { data, precision: 'f32', model: { embeddingLength: 100 } },
    /embeddingLength is 100, and must be a multiple of 16/,
  ],
  [
    'a width for ternary rows',
    { data, model: { embeddingLength: 64 } },
    /model\.embeddingLength is 64, but .* groups of 128; make it 128, or train in f32/,
  ],
  [
    'a feed-forward length',
    { data, model: { feedForwardLength: 144 } },
    /feedForwardLength is 144, .* make it 256/,
  ],
  ['heads', { data, model: { headCount: 3 } }, /headCount times model\.headLength is 192, .* make it 256/],
  ['kv heads', { data, model: { headCountKv: 3 } }, /headCount is 4, and must be a multiple of .*Kv, 3/],
  [
    'a head of 8',
    { data, model: { headLength: 8 } },
    /headLength is 8, and must be a multiple of 16 from 16/,
  ],
  ['heads beyond a row', { data, model: { headCount: 1024, headLength: 1024 } }, /must be at most 131072/],
  ['an odd context', { data, model: { contextLength: 100 } }, /contextLength is 100/],
  ['tiedHead as a number', { data, model: { tiedHead: 1 } }, /tiedHead is 1, and must be true or false/],
  ['an untied bitnet', { data, model: { architecture: 'bitnet', tiedHead: false } }, /choose bitnet-b1\.58/],
  [
    'a rate of 0',
    { data, optimizer: { learningRate: 0 } },
    /learningRate is 0, and must be a number above 0 and/,
  ],
  ['a rising rate', { data, optimizer: { secondLearningRate: 0.1 } }, /must not rise from stage to stage/],
  ['a long warm-up', { data, steps: 100, optimizer: { warmUpSteps: 51 } }, /only 50 of the 100 steps/],
  ['a share above 1', { data, optimizer: { stageOneShare: 1.5 } }, /stageOneShare is 1\.5/],
  ['beta of 1', { data, optimizer: { beta1: 1 } }, /beta1 is 1, and must be a number from 0 to 0\.9999/],
  ['passes that do not fit', { data, batch: { sequences: 16, microSequences: 5 } }, /must divide batch\.seq/],
  ['passes above the step', { data, batch: { sequences: 4, microSequences: 8 } }, /microSequences is 8/],
  ['one special token', { data, tokenizer: { specialTokens: ['a'] } }, /needs at least two/],
  ['a tiny vocabulary', { data, tokenizer: { vocabularySize: 257 } }, /from 258 to/],
  ['two tokenizers', { data, tokenizer: { file: 't', vocabularySize: 999 } }, /leave one out/],
  ['nothing kept', { data, checkpoint: { keep: 0 } }, /checkpoint\.keep is 0/],
];
for (const [what, json, message] of refusals) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => checkConfig(json, 'r.json'),
      (error) => {
        assert.ok(error instanceof BitnetError, String(error));
        assert.equal(error.code, 'train/bad-config');
        assert.match(error.message, message);
        assert.ok(error.message.startsWith('r.json: '), error.message);
        return true;
      },
    );
  });
}

test('whatever the JSON, the answer is a recipe or one error', () => {
  fc.assert(
    fc.property(
      fc.record(
        Object.fromEntries(
          ['name', 'data', 'tokenizer', 'model', 'precision', 'optimizer', 'batch', 'steps', 'seed'].map(
            (key) => [key, fc.jsonValue()],
          ),
        ),
        { requiredKeys: [] },
      ),
      (json) => {
        try {
          checkConfig({ ...json, data }, 'r');
        } catch (error) {
          assert.ok(error instanceof BitnetError, String(error));
        }
      },
    ),
  );
});

test('the description is that of the exported file', () => {
  const config = checkConfig({ data, model: { architecture: 'llama', ropeFreqBase: 500000 } }, 'r');
  const { architecture, config: model } = describeModel(config, 1000);
  assert.equal(architecture.name, 'llama');
  assert.deepEqual(model, {
    architecture: 'llama',
    name: 'model',
    vocabularySize: 1000,
    contextLength: 256,
    embeddingLength: 256,
    blockCount: 4,
    feedForwardLength: 768,
    headCount: 4,
    headCountKv: 4,
    headLength: 64,
    ropeFreqBase: 500000,
    layerNormRmsEpsilon: Math.fround(1e-5),
    activation: Activation.SiLU,
    ropeStyle: RopeStyle.Half,
  });
  assert.throws(() => describeModel(config, 2 ** 22), /too many for a model of width 256/);
});
