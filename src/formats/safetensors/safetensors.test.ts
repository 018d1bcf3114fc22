import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BitnetError } from '../../base/errors.ts';
import { byteLengthOf, type DType } from '../../tensor/dtype.ts';
import { memorySource } from '../sources/memory.ts';
import { readTensor } from '../tensor-info.ts';
import type { TensorOutput } from '../tensor-output.ts';
import { readSafetensors } from './read.ts';
import { writeSafetensors } from './write.ts';

async function bytesOf(
  tensors: readonly TensorOutput[],
  metadata?: ReadonlyMap<string, string>,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const length = await writeSafetensors(async (part) => void parts.push(part.slice()), tensors, metadata);
  const bytes = new Uint8Array(Buffer.concat(parts));
  assert.equal(length, bytes.length);
  return bytes;
}

/** A file with this header text and so much data. */
function fileOf(header: string, dataLength: number): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + dataLength);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const tensor = (dtype: string, shape: unknown, begin: unknown, end: unknown) =>
  ({ dtype, shape, data_offsets: [begin, end] }) as const;

const name = fc.string({ unit: 'binary', maxLength: 20 }).filter((text) => text !== '__metadata__');
const plan = fc.tuple(
  name,
  fc.constantFrom<DType>('F32', 'F16', 'BF16', 'U8', 'I64', 'BOOL'),
  fc.array(fc.nat(4), { maxLength: 3 }),
  fc.nat(255),
);

test('what was written is read again, aligned to its element size', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(plan, { selector: ([key]) => key, maxLength: 8 }),
      fc.dictionary(name, fc.string({ unit: 'binary' })),
      async (plans, metadata) => {
        const outputs = plans.map(([key, dtype, shape, fill]) => ({
          name: key,
          dtype,
          shape,
          data: () => [new Uint8Array(byteLengthOf(dtype, shape)).fill(fill)],
        }));
        const texts = new Map(Object.entries(metadata));
        const file = await readSafetensors(memorySource(await bytesOf(outputs, texts)));
        assert.deepEqual(file.metadata, texts);
        assert.equal(file.tensors.size, plans.length);
        for (const [key, dtype, shape, fill] of plans) {
          const info = file.tensors.get(key)!;
          assert.deepEqual([info.dtype, info.shape], [dtype, shape]);
          assert.equal(info.offset % byteLengthOf(dtype, []), 0);
          assert.ok((await readTensor(info)).every((byte) => byte === fill));
        }
      },
    ),
    { numRuns: 150 },
  );
});

test('every truncation of a small file is one clear error', async () => {
  const bytes = await bytesOf(
    [{ name: 'w', dtype: 'F32', shape: [2, 2], data: () => [new Uint8Array(16)] }],
    new Map([['format', 'pt']]),
  );
  for (let length = 0; length < bytes.length; length++) {
    await assert.rejects(
      readSafetensors(memorySource(bytes.subarray(0, length))),
      BitnetError,
      `cut at ${length}`,
    );
  }
});

const good = { a: tensor('F32', [2], 0, 8), b: tensor('F16', [], 8, 10) };
test('a header may end in spaces', async () => {
  const file = await readSafetensors(memorySource(fileOf(`${JSON.stringify(good)}   `, 10)));
  assert.deepEqual([...file.tensors.keys()], ['a', 'b']);
});

const refusals: [string, string, unknown, number, RegExp][] = [
  ['a header that is no JSON', 'json/invalid', '{"a"', 0, /m\.safetensors/],
  ['a header that is a list', 'safetensors/header', '[1]', 0, /does not start with "\{"/],
  ['a header that starts with a space', 'safetensors/header', ` ${JSON.stringify(good)}`, 10, /byte 8/],
  [
    'a repeated tensor',
    'json/repeated-key',
    `{"a":${JSON.stringify(good.a)},"a":${JSON.stringify(good.a)}}`,
    8,
    /"a" appears twice/,
  ],
  ['a tensor that is no object', 'safetensors/header', { a: 1 }, 0, /: a is not described/],
  [
    'a tensor without dtype',
    'safetensors/header',
    { a: { shape: [], data_offsets: [0, 4] } },
    4,
    /a has no dtype/,
  ],
  ['an 8-bit float', 'safetensors/dtype', { a: tensor('F8_E4M3', [1], 0, 1) }, 1, /a has the dtype F8_E4M3/],
  ['a block type', 'safetensors/dtype', { a: tensor('I2_S', [128], 0, 64) }, 64, /I2_S/],
  ['a shape that is no list', 'safetensors/header', { a: tensor('U8', 3, 0, 3) }, 3, /a has a shape/],
  ['a negative dimension', 'safetensors/header', { a: tensor('U8', [-3], 0, 3) }, 3, /a has a shape/],
  ['nine dimensions', 'safetensors/header', { a: tensor('U8', Array(9).fill(1), 0, 1) }, 1, /at most 8/],
  ['a product beyond 2^53', 'tensor/bad-shape', { a: tensor('U8', [2 ** 40, 2 ** 40], 0, 1) }, 1, /a: shape/],
  [
    'one offset',
    'safetensors/header',
    { a: { dtype: 'U8', shape: [1], data_offsets: [0] } },
    1,
    /data_offsets/,
  ],
  ['a fractional offset', 'safetensors/header', { a: tensor('U8', [1], 0.5, 1.5) }, 1, /data_offsets/],
  [
    'offsets that do not fit the shape',
    'safetensors/offsets',
    { a: tensor('F32', [2], 0, 4) },
    4,
    /takes 8 bytes/,
  ],
  ['offsets that run backwards', 'safetensors/offsets', { a: tensor('U8', [1], 1, 0) }, 1, /tensor a/],
  ['offsets behind the end', 'safetensors/offsets', { a: tensor('U8', [4], 0, 4) }, 3, /the data has 3/],
  [
    'overlapping tensors',
    'safetensors/hole',
    { a: tensor('U8', [4], 0, 4), b: tensor('U8', [4], 3, 7) },
    7,
    /tensor b .*overlaps/,
  ],
  [
    'a hole',
    'safetensors/hole',
    { a: tensor('U8', [1], 0, 1), b: tensor('U8', [1], 2, 3) },
    3,
    /tensor b .*hole/,
  ],
  [
    'data that belongs to no tensor',
    'safetensors/hole',
    { a: tensor('U8', [1], 0, 1) },
    2,
    /the tensors end at byte/,
  ],
  ['metadata that is no object', 'safetensors/header', { __metadata__: [] }, 0, /__metadata__/],
  ['metadata that is no text', 'safetensors/header', { __metadata__: { x: 1 } }, 0, /no text under "x"/],
];
for (const [what, code, header, dataLength, message] of refusals) {
  test(`refused: ${what}`, async () => {
    const text = typeof header === 'string' ? header : JSON.stringify(header);
    await assert.rejects(
      readSafetensors(memorySource(fileOf(text, dataLength), 'm.safetensors')),
      (error) => {
        assert.ok(error instanceof BitnetError, String(error));
        assert.equal(error.code, code, error.message);
        assert.match(error.message, message);
        return true;
      },
    );
  });
}

test('header lengths out of bounds are refused before anything is read', async () => {
  const bytes = fileOf(JSON.stringify(good), 10);
  const view = new DataView(bytes.buffer);
  for (const [length, code] of [
    [0n, 'safetensors/header-length'],
    [100_000_001n, 'safetensors/header-length'],
    [2n ** 64n - 1n, 'safetensors/header-length'],
    [100_000_000n, 'safetensors/truncated'],
  ] as const) {
    view.setBigUint64(0, length, true);
    await assert.rejects(
      readSafetensors(memorySource(bytes)),
      (error) => error instanceof BitnetError && error.code === code,
    );
  }
});

test('what the format cannot hold is not written', async () => {
  const one = (key: string, dtype: DType): TensorOutput => ({
    name: key,
    dtype,
    shape: [256],
    data: () => [],
  });
  const hasCode = (code: string) => (error: unknown) => error instanceof BitnetError && error.code === code;
  await assert.rejects(bytesOf([one('a', 'I2_S')]), hasCode('safetensors/write-type'));
  await assert.rejects(bytesOf([one('a', 'U8'), one('a', 'U8')]), hasCode('safetensors/write-name'));
  await assert.rejects(bytesOf([one('__metadata__', 'U8')]), hasCode('safetensors/write-name'));
  await assert.rejects(bytesOf([one('a', 'U8')]), hasCode('tensor/byte-length'));
});
