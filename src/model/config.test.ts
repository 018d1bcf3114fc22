import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { MetadataValue } from '../formats/gguf/metadata.ts';
import { Activation } from '../kernels/activation.ts';
import { RopeStyle } from '../kernels/kernels.ts';
import { configFromGguf, configFromHuggingFace } from './config.ts';

const GGUF: Readonly<Record<string, MetadataValue>> = {
  'general.architecture': 'bitnet-b1.58',
  'general.name': 'test model',
  'bitnet-b1.58.vocab_size': 2048,
  'bitnet-b1.58.context_length': 128,
  'bitnet-b1.58.embedding_length': 256,
  'bitnet-b1.58.block_count': 3,
  'bitnet-b1.58.feed_forward_length': 512,
  'bitnet-b1.58.attention.head_count': 4,
  'bitnet-b1.58.attention.head_count_kv': 2,
  'bitnet-b1.58.attention.layer_norm_rms_epsilon': 1e-5,
  'bitnet-b1.58.rope.freq_base': 500000,
};
const HUGGING_FACE = JSON.parse(
  readFileSync(new URL('../../test/golden/tiny-tales/hf-packed/config.json', import.meta.url), 'utf8'),
) as Record<string, unknown>;

function gguf(changes: Readonly<Record<string, MetadataValue | undefined>> = {}) {
  const keys = Object.entries({ ...GGUF, ...changes }).filter(
    (entry): entry is [string, MetadataValue] => entry[1] !== undefined,
  );
  return configFromGguf(new Map(keys), 2048);
}

describe('the config of a GGUF file', () => {
  test('is what its keys say', () => {
    const { config, architecture } = gguf();
    assert.equal(architecture.name, 'bitnet-b1.58');
    assert.deepEqual(config, {
      architecture: 'bitnet-b1.58',
      name: 'test model',
      vocabularySize: 2048,
      contextLength: 128,
      embeddingLength: 256,
      blockCount: 3,
      feedForwardLength: 512,
      headCount: 4,
      headCountKv: 2,
      headLength: 64,
      ropeFreqBase: 500000,
      layerNormRmsEpsilon: 1e-5,
      activation: Activation.ReLU2,
      ropeStyle: RopeStyle.Half,
    });
  });

  test('fills in what files leave out', () => {
    const { config } = gguf({
      'bitnet-b1.58.vocab_size': undefined,
      'bitnet-b1.58.attention.head_count_kv': undefined,
      'bitnet-b1.58.rope.freq_base': undefined,
      'bitnet-b1.58.attention.key_length': 96,
      'general.name': undefined,
    });
    const { vocabularySize, headCountKv, ropeFreqBase, headLength, name } = config;
    assert.deepEqual(
      [vocabularySize, headCountKv, ropeFreqBase, headLength, name],
      [2048, 4, 10000, 96, undefined],
    );
  });

  test('refuses an architecture that is not known, and names those that are', () => {
    assert.throws(() => gguf({ 'general.architecture': 'gpt2' }), {
      code: 'model/unsupported-architecture',
      message: /is gpt2; supported are bitnet-b1\.58, .*llama/,
    });
    assert.throws(() => gguf({ 'general.architecture': undefined }), {
      code: 'model/unsupported-architecture',
    });
  });

  for (const [key, value, message] of [
    ['block_count', undefined, /block_count is missing/],
    ['block_count', 0, /blockCount is 0, and must be a whole number from 1 to 1024/],
    ['block_count', 1e6, /blockCount is 1000000/],
    ['embedding_length', 2 ** 30, /embeddingLength/],
    ['feed_forward_length', 1.5, /feedForwardLength is 1.5/],
    ['context_length', -1, /contextLength is -1/],
    ['attention.head_count', 3, /headLength is 85.33/],
    ['attention.head_count_kv', 3, /4 heads cannot share 3 key\/value heads/],
    ['attention.key_length', 63, /a head of 63 elements cannot be rotated/],
    ['attention.value_length', 32, /keys and values of different lengths/],
    ['rope.dimension_count', 32, /a part of each head/],
    ['rope.scaling.type', 'yarn', /rope scaling "yarn"/],
    ['rope.freq_base', 0, /the rope base is 0/],
    ['rope.freq_base', Number.NaN, /the rope base is NaN/],
    ['attention.layer_norm_rms_epsilon', undefined, /layer_norm_rms_epsilon is missing/],
    ['attention.layer_norm_rms_epsilon', -1, /epsilon is -1/],
  ] as const) {
    test(`refuses ${key} ${value}`, () => {
      assert.throws(() => gguf({ [`bitnet-b1.58.${key}`]: value }), {
        name: 'BitnetError',
        code: 'model/bad-config',
        message,
      });
    });
  }

  test('refuses a value of another type', () => {
    assert.throws(() => gguf({ 'bitnet-b1.58.block_count': 'three' }), { code: 'gguf/key-type' });
  });
});

describe('the config of a Hugging Face folder', () => {
  const from = (changes: Record<string, unknown>) => configFromHuggingFace({ ...HUGGING_FACE, ...changes });

  test('is what its fields say', () => {
    const { config } = from({});
    const { vocabularySize, contextLength, embeddingLength, headLength, activation, ropeStyle } = config;
    assert.deepEqual(
      [vocabularySize, contextLength, embeddingLength, headLength, activation, ropeStyle],
      [2048, 128, 256, 64, Activation.ReLU2, RopeStyle.Half],
    );
  });

  test('heads are rotated by halves, whatever the GGUF files of the family do', () => {
    assert.equal(
      from({ architectures: ['LlamaForCausalLM'], hidden_act: 'silu' }).config.ropeStyle,
      RopeStyle.Half,
    );
  });

  test('an activation is taken from the file before the family', () => {
    assert.equal(from({ hidden_act: 'silu' }).config.activation, Activation.SiLU);
    assert.equal(from({ hidden_act: undefined }).config.activation, Activation.ReLU2);
  });

  for (const [field, value, code] of [
    ['architectures', ['GPT2LMHeadModel'], 'model/unsupported-architecture'],
    ['architectures', undefined, 'model/unsupported-architecture'],
    ['hidden_act', 'gelu', 'model/bad-config'],
    ['rope_scaling', { type: 'linear', factor: 2 }, 'model/bad-config'],
    ['attention_bias', true, 'model/bad-config'],
    ['mlp_bias', true, 'model/bad-config'],
    ['num_hidden_layers', undefined, 'model/bad-config'],
    ['num_hidden_layers', '3', 'model/bad-config'],
    ['vocab_size', 0, 'model/bad-config'],
    ['head_dim', 65, 'model/bad-config'],
    ['rms_norm_eps', 2, 'model/bad-config'],
  ] as const) {
    test(`refuses ${field} ${JSON.stringify(value)}`, () => {
      assert.throws(() => from({ [field]: value }), { name: 'BitnetError', code });
    });
  }
});
