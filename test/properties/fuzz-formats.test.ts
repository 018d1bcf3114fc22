/**
 * Damaged model files: whatever happens to the bytes, the readers either answer or throw one BitnetError. They never ask
 * for bytes outside the file, never read much more than the file has, and never take memory that the file does not
 * justify. BITNET_FUZZ_RUNS sets the number of mutations per file (default 2000), BITNET_FUZZ_SEED their seed; a failure
 * names seed and run.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import type { ByteSource } from '#src/base/byte-source.js';
import { BitnetError } from '#src/base/errors.js';
import { readGguf } from '#src/formats/gguf/read.js';
import { writeGguf } from '#src/formats/gguf/write.js';
import { readSafetensors } from '#src/formats/safetensors/read.js';
import { writeSafetensors } from '#src/formats/safetensors/write.js';
import { readTensor, type TensorInfo } from '#src/formats/tensor-info.js';
import { dequantize } from '#src/tensor/dequantize.js';
import { byteLengthOf, elementCount, isTernary } from '#src/tensor/dtype.js';
import { ternaryScale } from '#src/tensor/ternary-tensor.js';
import { mutations, seededRandom } from './mutate.js';
import { strictSource } from './strict-source.js';

const RUNS = Number(process.env.BITNET_FUZZ_RUNS ?? 2000);
const SEED = Number(process.env.BITNET_FUZZ_SEED ?? 1);
const COUNT = `fuzzed inputs: ${RUNS}`;

/** Reads a whole file as the loader would: header, then the tensors, unpacked. */
async function readAll(tensors: ReadonlyMap<string, TensorInfo>): Promise<void> {
  for (const info of tensors.values()) {
    assert.equal(info.byteLength, byteLengthOf(info.dtype, info.shape));
    const bytes = await readTensor(info);
    const count = elementCount(info.shape);
    if (isTernary(info.dtype)) ternaryScale(info.dtype, bytes, count, info.name);
    dequantize(info.dtype, bytes, count, undefined, info.name);
  }
}

type Reader = (source: ByteSource) => Promise<{ tensors: ReadonlyMap<string, TensorInfo> }>;

/** @param zeros  stand for the tensor data behind a seed that is only the start of a file; they are not read then */
async function fuzz(seed: Uint8Array, read: Reader, zeros = 0): Promise<void> {
  let accepted = 0;
  let run = 0;
  for (const bytes of mutations(seed, seededRandom(SEED), RUNS)) {
    const { source, given } = strictSource(bytes, zeros);
    try {
      const { tensors } = await read(source);
      assert.ok(given() <= bytes.length + zeros, 'the header takes no more than the file');
      accepted++;
      if (zeros === 0) await readAll(tensors);
    } catch (error) {
      if (!(error instanceof BitnetError)) throw new Error(`run ${run} of seed ${SEED}`, { cause: error });
      assert.ok(error.message.length > 10 && !error.message.includes('undefined'), error.message);
    }
    run++;
  }
  assert.equal(run, RUNS);
  // About one in fifty gets through.
  if (RUNS >= 1000) {
    assert.ok(accepted > 0 && accepted < RUNS, `${accepted} of ${RUNS} runs were accepted`);
  }
}

async function gathered(
  write: (sink: (part: Uint8Array) => Promise<void>) => Promise<number>,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  await write(async (part) => void parts.push(part.slice()));
  return new Uint8Array(Buffer.concat(parts));
}

const smallGguf = (): Promise<Uint8Array> =>
  gathered((sink) =>
    writeGguf(sink, {
      metadata: [
        { key: 'general.architecture', type: 'string', value: 'bitnet-b1.58' },
        { key: 'general.alignment', type: 'u32', value: 32 },
        { key: 'bitnet-b1.58.block_count', type: 'u32', value: 1 },
        { key: 'count', type: 'u64', value: 5 },
        { key: 'epsilon', type: 'f32', value: 1e-5 },
        { key: 'tokenizer.ggml.add_bos_token', type: 'bool', value: true },
        { key: 'tokenizer.ggml.tokens', type: 'string[]', value: ['<s>', 'a', 'Ġb', '🍏'] },
        { key: 'tokenizer.ggml.token_type', type: 'i32[]', value: [3, 1, 1, 1] },
        { key: 'flags', type: 'bool[]', value: [true, false] },
      ],
      tensors: [
        { name: 'norm', dtype: 'F32', shape: [8], data: () => [new Uint8Array(32)] },
        { name: 'a', dtype: 'I2_S', shape: [2, 128], data: () => [new Uint8Array(96).fill(0x55)] },
        { name: 'b', dtype: 'TQ2_0', shape: [1, 256], data: () => [new Uint8Array(66)] },
        { name: 'c', dtype: 'TQ1_0', shape: [1, 256], data: () => [new Uint8Array(54)] },
        { name: 'd', dtype: 'Q6_K', shape: [1, 256], data: () => [new Uint8Array(210)] },
        { name: 'e', dtype: 'Q8_0', shape: [1, 32], data: () => [new Uint8Array(34)] },
      ],
    }),
  );

const smallSafetensors = (): Promise<Uint8Array> =>
  gathered((sink) =>
    writeSafetensors(
      sink,
      [
        { name: 'w', dtype: 'U8', shape: [2, 8], data: () => [new Uint8Array(16)] },
        { name: 'w_scale', dtype: 'BF16', shape: [1], data: () => [new Uint8Array(2)] },
        { name: 'norm', dtype: 'F32', shape: [4], data: () => [new Uint8Array(16)] },
        { name: 'x"\\é', dtype: 'F16', shape: [], data: () => [new Uint8Array(2)] },
      ],
      new Map([['format', 'pt']]),
    ),
  );

/** The first bytes of a golden file, and how many more it has. */
async function golden(path: string, length: number): Promise<[Uint8Array, number]> {
  const bytes = await readFile(new URL(`../../../test/golden/${path}`, import.meta.url));
  return [new Uint8Array(bytes.subarray(0, length)), bytes.length - length];
}

test('a small GGUF file, damaged', async (t) => {
  const seed = await smallGguf();
  await readAll((await readGguf(strictSource(seed).source)).tensors);
  await fuzz(seed, (source) => readGguf(source));
  t.diagnostic(COUNT);
});

test('a small safetensors file, damaged', async (t) => {
  const seed = await smallSafetensors();
  assert.equal((await readSafetensors(strictSource(seed).source)).tensors.size, 4);
  await fuzz(seed, (source) => readSafetensors(source));
  t.diagnostic(COUNT);
});

for (const name of ['bitnet-relu2.i2_s', 'llama-ternary.tq1_0']) {
  test(`the header of ${name}.gguf, damaged`, async (t) => {
    const [seed, rest] = await golden(`infer/${name}.gguf`, 12_000);
    await fuzz(seed, (source) => readGguf(source), rest);
    t.diagnostic(COUNT);
  });
}

test('the header of a golden safetensors file, damaged', async (t) => {
  const [seed, rest] = await golden('tiny-tales/hf-packed/model.safetensors', 10_000);
  await fuzz(seed, (source) => readSafetensors(source), rest);
  t.diagnostic(COUNT);
});

test('random bytes behind a right magic', async (t) => {
  const random = seededRandom(SEED);
  for (let run = 0; run < RUNS; run++) {
    const bytes = Uint8Array.from({ length: Math.floor(random() * 400) }, () => Math.floor(random() * 256));
    bytes.set(new TextEncoder().encode('GGUF\x03\0\0\0').subarray(0, bytes.length));
    await assert.rejects(readGguf(strictSource(bytes).source), BitnetError, `run ${run}`);
  }
  t.diagnostic(COUNT);
});

test('a small file that claims much costs little memory', async () => {
  const seed = await smallGguf();
  const view = new DataView(seed.buffer);
  const allocated: number[] = [];
  for (let at = 8; at + 8 <= seed.length; at++) {
    for (const claim of [2n ** 20n, 2n ** 31n, 2n ** 40n]) {
      const before = view.getBigUint64(at, true);
      view.setBigUint64(at, claim, true);
      const used = process.memoryUsage();
      await readGguf(strictSource(seed).source).catch((error: unknown) =>
        assert.ok(error instanceof BitnetError),
      );
      const now = process.memoryUsage();
      allocated.push(now.arrayBuffers + now.heapUsed - used.arrayBuffers - used.heapUsed);
      view.setBigUint64(at, before, true);
    }
  }
  assert.ok(allocated.length > 3000);
  assert.ok(Math.max(...allocated) < 8 * 2 ** 20, `${Math.max(...allocated)} bytes`);
});
