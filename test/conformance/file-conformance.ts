/**
 * The operations on bytes of model files (src/kernels/file-kernels.ts), which the reference does not have: held to the
 * packers of src/tensor/ and to the bytes of files that are written here.
 */
import assert from 'node:assert/strict';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '#src/base/random.js';
import type { Backend } from '#src/kernels/backend.js';
import { type FileKernels, TernaryLayout } from '#src/kernels/file-kernels.js';
import { byteLengthOf, I2S_TAIL_BYTES, type TernaryDType } from '#src/tensor/dtype.js';
import { packRows } from '#src/tensor/packed-rows.js';
import { packTernary, unpackTernary } from '#src/tensor/ternary-tensor.js';
import { assertSameBytes, GuardedHeap } from './guarded-heap.ts';
import { LONG_REDUCTIONS, REDUCTIONS } from './kernel-cases.ts';
import { randomCodes } from './random-data.ts';

/** Neither codes nor rows of files start at multiples of anything. */
const SHIFTS = [0, 1, 13];

/** What a row is unpacked from: a layout of a file type, with its rows of whole groups of weights. */
const TYPES = [
  { dtype: 'I2_S', lengths: [128, 256, 384, 2560, 6912] },
  { dtype: 'TQ1_0', lengths: [256, 512, 2560, 6912] },
  { dtype: 'TQ2_0', lengths: [256, 512, 2560, 6912] },
] as const;

function fileKernels({ kernels }: GuardedHeap): FileKernels {
  const { readFile, leavePages, unpackTernary } = kernels;
  assert.ok(readFile && leavePages && unpackTernary, `${kernels.name} has the operations on files`);
  return { readFile, leavePages, unpackTernary };
}

/** Unpacks a row that lies `shift` bytes off; answers its codes and whether a 3 was among them. */
function unpack(
  heap: GuardedHeap,
  row: Uint8Array,
  layout: number,
  K: number,
  shift = 0,
): { codes: Uint8Array; isBad: boolean } {
  const source = heap.input(Buffer.concat([new Uint8Array(shift), row])) + shift;
  const before = heap.output(shift + K);
  const result = fileKernels(heap).unpackTernary(before + shift, source, layout, K);
  const codes = heap.read(before + shift, K);
  heap.release(`unpackTernary layout=${layout} K=${K} shift=${shift}`);
  return { codes, isBad: result !== 0 };
}

/** The bytes of one row, without the tail of I2_S. */
function packedRow(dtype: TernaryDType, codes: Uint8Array): Uint8Array {
  const bytes = packTernary(dtype, codes, 0.5, 'a row');
  return dtype === 'I2_S' ? bytes.subarray(0, bytes.length - I2S_TAIL_BYTES) : bytes;
}

/** Rows of every file type, of all lengths, and in Hugging Face's packing each of the four that share their bytes. */
export function ternaryRows(backend: Backend): void {
  const heap = new GuardedHeap(backend);
  const random = createRandom(31);
  for (const { dtype, lengths } of TYPES) {
    for (const K of lengths) {
      for (const shift of SHIFTS) {
        const expected = randomCodes(random, K);
        const { codes, isBad } = unpack(heap, packedRow(dtype, expected), TernaryLayout[dtype], K, shift);
        assertSameBytes(codes, expected, `${dtype} K=${K} shift=${shift}`);
        assert.equal(isBad, false);
      }
    }
  }
  for (const K of [...REDUCTIONS, ...LONG_REDUCTIONS]) {
    const expected = randomCodes(random, 4 * K);
    const packed = packRows(expected, 4, K, 'four rows');
    for (let field = 0; field < 4; field++) {
      const { codes, isBad } = unpack(heap, packed, TernaryLayout.Field0 + field, K, SHIFTS[field % 3]);
      assertSameBytes(codes, expected.subarray(field * K, (field + 1) * K), `field ${field} K=${K}`);
      assert.equal(isBad, false);
    }
  }
}

/** Every byte there can be in TQ1_0, where each stands for some codes. */
export function anyTrits(backend: Backend): void {
  const heap = new GuardedHeap(backend);
  const K = 256 * 256;
  const packed = new Uint8Array(byteLengthOf('TQ1_0', [K]));
  for (let block = 0; block < 256; block++) {
    for (let i = 0; i < 52; i++) packed[54 * block + i] = block + 5 * i;
  }
  const expected = new Uint8Array(K);
  unpackTernary('TQ1_0', packed, K, expected, 'every byte');
  const { codes, isBad } = unpack(heap, packed, TernaryLayout.TQ1_0, K);
  assertSameBytes(codes, expected, 'TQ1_0 of every byte');
  assert.equal(isBad, false);
}

/** One field of 3, which is no code, at every place of a row; and beside it, where it belongs to another row. */
export function badCodes(backend: Backend): void {
  const heap = new GuardedHeap(backend);
  const random = createRandom(32);
  const K = 512;
  for (const dtype of ['I2_S', 'TQ2_0'] as const) {
    const codes = randomCodes(random, K);
    const row = packedRow(dtype, codes);
    for (let at = 0; at < K; at++) {
      const withOne = row.slice();
      const twos = packedRow(dtype, codes.with(at, 2));
      const ones = packedRow(dtype, codes.with(at, 1));
      for (let i = 0; i < row.length; i++) withOne[i] = twos[i]! | ones[i]!;
      assert.ok(unpack(heap, withOne, TernaryLayout[dtype], K).isBad, `${dtype}, code ${at}`);
    }
  }
  for (const length of [1, 16, 33, 100]) {
    const packed = packRows(randomCodes(random, 4 * length), 4, length, 'four rows');
    for (let at = 0; at < length; at++) {
      for (let field = 0; field < 4; field++) {
        const withOne = packed.with(at, packed[at]! | (3 << (2 * field)));
        const found = [0, 1, 2, 3].map(
          (row) => unpack(heap, withOne, TernaryLayout.Field0 + row, length).isBad,
        );
        assert.deepEqual(
          found,
          [0, 1, 2, 3].map((row) => row === field),
          `field ${field} of byte ${at}`,
        );
      }
    }
  }
}

function withFile(bytes: Uint8Array, use: (descriptor: number) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'bitnet-file-'));
  const path = join(folder, 'bytes');
  writeFileSync(path, bytes);
  const descriptor = openSync(path, 'r+');
  try {
    use(descriptor);
  } finally {
    closeSync(descriptor);
    rmSync(folder, { recursive: true });
  }
}

/** Spans of a file, inside, across its end and behind it, beyond 4 GiB, and of what is no file. */
export function fileReads(backend: Backend): void {
  const heap = new GuardedHeap(backend);
  const { readFile } = fileKernels(heap);
  // Windows has no descriptors that compiled code of another module could use; nothing is read there.
  const hasDescriptors = process.platform !== 'win32';
  const bytes = Uint8Array.from({ length: 10_007 }, (_, i) => (i * 7 + (i >> 8)) % 251);
  const read = (descriptor: number, offset: number, length: number, expected: Uint8Array): void => {
    const what = `readFile offset=${offset} length=${length}`;
    const there = hasDescriptors ? expected : expected.subarray(0, 0);
    const target = heap.output(length);
    const untouched = heap.read(target, length);
    assert.equal(readFile(descriptor, offset, target, length), there.length, what);
    untouched.set(there);
    assertSameBytes(heap.read(target, length), untouched, what);
    heap.release(what);
  };
  withFile(bytes, (descriptor) => {
    for (const offset of [0, 1, 4096, 10_000, 10_006, 10_007, 20_000]) {
      for (const length of [0, 1, 7, 64, 4097, 10_007]) {
        read(descriptor, offset, length, bytes.slice(offset, offset + length));
      }
    }
    read(-1, 0, 10, new Uint8Array(0));
    if (!hasDescriptors) return;
    const far = 2 ** 32 + 5;
    // A file with a hole, which takes no space.
    ftruncateSync(descriptor, far);
    writeSync(descriptor, bytes, 0, 100, far);
    read(descriptor, far, 200, bytes.slice(0, 100));
    read(descriptor, far - 3, 10, Uint8Array.of(0, 0, 0, ...bytes.slice(0, 7)));
  });
}

/** A mapped file whose pages are left holds the same bytes afterwards, from any offset. */
export function leftPages(backend: Backend): void {
  const { readWords } = backend.kernels;
  const { leavePages } = fileKernels(new GuardedHeap(backend));
  const random = createRandom(33);
  const words = Int32Array.from({ length: 1 << 16 }, () => random.below(2 ** 31));
  withFile(new Uint8Array(words.buffer), (descriptor) => {
    for (const [from, to] of [
      [0, words.length],
      [16, words.length - 16],
      [1024, 2048],
      [1040, 1056],
    ] as const) {
      const address = backend.mapFile!(descriptor, 4 * from, 4 * (to - from))!;
      const expected = words.subarray(from, to).reduce((sum, word) => sum ^ word, 0);
      for (let time = 0; time < 2; time++) {
        assert.equal(readWords(address, 4 * (to - from)), expected);
        assert.equal(leavePages(address, 4 * (to - from)), 0);
      }
      // Spans that hold no whole page leave none.
      assert.equal(leavePages(address, 1), 0);
      assert.equal(readWords(address, 4 * (to - from)), expected);
    }
    // A file that is mapped cannot be removed everywhere.
    backend.dispose();
  });
}
