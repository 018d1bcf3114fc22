import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BitnetError } from '../../base/errors.ts';
import { RopeStyle } from '../../kernels/kernels.ts';
import { ARCHITECTURES } from '../../model/architecture.ts';
import type { ModelConfig } from '../../model/config.ts';
import { i2sScale, unpackI2s } from '../../tensor/i2s.ts';
import { createMemoryRunFolder, type MemoryRunFolder } from '../memory-run-folder.ts';
import { layOutParameters, type Parameter } from '../model/parameters.ts';
import {
  checkExport,
  EXPORT_FORMATS,
  type ExportOptions,
  exportModel,
  usualFormats,
} from './export-model.ts';
import type { ModelToExport } from './model-to-export.ts';
import { tensorOf } from './weights.ts';

const BYTES = Array.from({ length: 256 }, (_, byte) => {
  const isPrintable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  return isPrintable ? byte : undefined;
});

/** A tokenizer.json of the 256 bytes and two control tokens. */
function bytesTokenizer(): string {
  let others = 0x100;
  const tokens = BYTES.map((byte) => String.fromCharCode(byte ?? others++));
  return JSON.stringify({
    added_tokens: ['<|begin|>', '<|end|>'].map((content, i) => ({ id: 256 + i, content, special: true })),
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, use_regex: true },
    model: { type: 'BPE', vocab: Object.fromEntries(tokens.map((token, id) => [token, id])), merges: [] },
  });
}

interface Shape {
  readonly architecture?: string;
  readonly width?: number;
  readonly headLength?: number;
  readonly tiedHead?: boolean;
}

/** Weights that count up within each row, so that every row and column can be told. */
function model(shape: Shape = {}, change?: (parameter: Parameter, out: Float32Array) => void): ModelToExport {
  const { architecture: name = 'bitnet', width = 128, headLength = width / 2, tiedHead = true } = shape;
  const architecture = ARCHITECTURES.get(name)!;
  const config: ModelConfig = {
    architecture: name,
    vocabularySize: 258,
    contextLength: 32,
    embeddingLength: width,
    blockCount: 1,
    feedForwardLength: width,
    headCount: 2,
    headCountKv: 1,
    headLength,
    ropeFreqBase: 10000,
    layerNormRmsEpsilon: Math.fround(1e-5),
    activation: architecture.activation,
    ropeStyle: RopeStyle.Half,
  };
  return {
    described: { architecture, config },
    precision: 'ternary',
    parameters: layOutParameters(config, architecture, tiedHead),
    readRows(parameter, row0, _row1, out) {
      const columns = parameter.shape.at(-1)!;
      for (let i = 0; i < out.length; i++) out[i] = (row0 + Math.floor(i / columns)) / 100;
      change?.(parameter, out);
    },
  };
}

const options: ExportOptions = {
  name: 'small',
  tokenizer: { tokenizerJson: bytesTokenizer(), bosToken: '<|begin|>', eosToken: '<|end|>' },
  formats: ['huggingface', 'i2_s'],
};

/** Names of those that could have been written. */
async function filesOf(folder: MemoryRunFolder): Promise<string[]> {
  const files = [...EXPORT_FORMATS.map((format) => `small.${format}.gguf`), ...(await folder.list('model'))];
  return files.filter((file) => folder.read(file) !== undefined);
}

const refusals: [string, string, ModelToExport, Partial<ExportOptions>][] = [
  ['a name with a folder', 'train/export-name', model(), { name: 'a/b' }],
  ['an empty name', 'train/export-name', model(), { name: '' }],
  ['a width of no whole blocks', 'train/export-width', model(), { formats: ['huggingface', 'tq2_0'] }],
  ['a head that the family has not', 'train/export-width', model({ tiedHead: false }), {}],
  [
    'a token that is none',
    'train/export-tokenizer',
    model(),
    { tokenizer: { ...options.tokenizer, eosToken: '<|stop|>' } },
  ],
  [
    'a stop token that is none',
    'train/export-tokenizer',
    model(),
    { tokenizer: { ...options.tokenizer, stopTokens: ['<|stop|>'] } },
  ],
  ['a tokenizer that is no JSON', 'tokenizer/bad-json', model(), { tokenizer: { tokenizerJson: '{' } }],
  ['a family without a class', 'train/export-family', model({ architecture: 'bitnet-25' }), {}],
];
for (const [what, code, from, choice] of refusals) {
  test(`nothing is written for ${what}`, async () => {
    const folder = createMemoryRunFolder();
    const refused = (error: unknown) => error instanceof BitnetError && error.code === code;
    assert.throws(() => checkExport(from, { ...options, ...choice }), refused, 'known before training');
    await assert.rejects(exportModel(folder, from, { ...options, ...choice }), refused);
    assert.deepEqual(await filesOf(folder), []);
  });
}

test('a tokenizer with more tokens than the model has rows is refused', async () => {
  const from = model();
  const config = { ...from.described.config, vocabularySize: 257 };
  await assert.rejects(
    exportModel(createMemoryRunFolder(), { ...from, described: { ...from.described, config } }, options),
    (error) => error instanceof BitnetError && error.code === 'tokenizer/bad-vocabulary',
  );
});

test('a weight that is not finite stops the file that would hold it', async () => {
  for (const [name, value] of [
    ['model.layers.0.mlp.down_proj.weight', Number.NaN],
    ['model.norm.weight', Number.POSITIVE_INFINITY],
  ] as const) {
    const from = model({}, (parameter, out) => {
      if (parameter.name === name) out[1] = value;
    });
    for (const format of EXPORT_FORMATS.filter((format) => format !== 'tq2_0')) {
      const folder = createMemoryRunFolder();
      await assert.rejects(
        exportModel(folder, from, { ...options, formats: [format] }),
        (error) => error instanceof BitnetError && error.code === 'tensor/not-finite',
      );
      assert.deepEqual(await filesOf(folder), []);
    }
  }
  // Finite, but not as a half.
  const large = model({}, ({ role }, out) => {
    if (role === 'embedding') out[1] = 1e6;
  });
  await assert.rejects(
    exportModel(createMemoryRunFolder(), large, { ...options, formats: ['i2_s'] }),
    (error) => error instanceof BitnetError && error.code === 'tensor/not-finite',
  );
});

test('formats that hold a model exactly', () => {
  assert.deepEqual(usualFormats(model()), ['huggingface', 'i2_s']);
  assert.deepEqual(usualFormats(model({ width: 256 })), ['huggingface', 'i2_s', 'tq2_0']);
  assert.deepEqual(usualFormats(model({ width: 48, headLength: 16 })), ['huggingface']);
  assert.deepEqual(usualFormats({ ...model({ width: 48, headLength: 16 }), precision: 'f32' }), [
    'huggingface',
    'f32',
  ]);
});

test('config.json says how the projections are to be read', async () => {
  const configs: [string, 'ternary' | 'f32', object][] = [
    [
      'bitnet-b1.58',
      'ternary',
      { architectures: ['BitNetForCausalLM'], model_type: 'bitnet', hidden_act: 'relu2' },
    ],
    [
      'bitnet-b1.58',
      'f32',
      { weight_bits: 16, rms_norm_eps: 1e-5, tie_word_embeddings: true, bos_token_id: 256 },
    ],
    ['bitnet', 'ternary', { architectures: ['BitnetForCausalLM'], model_type: 'llama', weight_bits: 1 }],
    ['llama', 'f32', { architectures: ['LlamaForCausalLM'], torch_dtype: 'bfloat16', eos_token_id: 257 }],
  ];
  for (const [architecture, precision, expected] of configs) {
    const folder = createMemoryRunFolder();
    const from = { ...model({ architecture }), precision };
    const files = await exportModel(folder, from, { ...options, formats: ['huggingface'] });
    // Until config.json is there, the folder is no model.
    assert.equal(files.at(-1), 'model/config.json');
    const config = JSON.parse(new TextDecoder().decode(folder.read('model/config.json'))) as object;
    assert.deepEqual({ ...config, ...expected }, config);
    assert.equal('quantization_config' in config, architecture === 'bitnet-b1.58' && precision === 'ternary');
  }
});

test('queries and keys of interleaved rotation have their rows in pairs, and turn back', async () => {
  const from = model({ width: 128, headLength: 16, architecture: 'llama' });
  const bytesOf = async (
    source: ModelToExport,
    role: string,
    ropeStyle: RopeStyle,
  ): Promise<Float32Array> => {
    const parameter = source.parameters.list.find((candidate) => candidate.role === role)!;
    const parts: Uint8Array[] = [];
    const form = { name: role, dtype: 'F32', ropeStyle, asQuantised: false } as const;
    for await (const piece of tensorOf(source, parameter, form).data()) parts.push(piece.slice());
    return new Float32Array(new Uint8Array(Buffer.concat(parts)).buffer);
  };
  for (const [role, rows] of [
    ['q', 32],
    ['k', 16],
  ] as const) {
    const plain = await bytesOf(from, role, RopeStyle.Half);
    const interleaved = await bytesOf(from, role, RopeStyle.Interleaved);
    const order = Array.from({ length: rows }, (_, row) => Math.round(interleaved[row * 128]! * 100));
    assert.deepEqual(order.slice(0, 16), [0, 8, 1, 9, 2, 10, 3, 11, 4, 12, 5, 13, 6, 14, 7, 15]);
    if (role === 'q') assert.deepEqual(order.slice(16, 20), [16, 24, 17, 25]);
    const { config, architecture } = from.described;
    const back: ModelToExport = {
      ...from,
      described: { architecture, config: { ...config, ropeStyle: RopeStyle.Interleaved } },
      readRows: (_, row0, row1, out) => out.set(interleaved.subarray(row0 * 128, row1 * 128)),
    };
    assert.deepEqual(await bytesOf(back, role, RopeStyle.Half), plain);
  }
  assert.deepEqual(await bytesOf(from, 'v', RopeStyle.Interleaved), await bytesOf(from, 'v', RopeStyle.Half));
});

test('codes and scale are those of training', async () => {
  const name = 'model.layers.0.self_attn.v_proj.weight';
  const scale = Math.fround(0.3);
  const from = model({}, (parameter, out) => {
    // Halves of the scale go to zero, whatever is above to one.
    if (parameter.name === name) for (let i = 0; i < out.length; i++) out[i] = ((i % 5) - 2) * scale * 0.5;
  });
  const parameter = from.parameters.list.find((candidate) => candidate.name === name)!;
  const form = { name, dtype: 'I2_S', ropeStyle: RopeStyle.Half, asQuantised: true } as const;
  const parts: Uint8Array[] = [];
  for await (const piece of tensorOf({ ...from, scales: new Map([[name, scale]]) }, parameter, form).data()) {
    parts.push(piece);
  }
  const bytes = new Uint8Array(Buffer.concat(parts));
  const count = parameter.shape[0] * parameter.shape[1]!;
  const codes = new Uint8Array(count);
  unpackI2s(bytes.subarray(0, count / 4), count, codes, name);
  assert.deepEqual([...codes.subarray(0, 10)], [0, 1, 1, 1, 2, 0, 1, 1, 1, 2]);
  assert.equal(i2sScale(bytes.subarray(count / 4), name), scale);
});
