/**
 * Reads the header of safetensors files, one or sharded (format: huggingface/safetensors, README).
 *
 *     u64 header length | JSON header, may end in spaces | data
 *     header: { "name": { "dtype", "shape", "data_offsets": [begin, end] }, "__metadata__": { text: text } }
 *
 * Offsets count from the data; the tensors fill it from first to last byte without overlap or hole. Tensor data is not
 * touched. Types that no BitNet checkpoint has (8-bit floats) are refused.
 */
import { type ByteSource, readBytes } from '../../base/byte-source.ts';
import { BitnetError } from '../../base/errors.ts';
import { byteLengthOf, type DType } from '../../tensor/dtype.ts';
import { foreignFile } from '../foreign-file.ts';
import { isJsonObject, type JsonObject, type JsonValue, parseJsonObject } from '../json.ts';
import type { TensorInfo } from '../tensor-info.ts';

/** The longest header that the format allows. */
const MAX_HEADER_BYTES = 100_000_000;
const LENGTH_BYTES = 8;
const MAX_DIMS = 8;

const DTYPES: ReadonlySet<string> = new Set<DType>([
  'F64',
  'F32',
  'F16',
  'BF16',
  'I64',
  'U64',
  'I32',
  'U32',
  'I16',
  'U16',
  'I8',
  'U8',
  'BOOL',
]);

/** What a safetensors file says about its tensors. */
export interface SafetensorsFile {
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** The texts under `__metadata__`. */
  readonly metadata: ReadonlyMap<string, string>;
  readonly source: ByteSource;
}

/**
 * Reads the header of one file. The source stays open: tensors are read from it later.
 *
 * @throws BitnetError `safetensors/truncated`, `safetensors/header-length`, `safetensors/header`,
 *   `safetensors/dtype`, `safetensors/offsets`, `safetensors/hole`, `json/invalid`, `json/repeated-key`,
 *   `tensor/bad-shape`, or as {@link ByteSource.readInto}
 */
export async function readSafetensors(source: ByteSource, signal?: AbortSignal): Promise<SafetensorsFile> {
  const headerLength = await readHeaderLength(source, signal);
  const dataOffset = LENGTH_BYTES + headerLength;
  const bytes = await readBytes(source, LENGTH_BYTES, headerLength, signal);
  if (bytes[0] !== 0x7b) {
    throw new BitnetError(
      'safetensors/header',
      `${source.name}: the header at byte 8 does not start with "{"`,
    );
  }
  const header = parseJsonObject(bytes, `${source.name}: the safetensors header`);
  const tensors = new Map<string, TensorInfo>();
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') metadata = readMetadata(source, value);
    else tensors.set(name, readTensorInfo(source, name, value, dataOffset));
  }
  checkFilled(source, tensors, dataOffset);
  return { tensors, metadata, source };
}

async function readHeaderLength(source: ByteSource, signal: AbortSignal | undefined): Promise<number> {
  if (source.size < LENGTH_BYTES) {
    throw new BitnetError(
      'safetensors/truncated',
      `${source.name}: a safetensors file starts with 8 bytes for the header's length, but this one has ${source.size} bytes`,
    );
  }
  const view = new DataView((await readBytes(source, 0, LENGTH_BYTES, signal)).buffer);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 0x1_0000_0000;
  if (length > MAX_HEADER_BYTES || length < 2) {
    throw new BitnetError(
      'safetensors/header-length',
      `${source.name}: the header length at byte 0 is ${length}, but it has to be from 2 to ${MAX_HEADER_BYTES}; this is ` +
        `no safetensors file${await foreignFile(source, signal)}`,
      { details: { length } },
    );
  }
  if (LENGTH_BYTES + length > source.size) {
    throw new BitnetError(
      'safetensors/truncated',
      `${source.name}: the header needs ${LENGTH_BYTES + length} bytes, but the file ends after ${source.size}; the download is incomplete`,
      { details: { length, size: source.size } },
    );
  }
  return length;
}

function readMetadata(source: ByteSource, value: JsonValue | undefined): ReadonlyMap<string, string> {
  const metadata = new Map<string, string>();
  if (!isJsonObject(value)) throw badHeader(source, '__metadata__', 'has to be an object');
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== 'string') throw badHeader(source, '__metadata__', `has no text under "${key}"`);
    metadata.set(key, text);
  }
  return metadata;
}

function readTensorInfo(
  source: ByteSource,
  name: string,
  value: JsonValue | undefined,
  dataOffset: number,
): TensorInfo {
  if (!isJsonObject(value)) throw badHeader(source, name, 'is not described by an object');
  const dtype = readDType(source, name, value);
  const shape = wholeNumbers(value.shape);
  if (shape === undefined || shape.length > MAX_DIMS) {
    throw badHeader(source, name, `has a shape that is no list of at most ${MAX_DIMS} whole numbers`);
  }
  const [begin, end, ...more] = wholeNumbers(value.data_offsets) ?? [];
  if (begin === undefined || end === undefined || more.length > 0) {
    throw badHeader(source, name, 'has data_offsets that are no two whole numbers');
  }
  const byteLength = byteLengthOf(dtype, shape, `${source.name}: ${name}`);
  if (end - begin !== byteLength || dataOffset + end > source.size) {
    throw new BitnetError(
      'safetensors/offsets',
      `${source.name}: tensor ${name} is said to lie at bytes ${begin} to ${end} of the data, but ${dtype} of shape ` +
        `[${shape.join(', ')}] takes ${byteLength} bytes and the data has ${source.size - dataOffset}; the file is cut short or damaged`,
      { details: { tensor: name, begin, end, byteLength } },
    );
  }
  return { name, dtype, shape, source, offset: dataOffset + begin, byteLength };
}

function readDType(source: ByteSource, name: string, value: JsonObject): DType {
  const { dtype } = value;
  if (typeof dtype !== 'string') throw badHeader(source, name, 'has no dtype');
  if (DTYPES.has(dtype)) return dtype as DType;
  throw new BitnetError(
    'safetensors/dtype',
    `${source.name}: tensor ${name} has the dtype ${dtype}, which this package does not read`,
    { details: { tensor: name, dtype } },
  );
}

/** Tensors in the order of their bytes have to touch; empty ones may lie at any joint. */
function checkFilled(source: ByteSource, tensors: ReadonlyMap<string, TensorInfo>, dataOffset: number): void {
  const sorted = [...tensors.values()].sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
  let end = dataOffset;
  for (const tensor of sorted) {
    if (tensor.offset !== end) {
      const what = tensor.offset < end ? 'overlaps the one before it' : 'leaves a hole before it';
      throw new BitnetError(
        'safetensors/hole',
        `${source.name}: tensor ${tensor.name} at byte ${tensor.offset} ${what}, which ends at byte ${end}; the file is damaged`,
        { details: { tensor: tensor.name, offset: tensor.offset, end } },
      );
    }
    end += tensor.byteLength;
  }
  if (end !== source.size) {
    throw new BitnetError(
      'safetensors/hole',
      `${source.name}: the tensors end at byte ${end}, but the file at ${source.size}; it is damaged`,
      { details: { end, size: source.size } },
    );
  }
}

function wholeNumbers(value: JsonValue | undefined): number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const isWhole = value.every((item) => Number.isSafeInteger(item) && (item as number) >= 0);
  return isWhole ? (value as number[]) : undefined;
}

function badHeader(source: ByteSource, name: string, what: string): BitnetError {
  return new BitnetError('safetensors/header', `${source.name}: ${name} ${what}; the header is damaged`, {
    details: { tensor: name },
  });
}
