/**
 * Reads the header of a GGUF file (versions 2 and 3, little-endian): metadata, and where each tensor lies. Tensor data is
 * not touched; tensor-layout.ts decides what the tensors are. The bytes are untrusted: every count is held against what
 * is left of the file before anything is allocated for it.
 *
 *     "GGUF"  u32 version  u64 tensors  u64 keys   | key: string  u32 type  value     (array: u32 type  u64 count  values)
 *     tensor: string name  u32 dims  u64 dim...  u32 type  u64 offset                 (string: u64 length  UTF-8)
 *     padding to `general.alignment` (32 unless given), then tensor data
 */
import { roundUp } from '../../base/assert.ts';
import type { ByteSource } from '../../base/byte-source.ts';
import { BitnetError } from '../../base/errors.ts';
import { foreignFile } from '../foreign-file.ts';
import type { TensorInfo } from '../tensor-info.ts';
import { ByteCursor } from './cursor.ts';
import type { GgufMetadata, MetadataValue } from './metadata.ts';
import { readValue } from './read-value.ts';
import { layTensors, type RawTensor } from './tensor-layout.ts';
import type { GgufValueType } from './value-type.ts';

/** "GGUF" as a little-endian number. */
export const GGUF_MAGIC = 0x46554747;
/** Where tensor data starts and continues, unless the metadata says otherwise. */
export const DEFAULT_ALIGNMENT = 32;

const MAX_DIMS = 4;
/** Far beyond any model; keeps the loops over entries short in a file of zeros. */
const MAX_ENTRIES = 2 ** 20;
/** A key: length and type, and a value of at least one byte. */
const LEAST_KEY_BYTES = 8 + 4 + 1;
/** A tensor: name length, dimension count, type, offset. */
const LEAST_TENSOR_BYTES = 8 + 4 + 4 + 8;
const MAX_NAME_BYTES = 65535;

/** What a GGUF file says about itself and its tensors. */
export interface GgufFile {
  readonly version: number;
  readonly metadata: GgufMetadata;
  /** The type that each metadata value has in the file. */
  readonly metadataTypes: ReadonlyMap<string, GgufValueType>;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Tensor data and every tensor in it start at multiples of this. */
  readonly alignment: number;
  /** First byte of the tensor data. */
  readonly dataOffset: number;
  readonly source: ByteSource;
}

/**
 * Reads the header of a GGUF file. The source stays open: tensors are read from it later.
 *
 * @throws BitnetError `gguf/bad-magic`, `gguf/version`, `gguf/big-endian`, `gguf/truncated`, `gguf/bad-count`,
 *   `gguf/bad-text`, `gguf/bad-value`, `gguf/value-type`, `gguf/nested-array`, `gguf/repeated-key`, `gguf/alignment`,
 *   `gguf/repeated-tensor`, `gguf/bad-dims`, `gguf/tensor-type`, `gguf/misaligned`, `gguf/tensor-outside`,
 *   `gguf/overlap`, `gguf/tensor-size`, `tensor/bad-shape`, or as {@link ByteSource.readInto}
 */
export async function readGguf(
  source: ByteSource,
  options: { signal?: AbortSignal } = {},
): Promise<GgufFile> {
  const cursor = new ByteCursor(source, options.signal);
  const header = await readFixedHeader(source, cursor, options.signal);
  const { metadata, metadataTypes } = await readMetadata(source, cursor, header.keyCount);
  const alignment = alignmentOf(source, metadata);
  const raw = await readTensorInfos(source, cursor, header.tensorCount);
  const dataOffset = roundUp(cursor.offset, alignment);
  const tensors = layTensors(source, raw, dataOffset, alignment);
  return { version: header.version, metadata, metadataTypes, tensors, alignment, dataOffset, source };
}

async function readFixedHeader(
  source: ByteSource,
  cursor: ByteCursor,
  signal: AbortSignal | undefined,
): Promise<{ version: number; tensorCount: number; keyCount: number }> {
  await cursor.need(4, 'the GGUF magic');
  if (cursor.u32() !== GGUF_MAGIC) {
    throw new BitnetError(
      'gguf/bad-magic',
      `${source.name}: this is no GGUF file: it does not start with "GGUF"${await foreignFile(source, signal)}`,
    );
  }
  await cursor.need(4, 'the GGUF version');
  const version = cursor.u32();
  if (version === 0x02000000 || version === 0x03000000) {
    throw new BitnetError(
      'gguf/big-endian',
      `${source.name}: the file is big-endian, which is not supported; use the little-endian file of the model`,
    );
  }
  if (version !== 2 && version !== 3) {
    throw new BitnetError(
      'gguf/version',
      `${source.name}: GGUF version ${version} at byte 4 is not supported; versions 2 and 3 are`,
      { details: { version } },
    );
  }
  await cursor.need(16, 'the counts of tensors and metadata keys');
  const tensorCount = checkCount(source, cursor, cursor.length(), LEAST_TENSOR_BYTES, 'tensors');
  const keyCount = checkCount(source, cursor, cursor.length(), LEAST_KEY_BYTES, 'metadata keys');
  return { version, tensorCount, keyCount };
}

function checkCount(
  source: ByteSource,
  cursor: ByteCursor,
  count: number,
  leastBytes: number,
  what: string,
): number {
  if (count <= MAX_ENTRIES && count * leastBytes <= cursor.remaining) return count;
  throw new BitnetError(
    'gguf/bad-count',
    `${source.name}: the header before byte ${cursor.offset} counts ${count} ${what}, more than the file can hold; it is damaged`,
    { details: { count, offset: cursor.offset } },
  );
}

async function readMetadata(
  source: ByteSource,
  cursor: ByteCursor,
  count: number,
): Promise<{ metadata: GgufMetadata; metadataTypes: ReadonlyMap<string, GgufValueType> }> {
  const metadata = new Map<string, MetadataValue>();
  const metadataTypes = new Map<string, GgufValueType>();
  for (let i = 0; i < count; i++) {
    const offset = cursor.offset;
    const key = await readName(source, cursor, `the name of metadata key ${i}`);
    if (metadata.has(key)) {
      throw new BitnetError(
        'gguf/repeated-key',
        `${source.name}: the metadata key "${key}" at byte ${offset} is there for the second time; the file is damaged`,
        { details: { key, offset } },
      );
    }
    const { type, value } = await readValue(source, cursor, key);
    metadata.set(key, value);
    metadataTypes.set(key, type);
  }
  return { metadata, metadataTypes };
}

function alignmentOf(source: ByteSource, metadata: GgufMetadata): number {
  const value = metadata.get('general.alignment') ?? DEFAULT_ALIGNMENT;
  if (typeof value === 'number' && value >= 1 && value <= 2 ** 30 && Number.isInteger(Math.log2(value))) {
    return value;
  }
  throw new BitnetError(
    'gguf/alignment',
    `${source.name}: the metadata key "general.alignment" has to be a power of two up to 2^30, not ${String(value)}`,
    { details: { key: 'general.alignment' } },
  );
}

async function readTensorInfos(source: ByteSource, cursor: ByteCursor, count: number): Promise<RawTensor[]> {
  const tensors: RawTensor[] = [];
  const names = new Set<string>();
  for (let i = 0; i < count; i++) {
    const at = cursor.offset;
    const name = await readName(source, cursor, `the name of tensor ${i}`);
    if (names.has(name)) {
      throw new BitnetError(
        'gguf/repeated-tensor',
        `${source.name}: the tensor ${name} at byte ${at} is there for the second time; the file is damaged`,
        { details: { tensor: name, offset: at } },
      );
    }
    names.add(name);
    const shape = await readShape(source, cursor, name);
    await cursor.need(12, `the type and offset of tensor ${name}`);
    const typeId = cursor.u32();
    const offset = cursor.length();
    tensors.push({ name, shape, typeId, offset, infoOffset: at });
  }
  return tensors;
}

/** Dimensions come innermost first and leave outermost first. */
async function readShape(source: ByteSource, cursor: ByteCursor, name: string): Promise<number[]> {
  await cursor.need(4, `the dimension count of tensor ${name}`);
  const at = cursor.offset;
  const dimCount = cursor.u32();
  const fail = (why: string): never => {
    throw new BitnetError('gguf/bad-dims', `${source.name}: tensor ${name} at byte ${at} has ${why}`, {
      details: { tensor: name, offset: at },
    });
  };
  if (dimCount > MAX_DIMS) fail(`${dimCount} dimensions; at most ${MAX_DIMS} are possible`);
  await cursor.need(8 * dimCount, `the dimensions of tensor ${name}`);
  const shape: number[] = [];
  let elements = 1;
  for (let i = 0; i < dimCount; i++) {
    const dim = cursor.length();
    elements *= dim;
    if (dim === 0) fail('a dimension of 0');
    if (!Number.isSafeInteger(elements)) fail('more than 2^53 elements');
    shape.unshift(dim);
  }
  return shape;
}

async function readName(source: ByteSource, cursor: ByteCursor, what: string): Promise<string> {
  await cursor.need(8, what);
  const at = cursor.offset;
  const length = cursor.length();
  if (length > MAX_NAME_BYTES) {
    throw new BitnetError(
      'gguf/bad-text',
      `${source.name}: ${what} at byte ${at} is ${length} bytes long, but ${MAX_NAME_BYTES} is the most; the file is damaged`,
      { details: { offset: at, length } },
    );
  }
  await cursor.need(length, what);
  const name = cursor.text(length);
  if (name !== undefined) return name;
  throw new BitnetError('gguf/bad-text', `${source.name}: ${what} at byte ${at} is not valid UTF-8`, {
    details: { offset: at },
  });
}
