/**
 * One model in several files holds one set of weights: the ternary codes and scales that come out of I2_S, TQ1_0, TQ2_0,
 * packed uint8, BF16 masters and dense F16 have to be the same, whatever wrote them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openPath } from '#platform';
import type { ByteSource, SourceFolder } from '#src/base/byte-source.js';
import { type GgufFile, readGguf } from '#src/formats/gguf/read.js';
import { type Checkpoint, readCheckpoint } from '#src/formats/huggingface.js';
import { readTensor, type TensorInfo } from '#src/formats/tensor-info.js';
import { absmeanCodes, absmeanScale, sumOfMagnitudes } from '#src/tensor/absmean.js';
import { dequantize } from '#src/tensor/dequantize.js';
import { elementCount, isTernary } from '#src/tensor/dtype.js';
import { bfloat16ToFloat, floatToBfloat16, floatToHalf, halfToFloat } from '#src/tensor/half.js';
import { packRows, unpackPackedRows } from '#src/tensor/packed-rows.js';
import { packTernary, ternaryScale, unpackTernary } from '#src/tensor/ternary-tensor.js';

const root = new URL('../../../', import.meta.url);

interface Ternary {
  readonly codes: Uint8Array;
  readonly scale: number;
}

async function openGguf(path: string): Promise<GgufFile> {
  return readGguf((await openPath(fileURLToPath(new URL(path, root)))) as ByteSource);
}

async function openFolder(path: string): Promise<Checkpoint> {
  return readCheckpoint((await openPath(fileURLToPath(new URL(path, root)))) as SourceFolder);
}

async function ternaryOf(info: TensorInfo): Promise<Ternary> {
  assert.ok(isTernary(info.dtype), `${info.name} is ${info.dtype}`);
  const bytes = await readTensor(info);
  const count = elementCount(info.shape);
  const codes = new Uint8Array(count);
  unpackTernary(info.dtype, bytes, count, codes, info.name);
  return { codes, scale: ternaryScale(info.dtype, bytes, count, info.name) };
}

async function packedOf({ tensors }: Checkpoint, name: string): Promise<Ternary> {
  const info = tensors.get(`${name}.weight`)!;
  const [packedRows, columns] = info.shape as [number, number];
  const bytes = await readTensor(info);
  const codes = new Uint8Array(4 * bytes.length);
  unpackPackedRows(bytes, packedRows, columns, 0, 4 * packedRows, codes, name);
  assert.deepEqual(packRows(codes, 4 * packedRows, columns, name), bytes);
  const scale = tensors.get(`${name}.weight_scale`)!;
  return { codes, scale: dequantize(scale.dtype, await readTensor(scale), 1)[0]! };
}

async function masterOf({ tensors }: Checkpoint, name: string): Promise<Ternary> {
  const info = tensors.get(`${name}.weight`)!;
  const count = elementCount(info.shape);
  const weights = dequantize(info.dtype, await readTensor(info), count);
  const scale = absmeanScale(sumOfMagnitudes(weights), count, name);
  const codes = new Uint8Array(count);
  absmeanCodes(weights, scale, codes);
  return { codes, scale };
}

const PROJECTIONS = new Map([
  ['attn_q', 'self_attn.q_proj'],
  ['attn_k', 'self_attn.k_proj'],
  ['attn_v', 'self_attn.v_proj'],
  ['attn_output', 'self_attn.o_proj'],
  ['ffn_gate', 'mlp.gate_proj'],
  ['ffn_up', 'mlp.up_proj'],
  ['ffn_down', 'mlp.down_proj'],
]);

test('tiny-tales: GGUF, packed and master weights are the same model', async () => {
  const gguf = await openGguf('test/golden/tiny-tales/tiny-tales.i2_s.gguf');
  const packed = await openFolder('test/golden/tiny-tales/hf-packed/');
  const master = await openFolder('test/golden/tiny-tales/hf-bf16/');
  let compared = 0;
  for (let layer = 0; layer < 3; layer++) {
    for (const [ours, theirs] of PROJECTIONS) {
      const name = `model.layers.${layer}.${theirs}`;
      const a = await ternaryOf(gguf.tensors.get(`blk.${layer}.${ours}.weight`)!);
      const b = await packedOf(packed, name);
      const c = await masterOf(master, name);
      assert.deepEqual(b, a, name);
      assert.deepEqual(c.codes, a.codes, name);
      assert.equal(bfloat16ToFloat(floatToBfloat16(c.scale)), a.scale, name);
      compared++;
    }
  }
  assert.equal(compared, 21);
  await gguf.source.close();
  await packed.close();
  await master.close();
});

for (const model of ['bitnet-silu', 'bitnet-relu2', 'llama-ternary']) {
  test(`${model}: I2_S, TQ1_0 and TQ2_0 hold the same codes, and packing gives their bytes`, async () => {
    const files = await Promise.all(
      ['i2_s', 'tq1_0', 'tq2_0'].map((type) => openGguf(`test/golden/infer/${model}.${type}.gguf`)),
    );
    const [first, ...others] = files as [GgufFile, ...GgufFile[]];
    let compared = 0;
    for (const info of first.tensors.values()) {
      for (const other of others) {
        const twin = other.tensors.get(info.name)!;
        assert.deepEqual(twin.shape, info.shape);
        if (!isTernary(info.dtype)) {
          assert.deepEqual(await readTensor(twin), await readTensor(info), info.name);
          continue;
        }
        const a = await ternaryOf(info);
        const b = await ternaryOf(twin);
        assert.deepEqual(b.codes, a.codes, info.name);
        assert.equal(b.scale, halfToFloat(floatToHalf(a.scale)), info.name);
        if (isTernary(twin.dtype)) {
          assert.deepEqual(packTernary(twin.dtype, b.codes, b.scale, info.name), await readTensor(twin));
        }
        assert.deepEqual(packTernary(info.dtype, a.codes, a.scale, info.name), await readTensor(info));
        compared++;
      }
    }
    assert.equal(compared, 2 * 7 * 3);
    for (const file of files) await file.source.close();
  });
}

for (const model of ['bitnet-silu', 'bitnet-wide', 'llama-ternary']) {
  test(`${model}: the dense F16 file is codes times scale`, async () => {
    const dense = await openGguf(`test/golden/infer/${model}.f16.gguf`);
    const packed = await openGguf(`test/golden/infer/${model}.i2_s.gguf`);
    for (const info of packed.tensors.values()) {
      const twin = dense.tensors.get(info.name)!;
      const count = elementCount(info.shape);
      const expected = dequantize(info.dtype, await readTensor(info), count, undefined, info.name);
      const actual = dequantize(twin.dtype, await readTensor(twin), count, undefined, info.name);
      const rounded = isTernary(info.dtype) ? expected.map((x) => halfToFloat(floatToHalf(x))) : expected;
      const differs = actual.findIndex((x, i) => x + 0 !== rounded[i]! + 0);
      assert.equal(differs, -1, `${info.name} at ${differs}`);
    }
    await dense.source.close();
    await packed.source.close();
  });
}
