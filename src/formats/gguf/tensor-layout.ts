/**
 * From what a GGUF header claims about tensors to what the file holds: types, spans, and the proof that the tensors fill
 * the data section without overlap or gap. The byte length that is left for a tensor has to be that of its type, which
 * is what tells apart the forks that use one type number for different layouts.
 */
import { roundUp } from '../../base/assert.ts';
import type { ByteSource } from '../../base/byte-source.ts';
import { BitnetError } from '../../base/errors.ts';
import { byteLengthOf } from '../../tensor/dtype.ts';
import type { TensorInfo } from '../tensor-info.ts';
import { describeLength, describeUnreadable, tensorTypeOf } from './tensor-type.ts';

/** A tensor as its info record describes it. */
export interface RawTensor {
  readonly name: string;
  /** Outermost first; no zero, product below 2^53. */
  readonly shape: readonly number[];
  readonly typeId: number;
  /** From the start of the data section; not checked yet. */
  readonly offset: number;
  /** Where in the file the info record starts. */
  readonly infoOffset: number;
}

/**
 * Checks the tensors against the file and each other; the order of the answer is that of the header.
 *
 * @throws BitnetError `gguf/tensor-type`, `gguf/misaligned`, `gguf/tensor-outside`, `gguf/overlap`, `gguf/tensor-size`,
 *   `tensor/bad-shape`
 */
export function layTensors(
  source: ByteSource,
  raw: readonly RawTensor[],
  dataOffset: number,
  alignment: number,
): Map<string, TensorInfo> {
  const tensors = new Map<string, TensorInfo>();
  if (raw.length === 0) return tensors;
  const dataLength = source.size - dataOffset;
  for (const tensor of raw) checkOffset(source, tensor, dataLength, alignment);
  const spans = spansOf(raw, dataLength);
  checkStart(source, raw);
  for (const tensor of raw) {
    const available = spans.get(tensor.name) ?? 0;
    tensors.set(tensor.name, layTensor(source, tensor, available, dataOffset, alignment, dataLength));
  }
  return tensors;
}

function checkOffset(source: ByteSource, tensor: RawTensor, dataLength: number, alignment: number): void {
  const { offset } = tensor;
  // Offsets beyond 2^53 have lost their low bits, so the end of the file is asked first.
  if (offset >= dataLength) {
    throw failure(
      'gguf/tensor-outside',
      source,
      tensor,
      `starts at byte ${offset} of the tensor data, which has ${Math.max(dataLength, 0)}; the download is incomplete or the file is damaged`,
    );
  }
  if (offset % alignment !== 0) {
    throw failure(
      'gguf/misaligned',
      source,
      tensor,
      `starts at byte ${offset} of the tensor data, which is no multiple of the alignment ${alignment}`,
    );
  }
}

/** From each tensor's start to the next one's, or to the end of the file; 0 for tensors that start together. */
function spansOf(raw: readonly RawTensor[], dataLength: number): Map<string, number> {
  const sorted = [...raw].sort((a, b) => a.offset - b.offset);
  const spans = new Map<string, number>();
  sorted.forEach((tensor, i) => {
    const end = sorted[i + 1]?.offset ?? dataLength;
    spans.set(tensor.name, end - tensor.offset);
  });
  return spans;
}

function checkStart(source: ByteSource, raw: readonly RawTensor[]): void {
  const first = raw.reduce((least, tensor) => (tensor.offset < least.offset ? tensor : least));
  if (first.offset === 0) return;
  throw failure(
    'gguf/tensor-size',
    source,
    first,
    `is the first one but leaves ${first.offset} bytes before it unused`,
  );
}

function layTensor(
  source: ByteSource,
  tensor: RawTensor,
  available: number,
  dataOffset: number,
  alignment: number,
  dataLength: number,
): TensorInfo {
  const { name, shape, typeId, offset } = tensor;
  const dtype = tensorTypeOf(typeId);
  if (dtype === undefined) {
    const what = describeUnreadable(typeId, shape, available, alignment);
    throw failure('gguf/tensor-type', source, tensor, `is of type ${what}`);
  }
  const byteLength = byteLengthOf(dtype, shape, `${source.name}: ${name}`);
  if (offset + byteLength > dataLength) {
    throw failure(
      'gguf/tensor-outside',
      source,
      tensor,
      `needs bytes up to ${dataOffset + offset + byteLength}, but the file ends at ${source.size}; the download is incomplete or the file is damaged`,
    );
  }
  const need = `${dtype} of shape [${shape.join(', ')}] takes ${describeLength(dtype, shape)}`;
  if (byteLength > available) {
    throw failure('gguf/overlap', source, tensor, `runs into the next one after ${available} bytes: ${need}`);
  }
  if (available > roundUp(byteLength, alignment)) {
    const what = `has ${available} bytes: ${need}; the type id means another layout here, or the file is damaged`;
    throw failure('gguf/tensor-size', source, tensor, what);
  }
  return { name, dtype, shape, source, offset: dataOffset + offset, byteLength };
}

function failure(code: string, source: ByteSource, tensor: RawTensor, what: string): BitnetError {
  return new BitnetError(
    code,
    `${source.name}: tensor ${tensor.name} ${what} (its record is at byte ${tensor.infoOffset})`,
    {
      details: { tensor: tensor.name, typeId: tensor.typeId, offset: tensor.offset },
    },
  );
}
