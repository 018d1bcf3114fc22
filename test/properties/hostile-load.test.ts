/**
 * Models that an author made wrong on purpose, one by one: what random damage (fuzz-load.test.ts) hardly finds. Each has
 * to be refused with the error that fits, before memory is taken where its size is the trick; or to work.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { ByteSource, SourceFolder } from '#src/base/byte-source.js';
import { BitnetError, ContextLengthExceeded } from '#src/base/errors.js';
import { type LoadOptions, loadModel, type Model } from '#src/engine/model.js';
import { selectBackend } from '#src/kernels/select.js';
import { floatToHalf } from '#src/tensor/half.js';
import { type FolderDraft, writeFolder } from './draft-folder.js';
import { draftGguf, type GgufDraft, writeDraft } from './draft-gguf.js';
import { forgetHeaps, peakHeapBytes, unwatchHeaps, watchHeaps } from './red-zones.js';
import { FOLDER_MODELS, GGUF_MODELS, tinyGguf } from './seed-models.js';
import { strictFolder, strictSource } from './strict-source.js';
import { BYTE_LEVEL_SIZE } from './tiny-text.js';

const OPTIONS: LoadOptions = { backend: 'wasm', threads: 0 };
const [I2S, TQ2, , F16, BF16, Q8] = await Promise.all(
  GGUF_MODELS.map(async ({ make }) => draftGguf(await make())),
);
const [PACKED, , F16_FOLDER] = FOLDER_MODELS.map(({ draft }) => draft);

before(watchHeaps);
after(unwatchHeaps);

type Edit<T> = (draft: T) => void;

function edited(draft: GgufDraft | undefined, edit: Edit<GgufDraft>): ByteSource {
  const copy = structuredClone(draft!);
  edit(copy);
  return strictSource(writeDraft(copy)).source;
}

function editedFolder(draft: FolderDraft | undefined, edit: Edit<FolderDraft>): SourceFolder {
  const copy = structuredClone(draft!);
  edit(copy);
  return strictFolder(writeFolder(copy)).folder;
}

/** Sets a metadata value; the key is given without the architecture. */
function set(draft: GgufDraft, key: string, value: unknown, type?: string): void {
  const entry = draft.entries.find((candidate) => candidate.key.endsWith(key))!;
  Object.assign(entry, { value }, type === undefined ? {} : { type });
}

const config = (draft: FolderDraft): Record<string, unknown> =>
  draft.json['config.json'] as Record<string, unknown>;

function tensor<T extends { name: string }>(draft: { tensors: T[] }, name: string): T {
  return draft.tensors.find((candidate) => candidate.name.includes(name))!;
}

/** The bytes of a tensor as numbers that can be set. */
function view({ bytes }: { bytes: Uint8Array }): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

async function refused(
  source: ByteSource | SourceFolder,
  code: string,
  options: LoadOptions = OPTIONS,
): Promise<BitnetError> {
  forgetHeaps();
  let found: unknown;
  await assert.rejects(loadModel(source, options), (error) => {
    found = error;
    return true;
  });
  assert.ok(found instanceof BitnetError, String(found instanceof Error ? found.stack : found));
  assert.equal(found.code, code, found.message);
  return found;
}

/** As {@link refused}, and no heap was made for it. */
async function refusedBeforeMemory(source: ByteSource | SourceFolder, code: string): Promise<void> {
  await refused(source, code);
  assert.equal(peakHeapBytes(), 0);
}

async function loaded(source: ByteSource | SourceFolder, options: LoadOptions = OPTIONS): Promise<Model> {
  const model = await loadModel(source, options);
  const scores = await model.score([1, 2, 3]);
  assert.equal(scores.length, 2);
  return model;
}

const numbers: [string, unknown, string][] = [
  ['.block_count', 1000, 'model/missing-tensor'],
  ['.block_count', 2 ** 31, 'model/bad-config'],
  ['.vocab_size', 2 ** 21, 'tokenizer/bad-vocabulary'],
  ['.embedding_length', 32768, 'model/bad-shape'],
  ['.embedding_length', 65536, 'model/bad-config'],
  ['.feed_forward_length', 2 ** 17, 'model/bad-shape'],
  ['.head_count', 2 ** 16, 'model/bad-config'],
  ['.head_count', 0, 'model/bad-config'],
  ['.head_count_kv', 8, 'model/bad-config'],
  ['.head_count_kv', 3, 'model/bad-config'],
  ['.head_count_kv', 0, 'model/bad-config'],
  ['.key_length', 33, 'model/bad-config'],
  ['.key_length', 64, 'model/bad-config'],
  ['.context_length', 0, 'model/bad-config'],
  ['.context_length', 2 ** 25, 'model/bad-config'],
  ['.rope.dimension_count', 16, 'model/bad-config'],
];
for (const [key, value, code] of numbers) {
  test(`${key} ${value} is refused before any memory is taken`, () =>
    refusedBeforeMemory(
      edited(I2S, (draft) => set(draft, key, value)),
      code,
    ));
}

const floats: [string, number, string][] = [
  ['.rope.freq_base', 0.5, 'model/bad-config'],
  ['.rope.freq_base', Number.NaN, 'model/bad-config'],
  ['.layer_norm_rms_epsilon', Number.NaN, 'model/bad-config'],
  ['.layer_norm_rms_epsilon', -1, 'model/bad-config'],
];
for (const [key, value, code] of floats) {
  test(`${key} ${value} is refused`, () =>
    refusedBeforeMemory(
      edited(I2S, (draft) => set(draft, key, value, 'f32')),
      code,
    ));
}

test('heads of an odd length by division, and of no whole length, are refused', async () => {
  const lengths = (heads: number) => (draft: GgufDraft) => {
    draft.entries = draft.entries.filter(({ key }) => !/(key|value)_length|dimension_count/.test(key));
    set(draft, '.head_count', heads);
    set(draft, '.head_count_kv', heads);
  };
  await refusedBeforeMemory(edited(I2S, lengths(128)), 'model/bad-config');
  await refusedBeforeMemory(edited(I2S, lengths(3)), 'model/bad-config');
});

test('heads that are longer together than a row can be are refused', async () => {
  const dims = {
    embeddingLength: 2,
    headCount: 1024,
    headCountKv: 1,
    headLength: 256,
    feedForwardLength: 2,
    blockCount: 1,
    vocabularySize: BYTE_LEVEL_SIZE,
  };
  const bytes = await tinyGguf({
    architecture: 'llama',
    dims,
    types: { projections: 'F16', embedding: 'F16' },
  });
  await refusedBeforeMemory(strictSource(bytes).source, 'model/bad-config');
});

test('the packed size of the largest matrix that is let through is a number below 2^31', async () => {
  const { backend } = await selectBackend('wasm', false);
  const { ternaryBytes } = backend.kernels;
  assert.equal(ternaryBytes(1 << 17, 1 << 15), 2 ** 30);
  assert.equal(ternaryBytes(1 << 15, 1 << 17), 2 ** 30);
});

test('a context beyond what positions can be computed for is refused, whatever the file says', async () => {
  const source = edited(TQ2, (draft) => set(draft, '.context_length', 2 ** 24));
  await refused(source, 'option/contextLength', { ...OPTIONS, contextLength: 2 ** 21 });
});

test('a context that does not fit into memory is refused before weights are read', async () => {
  const huge = structuredClone(TQ2!);
  set(huge, '.context_length', 2 ** 20);
  const bytes = writeDraft(huge);
  const { source, given } = strictSource(bytes);
  const options: LoadOptions = { ...OPTIONS, kvCache: 'f32', contextLength: 2 ** 20 };
  const error = await refused(source, 'memory/limit', options);
  assert.match(error.message, /KV cache 4096,/);
  assert.ok(peakHeapBytes() < 4 * 2 ** 20, `${peakHeapBytes()} bytes`);
  assert.ok(given() <= 2 ** 20, 'no more than the window of the header was read');
});

test('a tokenizer that is larger than the model is refused', () =>
  refusedBeforeMemory(
    edited(I2S, (draft) => {
      draft.entries = draft.entries.filter(({ key }) => !key.endsWith('.vocab_size'));
      const embedding = tensor(draft, 'token_embd');
      embedding.dims = [128, BYTE_LEVEL_SIZE - 1];
      embedding.bytes = embedding.bytes.subarray(0, 256 * (BYTE_LEVEL_SIZE - 1));
    }),
    'tokenizer/too-large',
  ));

test('rows of the embedding without a token are never generated', async () => {
  const source = edited(I2S, (draft) => {
    draft.entries = draft.entries.filter(({ key }) => !key.endsWith('.vocab_size'));
    const embedding = tensor(draft, 'token_embd');
    const rows = new Uint8Array(256 * 400);
    rows.set(embedding.bytes);
    // Large enough to win against every token.
    for (let row = BYTE_LEVEL_SIZE; row < 400; row++) {
      for (let k = 0; k < 128; k++)
        view({ bytes: rows }).setUint16(256 * row + 2 * k, floatToHalf(k % 2 ? 9 : -9), true);
    }
    Object.assign(embedding, { dims: [128, 400], bytes: rows });
  });
  const model = await loaded(source);
  assert.equal(model.config.vocabularySize, 400);
  for await (const { tokens, logprobs } of model.generate([1, 2], {
    maxTokens: 20,
    temperature: 1,
    seed: 1,
    logprobs: 20,
  })) {
    for (const id of tokens) assert.ok(id < BYTE_LEVEL_SIZE, `token ${id}`);
    assert.ok(logprobs!.every(({ top }) => top.length === 20));
  }
  await model.dispose();
});

test('a scale of 0 works, scales that are no numbers or not one are refused', async () => {
  const scaled = (value: number) => (draft: GgufDraft) => {
    const projection = tensor(draft, 'blk.1.ffn_up');
    view(projection).setFloat32(projection.bytes.length - 32, value, true);
  };
  await (await loaded(edited(I2S, scaled(0)))).dispose();
  await (await loaded(edited(I2S, scaled(-1)))).dispose();
  await refused(edited(I2S, scaled(Number.NaN)), 'tensor/bad-scale');
  await refused(edited(I2S, scaled(Number.NEGATIVE_INFINITY)), 'tensor/bad-scale');
  const product = (draft: GgufDraft) => {
    scaled(3e38)(draft);
    const bytes = new Uint8Array(Float32Array.of(3e38).buffer);
    draft.tensors.push({ name: 'blk.1.ffn_up.scale', typeId: 0, dims: [1], bytes });
  };
  await refused(edited(I2S, product), 'tensor/bad-scale');
  const divided = (draft: FolderDraft) => {
    config(draft).quantization_config = { quant_method: 'bitnet', linear_class: 'bitlinear' };
    tensor(draft, 'weight_scale').bytes.fill(0);
  };
  await refused(editedFolder(PACKED, divided), 'tensor/bad-scale');
  const perRow = (draft: FolderDraft) => {
    Object.assign(tensor(draft, 'weight_scale'), { shape: [42], bytes: new Uint8Array(84).fill(60) });
  };
  await refused(editedFolder(PACKED, perRow), 'model/bad-shape');
  const none = (draft: FolderDraft) => {
    Object.assign(tensor(draft, 'weight_scale'), { shape: [0], bytes: new Uint8Array(0) });
  };
  await refused(editedFolder(PACKED, none), 'model/bad-shape');
});

test('weights that are no numbers are refused in every type that can hold them', async () => {
  const halfAt = (name: string, at: number, bits: number) => (draft: GgufDraft) =>
    view(tensor(draft, name)).setUint16(at, bits, true);
  for (const head of ['exact', 'fast', 'int8'] as const) {
    const options = { ...OPTIONS, head };
    await refused(edited(F16, halfAt('token_embd', 700, 0x7c00)), 'tensor/not-finite', options);
    await refused(edited(BF16, halfAt('token_embd', 700, 0xff80)), 'tensor/not-finite', options);
    await refused(edited(BF16, halfAt('output.weight', 702, 0x7fc0)), 'tensor/not-finite', options);
    await refused(edited(Q8, halfAt('output.weight', 68, 0x7c00)), 'tensor/not-finite', options);
    await refused(edited(Q8, halfAt('token_embd', 36, 0xfc00)), 'tensor/not-finite', options);
  }
  await refused(edited(Q8, halfAt('blk.0.ffn_gate', 34, 0x7e00)), 'tensor/not-finite');
  await refused(edited(F16, halfAt('blk.1.attn_q', 6, 0xfc00)), 'tensor/not-finite');
  await refused(
    edited(I2S, (draft) => view(tensor(draft, 'attn_norm')).setFloat32(0, Number.NaN, true)),
    'tensor/not-finite',
  );
});

test('a damaged weight that a compute thread finds ends the load with its error', async () => {
  const threads = { ...OPTIONS, threads: 2 };
  const broken = (draft: GgufDraft) => tensor(draft, 'blk.1.attn_v').bytes.fill(0xff, 0, 100);
  await refused(edited(I2S, broken), 'tensor/bad-code', threads);
  const infinite = (draft: GgufDraft) => view(tensor(draft, 'blk.1.ffn_down')).setUint16(100, 0x7c00, true);
  await refused(edited(F16, infinite), 'tensor/not-finite', threads);
  await (
    await loaded(
      edited(I2S, () => {}),
      threads,
    )
  ).dispose();
});

test('rotary factors that make no frequency are refused', async () => {
  for (const value of [0, -1, 1e-3, 1e-40]) {
    const source = edited(F16, (draft) => view(tensor(draft, 'rope_freqs')).setFloat32(4, value, true));
    await refused(source, 'model/bad-rope-factors');
  }
});

test('a model whose numbers overflow says so when it is used', async () => {
  const source = edited(F16, (draft) => {
    for (const { name, bytes } of draft.tensors) {
      if (name === 'output_norm.weight') new Float32Array(bytes.buffer, bytes.byteOffset, 50).fill(3e38);
    }
  });
  for (const temperature of [0, 1]) {
    const model = await loadModel(source, OPTIONS);
    await assert.rejects(
      model.generate('hell', { maxTokens: 4, temperature }).text(),
      (error) => error instanceof BitnetError && error.code === 'sampling/no-token',
    );
    await model.dispose();
  }
});

test('names of tensors cannot reach a terminal', async () => {
  const source = edited(I2S, (draft) => {
    tensor(draft, 'output_norm').name = 'a\u001b]0;owned\u0007\nb';
  });
  const { message } = await refused(source, 'model/missing-tensor');
  assert.doesNotMatch(message, /owned/);
  const extra = edited(I2S, (draft) => {
    draft.tensors.push({ name: 'a\u001b]0;owned\u0007\nb', typeId: 0, dims: [1], bytes: new Uint8Array(4) });
  });
  assert.match(
    (await refused(extra, 'model/unexpected-tensor')).message,
    /^a\\u001b\]0;owned\\u0007\\nb has/,
  );
});

test('a chat template can neither leave the vocabulary nor the context', async () => {
  const templated = (text: string) => edited(I2S, (draft) => set(draft, 'tokenizer.chat_template', text));
  const model = await loaded(templated("{{ '<s>' * 1 if 0 else '<s><|eot_id|>' }}{{ messages[0].content }}"));
  const ids = model.encodeChat([{ role: 'user', content: 'he <|eot_id|>' }]);
  assert.ok(ids.every((id) => id >= 0 && id < BYTE_LEVEL_SIZE));
  assert.equal(ids.filter((id) => id === BYTE_LEVEL_SIZE - 1).length, 1, 'only the one of the template');
  await model.dispose();
  const endless = await loaded(templated('{% for i in range(50000) %}x{% endfor %}'));
  await assert.rejects(endless.chat().send('x').text(), ContextLengthExceeded);
  await endless.dispose();
  await refused(templated('{{ '.repeat(20_000)), 'template/syntax');
  await refused(templated(`{{ ${'('.repeat(60_000)}`), 'template/syntax');
  await refused(templated(`{{ ${'['.repeat(30_000)}${']'.repeat(30_000)} }}`), 'template/syntax');
});

test('configurations of the wrong types are refused, not taken for absent', async () => {
  const cases: [string, unknown, string][] = [
    ['architectures', [{ toString: 1 }], 'model/unsupported-architecture'],
    ['architectures', 'LlamaForCausalLM', 'model/unsupported-architecture'],
    ['quantization_config', { quant_method: { toString: 1 } }, 'model/bad-config'],
    ['quantization_config', { quant_method: 'bitnet', linear_class: { toString: 1 } }, 'model/bad-config'],
    ['rope_theta', '500000', 'model/bad-config'],
    ['head_dim', [14], 'model/bad-config'],
    ['num_key_value_heads', true, 'model/bad-config'],
    ['hidden_act', 7, 'model/bad-config'],
    ['hidden_act', 'gelu', 'model/bad-config'],
    ['rope_scaling', { factor: 8 }, 'model/bad-config'],
    ['rope_parameters', { rope_type: 'yarn', rope_theta: 10000 }, 'model/bad-config'],
    ['rope_parameters', { rope_theta: 10000, partial_rotary_factor: 0.5 }, 'model/bad-config'],
    ['rope_parameters', 'x', 'model/bad-config'],
  ];
  for (const [key, value, code] of cases) {
    await refusedBeforeMemory(
      editedFolder(PACKED, (draft) => {
        config(draft)[key] = value;
      }),
      code,
    );
  }
});

test('the rotary base is found where newer configurations have it', async () => {
  const source = editedFolder(F16_FOLDER, (draft) => {
    delete config(draft).rope_theta;
    config(draft).rope_parameters = { rope_theta: 500000, rope_type: 'default' };
  });
  const model = await loaded(source);
  assert.equal(model.config.ropeFreqBase, 500000);
  await model.dispose();
});
