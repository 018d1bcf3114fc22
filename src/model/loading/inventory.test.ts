import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { readSafetensors } from '../../formats/safetensors/read.ts';
import { writeSafetensors } from '../../formats/safetensors/write.ts';
import { memoryFolder, memorySource } from '../../formats/sources/memory.ts';
import { readTensor } from '../../formats/tensor-info.ts';
import type { TensorOutput } from '../../formats/tensor-output.ts';
import { openModel } from '../open.ts';
import { type Inventory, takeInventory } from './inventory.ts';
import { type Changes, rewriteGguf, tensorOf, tinyTalesBytes } from './rewritten-model.test.ts';

async function ofGguf(changes: Changes): Promise<Inventory> {
  return takeInventory(await openModel(memorySource(await rewriteGguf(tinyTalesBytes(), changes))));
}

/** Writes another tensor in the place of one. */
function instead(name: string, other: (tensor: TensorOutput) => TensorOutput | undefined): Changes {
  return { tensor: (tensor) => (tensor.name === name ? other(tensor) : tensor) };
}

/** An F32 tensor of zeros. */
function zeros(name: string, shape: readonly number[]): TensorOutput {
  const count = shape.reduce((product, dim) => product * dim, 1);
  return tensorOf(name, 'F32', shape, new Uint8Array(4 * count));
}

describe('the inventory of a GGUF file', () => {
  test('has every tensor in its place', async () => {
    const { layers, head, embedding, warnings } = await ofGguf({});
    assert.equal(layers.length, 3);
    assert.equal(head, undefined);
    assert.deepEqual([embedding.rows, embedding.columns], [2048, 256]);
    const { q, k, down } = layers[1]!.matrices;
    assert.deepEqual([q.info.name, q.rows, q.columns, q.kind], ['blk.1.attn_q.weight', 256, 256, 'ternary']);
    assert.deepEqual([k.rows, down.columns], [128, 512]);
    assert.deepEqual(warnings, []);
  });

  test('a head of its own is used, unless the family ties it', async () => {
    const added = [zeros('output.weight', [2048, 256])];
    assert.equal((await ofGguf({ added })).head?.info.name, 'output.weight');
  });

  for (const name of [
    'blk.1.ffn_up.weight',
    'blk.2.attn_sub_norm.weight',
    'output_norm.weight',
    'token_embd.weight',
  ]) {
    test(`without ${name} it is refused`, async () => {
      await assert.rejects(
        ofGguf(instead(name, () => undefined)),
        (error: Error & { code?: string }) =>
          error.code === 'model/missing-tensor' && error.message.includes(name),
      );
    });
  }

  test('wrong shapes are refused, with both', async () => {
    await assert.rejects(ofGguf(instead('output_norm.weight', ({ name }) => zeros(name, [255]))), {
      code: 'model/bad-shape',
      message: 'output_norm.weight has the shape [255], and the configuration asks for [256]',
    });
    await assert.rejects(ofGguf(instead('blk.0.attn_k.weight', ({ name }) => zeros(name, [256, 128]))), {
      code: 'model/bad-shape',
      message: /blk\.0\.attn_k\.weight has the shape \[256, 128\], .* \[128, 256\]/,
    });
    await assert.rejects(ofGguf(instead('blk.0.attn_k.weight', ({ name }) => zeros(name, [128 * 256]))), {
      code: 'model/bad-shape',
    });
  });

  test('a tensor that the forward pass would ignore is refused by name', async () => {
    for (const name of ['blk.0.ffn_gate_exps.weight', 'blk.3.attn_q.weight', 'blk.0.attn_q.bias']) {
      await assert.rejects(ofGguf({ added: [zeros(name, [4])] }), (error: Error & { code?: string }) => {
        return error.code === 'model/unexpected-tensor' && error.message.startsWith(name);
      });
    }
  });

  test('ternary types are for projections only', async () => {
    const bytes = (count: number) => new Uint8Array(count / 4 + 32);
    const norm = instead('output_norm.weight', ({ name }) => tensorOf(name, 'I2_S', [256], bytes(256)));
    await assert.rejects(ofGguf(norm), { code: 'model/unsupported-tensor' });
    const table = instead('token_embd.weight', ({ name }) =>
      tensorOf(name, 'I2_S', [2048, 256], bytes(2048 * 256)),
    );
    await assert.rejects(ofGguf(table), { code: 'model/unsupported-tensor' });
  });

  test('more layers than tensors is a missing tensor', async () => {
    await assert.rejects(ofGguf({ metadata: { 'bitnet-b1.58.block_count': 4 } }), {
      code: 'model/missing-tensor',
      message: /blk\.3\./,
    });
  });
});

describe('the inventory of a Hugging Face folder', () => {
  const golden = new URL('../../../test/golden/tiny-tales/', import.meta.url);

  /** A golden folder with another config.json and other tensors. */
  async function ofFolder(
    form: 'hf-packed' | 'hf-bf16',
    config: Record<string, unknown> = {},
    tensor: (tensor: TensorOutput) => TensorOutput | undefined = (same) => same,
    added: readonly TensorOutput[] = [],
  ): Promise<Inventory> {
    const read = (name: string) => new Uint8Array(readFileSync(new URL(`${form}/${name}`, golden)));
    const { tensors } = await readSafetensors(memorySource(read('model.safetensors')));
    const outputs: TensorOutput[] = [];
    for (const info of tensors.values()) {
      const written = tensor(tensorOf(info.name, info.dtype, info.shape, await readTensor(info)));
      if (written !== undefined) outputs.push(written);
    }
    const parts: Uint8Array[] = [];
    await writeSafetensors(
      async (part) => {
        parts.push(part.slice());
      },
      [...outputs, ...added],
    );
    const json = { ...(JSON.parse(new TextDecoder().decode(read('config.json'))) as object), ...config };
    const files = new Map([
      ['config.json', new TextEncoder().encode(JSON.stringify(json))],
      ['model.safetensors', new Uint8Array(Buffer.concat(parts))],
    ]);
    return takeInventory(await openModel(memoryFolder(files)));
  }

  const quantization = (changes: Record<string, unknown>) => ({
    quantization_config: { quant_method: 'bitnet', linear_class: 'autobitlinear', ...changes },
  });

  test('packed projections have a scale, which multiplies or divides as the config says', async () => {
    const q = async (config: Record<string, unknown>) => {
      const source = (await ofFolder('hf-packed', config)).layers[0]!.matrices.q;
      assert.ok(source.kind === 'packed');
      return source;
    };
    assert.equal((await q({})).scale.name, 'model.layers.0.self_attn.q_proj.weight_scale');
    assert.equal((await q({})).divide, false);
    assert.equal((await q(quantization({ linear_class: 'bitlinear' }))).divide, true);
    assert.equal((await q(quantization({ linear_class: undefined }))).divide, true);
  });

  test('master weights are told by the config', async () => {
    const { layers, embedding } = await ofFolder('hf-bf16');
    assert.equal(layers[0]!.matrices.down.kind, 'masters');
    assert.equal(embedding.kind, 'dense');
  });

  for (const [what, changes] of [
    ['another method', { quant_method: 'gptq' }],
    ['an unknown class', { linear_class: 'superlinear' }],
    ['norms inside projections', { use_rms_norm: true }],
  ] as const) {
    test(`${what} is refused`, async () => {
      await assert.rejects(ofFolder('hf-packed', quantization(changes)), { code: 'model/bad-config' });
    });
  }

  test('a packed projection without its scale, or with the wrong rows, is refused by name', async () => {
    const name = 'model.layers.1.mlp.up_proj.weight';
    await assert.rejects(
      ofFolder('hf-packed', {}, (tensor) => (tensor.name === `${name}_scale` ? undefined : tensor)),
      { code: 'model/missing-tensor', message: /model\.layers\.1\.mlp\.up_proj\.weight_scale/ },
    );
    await assert.rejects(
      ofFolder('hf-packed', {}, (tensor) =>
        tensor.name === name ? tensorOf(name, 'U8', [127, 256], new Uint8Array(127 * 256)) : tensor,
      ),
      { code: 'model/bad-shape', message: /\[127, 256\], .* \[128, 256\]/ },
    );
  });

  test('a head in the file is used unless the config ties it, and then a warning says so', async () => {
    const head = [zeros('lm_head.weight', [2048, 256])];
    const same = (tensor: TensorOutput) => tensor;
    const tied = await ofFolder('hf-packed', {}, same, head);
    assert.equal(tied.head, undefined);
    assert.match(tied.warnings.join(), /^lm_head\.weight is not used/);
    const untied = await ofFolder('hf-packed', { tie_word_embeddings: false }, same, head);
    assert.equal(untied.head?.info.name, 'lm_head.weight');
    await assert.rejects(ofFolder('hf-packed', { tie_word_embeddings: false }), {
      code: 'model/missing-tensor',
    });
  });
});
