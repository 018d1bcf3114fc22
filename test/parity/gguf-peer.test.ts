/** Our GGUF reader against @huggingface/gguf: the same metadata, tensor infos and data offset for the same file. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { GGMLQuantizationType, gguf } from '@huggingface/gguf';
import { openPath } from '#platform';
import type { ByteSource } from '#src/base/byte-source.js';
import { readGguf } from '#src/formats/gguf/read.js';
import { TextList } from '#src/formats/text-list.js';

/** 64-bit integers are bigints there and numbers here. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (value instanceof TextList) return [...value];
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<unknown>, plain);
  return Array.isArray(value) ? value.map(plain) : value;
}

for (const name of [
  'bitnet-silu.f16',
  'bitnet-silu.tq1_0',
  'bitnet-relu2.tq2_0',
  'bitnet-wide.f16',
  'llama-ternary.f16',
  'llama-ternary.tq1_0',
]) {
  test(`${name}: both readers see the same file`, async () => {
    const path = fileURLToPath(new URL(`../../../test/golden/infer/${name}.gguf`, import.meta.url));
    const ours = await readGguf((await openPath(path)) as ByteSource);
    const theirs = await gguf(path, { allowLocalFile: true });
    const { version, tensor_count: tensorCount, kv_count: keyCount, ...metadata } = theirs.metadata;
    assert.equal(ours.version, version);
    assert.equal(ours.tensors.size, Number(tensorCount));
    assert.equal(ours.metadata.size, Number(keyCount));
    assert.equal(ours.dataOffset, Number(theirs.tensorDataOffset));
    const sorted = (entries: Iterable<[string, unknown]>) => Object.fromEntries([...entries].sort());
    assert.deepEqual(
      sorted([...ours.metadata].map(([key, value]) => [key, plain(value)])),
      sorted(Object.entries(metadata).map(([key, value]) => [key, plain(value)])),
    );
    assert.deepEqual(
      [...ours.tensors.values()].map(({ name, dtype, shape, offset }) => ({ name, dtype, shape, offset })),
      theirs.tensorInfos.map((info) => ({
        name: info.name,
        dtype: GGMLQuantizationType[info.dtype],
        shape: info.shape.map(Number).reverse(),
        offset: Number(theirs.tensorDataOffset + info.offset),
      })),
    );
    await ours.source.close();
  });
}
