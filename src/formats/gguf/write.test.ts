import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BitnetError } from '../../base/errors.ts';
import { byteLengthOf, type DType } from '../../tensor/dtype.ts';
import { memorySource } from '../sources/memory.ts';
import { readTensor } from '../tensor-info.ts';
import type { TensorOutput } from '../tensor-output.ts';
import { TextList } from '../text-list.ts';
import { readGguf } from './read.ts';
import { type GgufEntry, writeGguf } from './write.ts';

async function bytesOf(
  metadata: readonly GgufEntry[],
  tensors: readonly TensorOutput[],
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const length = await writeGguf(async (part) => void parts.push(part.slice()), { metadata, tensors });
  const bytes = new Uint8Array(Buffer.concat(parts));
  assert.equal(length, bytes.length);
  return bytes;
}

const text = fc.string({ unit: 'binary', maxLength: 60 });
const value = fc.oneof(
  fc.record({ type: fc.constant('u8' as const), value: fc.nat(255) }),
  fc.record({ type: fc.constant('i8' as const), value: fc.integer({ min: -128, max: 127 }) }),
  fc.record({ type: fc.constant('u16' as const), value: fc.nat(65535) }),
  fc.record({ type: fc.constant('i16' as const), value: fc.integer({ min: -32768, max: 32767 }) }),
  fc.record({ type: fc.constant('u32' as const), value: fc.integer({ min: 0, max: 2 ** 32 - 1 }) }),
  fc.record({ type: fc.constant('i32' as const), value: fc.integer() }),
  fc.record({ type: fc.constant('u64' as const), value: fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }) }),
  fc.record({ type: fc.constant('i64' as const), value: fc.maxSafeInteger() }),
  fc.record({ type: fc.constant('f32' as const), value: fc.float() }),
  fc.record({ type: fc.constant('f64' as const), value: fc.double() }),
  fc.record({ type: fc.constant('bool' as const), value: fc.boolean() }),
  fc.record({ type: fc.constant('string' as const), value: text }),
  fc.record({ type: fc.constant('string[]' as const), value: fc.array(text).map(TextList.of) }),
  fc.record({ type: fc.constant('bool[]' as const), value: fc.array(fc.boolean()) }),
  fc.record({ type: fc.constant('i32[]' as const), value: fc.int32Array() }),
  fc.record({ type: fc.constant('f32[]' as const), value: fc.float32Array() }),
  fc.record({ type: fc.constant('u16[]' as const), value: fc.uint16Array() }),
  fc.record({ type: fc.constant('i64[]' as const), value: fc.bigInt64Array() }),
);
const entries: fc.Arbitrary<GgufEntry[]> = fc
  .uniqueArray(fc.tuple(text, value), { selector: ([key]) => key, maxLength: 12 })
  .map((pairs) => pairs.map(([key, typed]) => ({ key, ...typed })));

const shapes: fc.Arbitrary<[DType, number[]]> = fc.oneof(
  fc.tuple(
    fc.constantFrom<DType>('F32', 'F16', 'BF16', 'I8'),
    fc.array(fc.integer({ min: 1, max: 5 }), { maxLength: 4 }),
  ),
  fc.tuple(
    fc.constantFrom<DType>('I2_S', 'TQ1_0', 'TQ2_0', 'Q6_K'),
    fc.tuple(fc.integer({ min: 1, max: 3 }), fc.constantFrom(256, 512)),
  ),
);
const tensors = fc.uniqueArray(fc.tuple(text, shapes, fc.nat(255)), {
  selector: ([name]) => name,
  maxLength: 6,
});

test('what was written is read again: metadata, types and tensors', async () => {
  await fc.assert(
    fc.asyncProperty(entries, tensors, fc.constantFrom(1, 8, 32, 256), async (metadata, plans, alignment) => {
      const all = [...metadata.filter((entry) => entry.key !== 'general.alignment')];
      all.push({ key: 'general.alignment', type: 'u32', value: alignment });
      const outputs = plans.map(([name, [dtype, shape], fill]) => ({
        name,
        dtype,
        shape,
        *data() {
          const bytes = new Uint8Array(byteLengthOf(dtype, shape)).fill(fill);
          yield bytes.subarray(0, 3);
          yield bytes.subarray(3);
        },
      }));
      const file = await readGguf(memorySource(await bytesOf(all, outputs)));
      assert.deepEqual(
        [...file.metadata],
        all.map((entry) => [entry.key, entry.value]),
      );
      assert.deepEqual(
        [...file.metadataTypes],
        all.map((entry) => [entry.key, entry.type]),
      );
      assert.equal(file.alignment, alignment);
      assert.deepEqual(
        [...file.tensors.keys()],
        outputs.map((tensor) => tensor.name),
      );
      for (const [i, info] of [...file.tensors.values()].entries()) {
        assert.deepEqual([info.dtype, info.shape], plans[i]![1]);
        assert.ok((await readTensor(info)).every((byte) => byte === plans[i]![2]));
      }
    }),
    { numRuns: 150 },
  );
});

const tensor = (name: string, length: number): TensorOutput => ({
  name,
  dtype: 'F32',
  shape: [4],
  data: () => [new Uint8Array(length)],
});

const refusals: [string, string, GgufEntry[], TensorOutput[]][] = [
  ['an integer out of range', 'gguf/write-value', [{ key: 'k', type: 'u8', value: 256 }], []],
  ['a fraction as integer', 'gguf/write-value', [{ key: 'k', type: 'i32', value: 0.5 }], []],
  ['a number as text', 'gguf/write-value', [{ key: 'k', type: 'string', value: 1 }], []],
  ['a text as truth value', 'gguf/write-value', [{ key: 'k', type: 'bool', value: 'yes' }], []],
  ['a text as float', 'gguf/write-value', [{ key: 'k', type: 'f32', value: '1' }], []],
  ['a scalar as array', 'gguf/write-value', [{ key: 'k', type: 'f32[]', value: 1 }], []],
  ['a repeated key', 'gguf/write-value', [1, 2].map((n) => ({ key: 'k', type: 'u8', value: n })), []],
  ['an impossible alignment', 'gguf/write-value', [{ key: 'general.alignment', type: 'u32', value: 3 }], []],
  ['a repeated tensor', 'gguf/write-value', [], [tensor('a', 16), tensor('a', 16)]],
  ['too little data', 'tensor/byte-length', [], [tensor('a', 12)]],
  ['too much data', 'tensor/byte-length', [], [tensor('a', 20)]],
  ['a type without a number', 'gguf/write-type', [], [{ ...tensor('a', 4), dtype: 'U8' }]],
];
for (const [what, code, metadata, outputs] of refusals) {
  test(`not written: ${what}`, async () => {
    await assert.rejects(
      bytesOf(metadata, outputs),
      (error) => error instanceof BitnetError && error.code === code,
    );
  });
}

test('tensor data passes through in the pieces its owner makes', async () => {
  const shape = [64, 256 * 1024];
  const piece = new Uint8Array(2 ** 20);
  let largest = 0;
  let pieces = 0;
  const length = await writeGguf(
    async (part) => {
      largest = Math.max(largest, part.length);
      pieces++;
    },
    {
      metadata: [],
      tensors: [
        {
          name: 'w',
          dtype: 'F32',
          shape,
          async *data() {
            for (let i = 0; i < 64; i++) yield piece;
          },
        },
      ],
    },
  );
  assert.equal(largest, piece.length);
  assert.equal(pieces, 65);
  assert.ok(length > 64 * piece.length);
});
