import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BitnetError } from '../../base/errors.ts';
import { memorySource } from '../sources/memory.ts';
import { TextList } from '../text-list.ts';
import { ByteWriter } from './byte-writer.ts';
import { GGUF_MAGIC, type GgufFile, readGguf } from './read.ts';

interface TensorRecord {
  name: string;
  /** Innermost first, as in the file. */
  dims: readonly (number | bigint)[];
  type: number;
  offset: number | bigint;
}

interface Parts {
  magic?: number;
  version?: number;
  tensorCount?: number | bigint;
  keyCount?: number | bigint;
  /** Each writes one key, type and value. */
  keys?: readonly ((out: ByteWriter) => void)[];
  tensors?: readonly TensorRecord[];
  dataLength?: number;
}

/** A file of exactly these parts, right or wrong. */
function fileOf(parts: Parts): Uint8Array {
  const out = new ByteWriter();
  out.u32(parts.magic ?? GGUF_MAGIC);
  out.u32(parts.version ?? 3);
  out.u64(parts.tensorCount ?? parts.tensors?.length ?? 0);
  out.u64(parts.keyCount ?? parts.keys?.length ?? 0);
  for (const writeKey of parts.keys ?? []) writeKey(out);
  for (const { name, dims, type, offset } of parts.tensors ?? []) {
    out.text(name);
    out.u32(dims.length);
    for (const dim of dims) out.u64(dim);
    out.u32(type);
    out.u64(offset);
  }
  out.padTo(32);
  out.bytes(new Uint8Array(parts.dataLength ?? 0));
  return out.written().slice();
}

const key = (name: string, type: number, writeValue: (out: ByteWriter) => void) => (out: ByteWriter) => {
  out.text(name);
  out.u32(type);
  writeValue(out);
};

const array = (name: string, type: number, count: number | bigint, writeValues: (out: ByteWriter) => void) =>
  key(name, 9, (out) => {
    out.u32(type);
    out.u64(count);
    writeValues(out);
  });

const parse = (parts: Parts): Promise<GgufFile> => readGguf(memorySource(fileOf(parts), 'm.gguf'));

/** One F32 tensor of 8 elements, 32 bytes. */
const f32 = (name: string, offset: number): TensorRecord => ({ name, dims: [8], type: 0, offset });

function refuses(what: string, code: string, parts: Parts, message: RegExp): void {
  test(`refused: ${what}`, async () => {
    await assert.rejects(parse(parts), (error) => {
      assert.ok(error instanceof BitnetError, String(error));
      assert.equal(error.code, code, error.message);
      assert.match(error.message, message);
      return true;
    });
  });
}

test('a file of every value type is read', async () => {
  const { metadata, metadataTypes } = await parse({
    keys: [
      key('u8', 0, (out) => out.u8(200)),
      key('i8', 1, (out) => out.u8(200)),
      key('u16', 2, (out) => out.u16(65535)),
      key('i16', 3, (out) => out.u16(65535)),
      key('u32', 4, (out) => out.u32(2 ** 32 - 1)),
      key('i32', 5, (out) => out.u32(2 ** 32 - 1)),
      key('f32', 6, (out) => out.f32(0.5)),
      key('bool', 7, (out) => out.u8(1)),
      key('string', 8, (out) => out.text('Äpfel 🍏')),
      key('u64', 10, (out) => out.u64(2n ** 53n - 1n)),
      key('big', 10, (out) => out.u64(2n ** 64n - 1n)),
      key('i64', 11, (out) => out.u64(2n ** 64n - 5n)),
      key('f64', 12, (out) => out.f64(0.1)),
      array('i32s', 5, 2, (out) => out.u64(2n ** 32n + 7n)),
      array('strings', 8, 2, (out) => {
        out.text('a');
        out.text('');
      }),
      array('bools', 7, 2, (out) => out.u16(1)),
      array('u64s', 10, 1, (out) => out.u64(9)),
    ],
  });
  assert.deepEqual(Object.fromEntries(metadata), {
    u8: 200,
    i8: -56,
    u16: 65535,
    i16: -1,
    u32: 2 ** 32 - 1,
    i32: -1,
    f32: 0.5,
    bool: true,
    string: 'Äpfel 🍏',
    u64: Number.MAX_SAFE_INTEGER,
    big: 2n ** 64n - 1n,
    i64: -5,
    f64: 0.1,
    i32s: Int32Array.of(7, 1),
    strings: TextList.of(['a', '']),
    bools: [true, false],
    u64s: BigUint64Array.of(9n),
  });
  assert.equal(metadataTypes.get('i32s'), 'i32[]');
  assert.equal(metadataTypes.get('i64'), 'i64');
});

test('shapes come outermost first, offsets from the start of the file', async () => {
  const file = await parse({
    version: 2,
    tensors: [
      { name: 'w', dims: [128, 4], type: 36, offset: 32 },
      { name: 'norm', dims: [8], type: 0, offset: 0 },
    ],
    dataLength: 32 + 160,
  });
  assert.equal(file.version, 2);
  const { source, ...w } = file.tensors.get('w')!;
  assert.deepEqual(w, {
    name: 'w',
    dtype: 'I2_S',
    shape: [4, 128],
    offset: file.dataOffset + 32,
    byteLength: 160,
  });
  assert.equal(source, file.source);
  assert.equal(file.dataOffset % 32, 0);
  assert.deepEqual([...file.tensors.keys()], ['w', 'norm']);
});

test('a last tensor may end without padding, a file without tensors anywhere', async () => {
  const file = await parse({ tensors: [{ name: 'x', dims: [3], type: 0, offset: 0 }], dataLength: 12 });
  assert.equal(file.tensors.get('x')?.byteLength, 12);
  assert.equal((await parse({})).tensors.size, 0);
});

test('general.alignment is obeyed', async () => {
  const keys = [key('general.alignment', 4, (out) => out.u32(64))];
  const bytes = fileOf({ keys, tensors: [f32('a', 0), f32('b', 64)] });
  const { buffer } = bytes;
  const padded = new Uint8Array(Math.ceil(bytes.length / 64) * 64 + 96);
  padded.set(new Uint8Array(buffer));
  const file = await readGguf(memorySource(padded));
  assert.equal(file.alignment, 64);
  assert.equal(file.dataOffset % 64, 0);
  assert.equal(file.tensors.get('b')?.offset, file.dataOffset + 64);
});

test('the header is read in windows, without the data behind it', async () => {
  const bytes = fileOf({
    tensors: [{ name: 'w', dims: [2 ** 20, 4], type: 0, offset: 0 }],
    dataLength: 2 ** 24,
  });
  const inner = memorySource(bytes);
  let read = 0;
  const counting = {
    ...inner,
    readInto: (target: Uint8Array, offset: number) => {
      read += target.length;
      return inner.readInto(target, offset);
    },
  };
  await readGguf(counting);
  assert.ok(read <= 2 ** 20, `${read} bytes`);
});

test('aborting is passed on', async () => {
  const reason = new Error('enough');
  await assert.rejects(readGguf(memorySource(fileOf({})), { signal: AbortSignal.abort(reason) }), reason);
});

test('every truncation of a small file is one clear error', async () => {
  const bytes = fileOf({
    keys: [
      key('general.architecture', 8, (out) => out.text('bitnet-b1.58')),
      array('tokens', 8, 3, (out) => ['a', 'b', 'cd'].forEach((text) => void out.text(text))),
      array('scores', 6, 2, (out) => out.f64(0)),
      key('flag', 7, (out) => out.u8(1)),
    ],
    tensors: [f32('a', 0), { name: 'w', dims: [128, 1], type: 36, offset: 32 }],
    dataLength: 32 + 64,
  });
  await readGguf(memorySource(bytes));
  for (let length = 0; length < bytes.length; length++) {
    await assert.rejects(readGguf(memorySource(bytes.subarray(0, length))), BitnetError, `cut at ${length}`);
  }
});

refuses('another magic', 'gguf/bad-magic', { magic: 0x47475546 }, /m\.gguf: this is no GGUF file/);
refuses('version 1', 'gguf/version', { version: 1 }, /version 1 at byte 4/);
refuses('version 4', 'gguf/version', { version: 4 }, /version 4/);
refuses('a big-endian file', 'gguf/big-endian', { version: 0x03000000 }, /big-endian/);
refuses('more keys than bytes', 'gguf/bad-count', { keyCount: 1000 }, /counts 1000 metadata keys/);
refuses('more tensors than bytes', 'gguf/bad-count', { tensorCount: 2n ** 63n }, /tensors/);
refuses(
  'an unknown value type',
  'gguf/value-type',
  { keys: [key('k', 13, (out) => out.u64(0))] },
  /"k" at byte 33.*13/,
);
refuses(
  'an unknown element type',
  'gguf/value-type',
  { keys: [array('k', 99, 0, (out) => out.u64(0))] },
  /"k".*99/,
);
refuses(
  'nested arrays',
  'gguf/nested-array',
  { keys: [array('k', 9, 1, (out) => out.u64(0))] },
  /"k".*array of arrays/,
);
refuses(
  'a string past the end',
  'gguf/truncated',
  { keys: [key('k', 8, (out) => out.u64(5000))] },
  /text of metadata key "k" at byte \d+ needs 5000 bytes/,
);
refuses(
  'a string of impossible length',
  'gguf/truncated',
  { keys: [key('k', 8, (out) => out.u64(2n ** 63n))] },
  /"k".*no value is that long/,
);
refuses(
  'an array past the end',
  'gguf/truncated',
  { keys: [array('k', 6, 1000, (out) => out.u64(0))] },
  /"k".*1000 elements/,
);
refuses(
  'an array string past the end',
  'gguf/truncated',
  { keys: [array('k', 8, 2, (out) => [1, 1e6].forEach((n) => void out.u64(n)))] },
  /string of metadata key "k"/,
);
refuses(
  'an array string of impossible length',
  'gguf/truncated',
  { keys: [array('k', 8, 1, (out) => out.u64(2n ** 60n))] },
  /"k".*no value is that long/,
);
refuses(
  'a truth value of 2',
  'gguf/bad-value',
  { keys: [key('k', 7, (out) => out.u8(2))] },
  /"k".*truth value of 2/,
);
refuses(
  'text that is no UTF-8',
  'gguf/bad-text',
  {
    keys: [
      key('k', 8, (out) => {
        out.u64(1);
        out.u8(0xff);
      }),
    ],
  },
  /"k".*UTF-8/,
);
refuses(
  'an array text that is no UTF-8',
  'gguf/bad-text',
  {
    keys: [
      array('k', 8, 1, (out) => {
        out.u64(1);
        out.u8(0x80);
      }),
    ],
  },
  /"k".*UTF-8/,
);
refuses(
  'a key name of impossible length',
  'gguf/bad-text',
  { keys: [(out) => out.u64(70000), (out) => out.u64(0)], keyCount: 1 },
  /name of metadata key 0/,
);
const flag = key('k', 7, (out) => out.u8(1));
refuses(
  'a repeated key',
  'gguf/repeated-key',
  { keys: [flag, flag] },
  /"k" at byte \d+ is there for the second time/,
);
for (const bad of [0, 24, 2 ** 31]) {
  const keys = [key('general.alignment', 4, (out) => out.u32(bad))];
  refuses(`an alignment of ${bad}`, 'gguf/alignment', { keys }, /general\.alignment.*power of two/);
}
refuses(
  'an alignment that is text',
  'gguf/alignment',
  { keys: [key('general.alignment', 8, (out) => out.text('32'))] },
  /power of two/,
);
refuses(
  'a repeated tensor',
  'gguf/repeated-tensor',
  { tensors: [f32('a', 0), f32('a', 32)], dataLength: 64 },
  /tensor a at byte/,
);
refuses(
  'five dimensions',
  'gguf/bad-dims',
  { tensors: [{ name: 'a', dims: [1, 1, 1, 1, 1], type: 0, offset: 0 }], dataLength: 32 },
  /tensor a .*5 dimensions/,
);
refuses(
  'a dimension of zero',
  'gguf/bad-dims',
  { tensors: [{ name: 'a', dims: [8, 0], type: 0, offset: 0 }], dataLength: 32 },
  /tensor a .*dimension of 0/,
);
refuses(
  'a dimension beyond 2^53',
  'gguf/bad-dims',
  { tensors: [{ name: 'a', dims: [2n ** 63n], type: 0, offset: 0 }], dataLength: 32 },
  /2\^53 elements/,
);
refuses(
  'dimensions whose product overflows',
  'gguf/bad-dims',
  { tensors: [{ name: 'a', dims: [2n ** 32n, 2n ** 32n], type: 0, offset: 0 }], dataLength: 32 },
  /2\^53 elements/,
);
refuses(
  'an unknown tensor type',
  'gguf/tensor-type',
  { tensors: [{ name: 'a', dims: [256], type: 99, offset: 0 }], dataLength: 32 },
  /tensor a is of type the unknown type id 99/,
);
refuses(
  'a known type that is not read',
  'gguf/tensor-type',
  { tensors: [{ name: 'a', dims: [256], type: 12, offset: 0 }], dataLength: 144 },
  /Q4_K \(type id 12\)/,
);
refuses(
  'TL1',
  'gguf/tensor-type',
  { tensors: [{ name: 'a', dims: [256, 256], type: 38, offset: 0 }], dataLength: 16416 },
  /TL1 \(type id 38\).*use the I2_S file/,
);
// (1536 - 256) * 4096 / 3 * 5 / 8 + 256 * 4096 / 2 * 4 / 8, rounded up to 32, and a tail of 32
const tl2Bytes = 1092266 + 262144 + 22 + 32;
for (const type of [39, 42]) {
  refuses(
    `TL2 under id ${type}`,
    'gguf/tensor-type',
    { tensors: [{ name: 'a', dims: [1536, 4096], type, offset: 0 }], dataLength: tl2Bytes },
    new RegExp(`TL2 \\(type id ${type}\\).*parameters are not in the file; use the I2_S file`),
  );
}
refuses(
  'MXFP4, the other meaning of id 39',
  'gguf/tensor-type',
  { tensors: [{ name: 'a', dims: [256, 256], type: 39, offset: 0 }], dataLength: 34816 },
  /MXFP4/,
);
for (const [group, bytes] of [
  [64, 18432],
  [128, 17408],
] as const) {
  refuses(
    `Q2_0 with groups of ${group}`,
    'gguf/tensor-type',
    { tensors: [{ name: 'a', dims: [256, 256], type: 42, offset: 0 }], dataLength: bytes },
    new RegExp(`Q2_0 with groups of ${group} \\(type id 42\\)`),
  );
}
refuses(
  'a row that is no multiple of the block',
  'tensor/bad-shape',
  { tensors: [{ name: 'a', dims: [64, 4], type: 36, offset: 0 }], dataLength: 96 },
  /m\.gguf: a: shape \[4, 64\].*multiple of 128/,
);
refuses(
  'a tensor behind the end',
  'gguf/tensor-outside',
  { tensors: [f32('a', 0), f32('b', 4096)], dataLength: 64 },
  /tensor b starts at byte 4096/,
);
refuses(
  'a tensor that ends behind the end',
  'gguf/tensor-outside',
  { tensors: [f32('a', 0), f32('b', 32)], dataLength: 63 },
  /tensor b needs bytes up to/,
);
refuses(
  'an offset of 2^63',
  'gguf/tensor-outside',
  { tensors: [{ name: 'a', dims: [8], type: 0, offset: 2n ** 63n }], dataLength: 64 },
  /tensor a/,
);
refuses(
  'a misaligned tensor',
  'gguf/misaligned',
  { tensors: [f32('a', 0), f32('b', 36)], dataLength: 128 },
  /tensor b .*alignment 32/,
);
refuses(
  'overlapping tensors',
  'gguf/overlap',
  { tensors: [{ name: 'a', dims: [9], type: 0, offset: 0 }, f32('b', 32)], dataLength: 64 },
  /tensor a runs into the next one after 32 bytes/,
);
refuses(
  'two tensors at one place',
  'gguf/overlap',
  { tensors: [f32('a', 0), f32('b', 0)], dataLength: 32 },
  /tensor a/,
);
refuses(
  'a tensor shorter than its place',
  'gguf/tensor-size',
  { tensors: [f32('a', 0), f32('b', 64)], dataLength: 96 },
  /tensor a has 64 bytes: F32 of shape \[8\] takes 32 bytes/,
);
refuses(
  'an I2_S id on a tensor of another layout',
  'gguf/tensor-size',
  { tensors: [{ name: 'a', dims: [128, 2], type: 36, offset: 0 }], dataLength: 144 },
  /tensor a has 144 bytes: I2_S.*96 bytes.*type id means another layout/,
);
refuses(
  'bytes before the first tensor',
  'gguf/tensor-size',
  { tensors: [f32('a', 32)], dataLength: 64 },
  /tensor a .*leaves 32 bytes/,
);
