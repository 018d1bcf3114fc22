/** For tests of models and engines: the bundled model's file with other metadata or tensors, as bytes in memory. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { GgufNumbers, MetadataValue } from '../../formats/gguf/metadata.ts';
import { type GgufFile, readGguf } from '../../formats/gguf/read.ts';
import type { GgufValueType } from '../../formats/gguf/value-type.ts';
import { type GgufEntry, writeGguf } from '../../formats/gguf/write.ts';
import { memorySource } from '../../formats/sources/memory.ts';
import { readTensor } from '../../formats/tensor-info.ts';
import type { TensorOutput } from '../../formats/tensor-output.ts';
import { TextList } from '../../formats/text-list.ts';

/** The file of the bundled model. */
export function tinyTalesBytes(): Uint8Array<ArrayBuffer> {
  return new Uint8Array(
    readFileSync(new URL('../../../test/golden/tiny-tales/tiny-tales.i2_s.gguf', import.meta.url)),
  );
}

/** What to change about a file. */
export interface Changes {
  /** Values by key; undefined takes a key away. */
  readonly metadata?: Readonly<Record<string, MetadataValue | undefined>>;
  /** Answers what to write for a tensor: itself, another one, or none. */
  readonly tensor?: (tensor: TensorOutput, bytes: Uint8Array) => TensorOutput | undefined;
  /** Tensors to put behind the others. */
  readonly added?: readonly TensorOutput[];
}

/** The bytes of a GGUF file with changes. */
export async function rewriteGguf(bytes: Uint8Array, changes: Changes): Promise<Uint8Array<ArrayBuffer>> {
  const file = await readGguf(memorySource(bytes));
  const parts: Uint8Array[] = [];
  await writeGguf(
    async (part) => {
      parts.push(part.slice());
    },
    { metadata: entriesOf(file, changes), tensors: await tensorsOf(file, changes) },
  );
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let length = 0;
  for (const part of parts) {
    whole.set(part, length);
    length += part.length;
  }
  return whole;
}

/** A tensor of bytes that are at hand. */
export function tensorOf(
  name: string,
  dtype: TensorOutput['dtype'],
  shape: readonly number[],
  bytes: Uint8Array,
): TensorOutput {
  return { name, dtype, shape, data: () => [bytes] };
}

function entriesOf({ metadata }: GgufFile, changes: Changes): GgufEntry[] {
  const all = new Map<string, MetadataValue | undefined>([
    ...metadata,
    ...Object.entries(changes.metadata ?? {}),
  ]);
  return [...all].flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, type: typeOf(value), value }],
  );
}

async function tensorsOf({ tensors }: GgufFile, changes: Changes): Promise<TensorOutput[]> {
  const outputs: TensorOutput[] = [];
  for (const info of tensors.values()) {
    const bytes = await readTensor(info);
    const same = tensorOf(info.name, info.dtype, info.shape, bytes);
    const written = changes.tensor === undefined ? same : changes.tensor(same, bytes);
    if (written !== undefined) outputs.push(written);
  }
  return [...outputs, ...(changes.added ?? [])];
}

function typeOf(value: MetadataValue): GgufValueType {
  if (typeof value === 'string') return 'string';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'number') return Number.isInteger(value) ? 'u32' : 'f32';
  if (value instanceof TextList) return 'string[]';
  if (Array.isArray(value)) return 'bool[]';
  const numbers = value as GgufNumbers;
  if (numbers instanceof Float32Array) return 'f32[]';
  if (numbers instanceof Int32Array) return 'i32[]';
  assert.ok(numbers instanceof Uint32Array, `no type for a ${typeof value}`);
  return 'u32[]';
}

test('a file rewritten without changes holds the same metadata and tensors', async () => {
  const before = await readGguf(memorySource(tinyTalesBytes()));
  const after = await readGguf(memorySource(await rewriteGguf(tinyTalesBytes(), {})));
  assert.deepEqual(after.metadata, before.metadata);
  assert.deepEqual([...after.tensors.keys()], [...before.tensors.keys()]);
  for (const [name, info] of before.tensors) {
    assert.deepEqual(await readTensor(after.tensors.get(name)!), await readTensor(info), name);
  }
});
