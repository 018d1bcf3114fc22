/** Writes a safetensors file in one pass and without holding tensor data; the layout is the one that read.ts describes. */
import { BitnetError } from '../../base/errors.ts';
import { blockBytes, byteLengthOf } from '../../tensor/dtype.ts';
import { type ByteSink, type TensorOutput, writeTensorData } from '../tensor-output.ts';

/** The header is filled up with spaces, so that data starts at a multiple of this. */
const HEADER_ALIGNMENT = 8;

/**
 * Writes a whole file and answers its length in bytes. Tensors go wide elements first, so that each lies aligned to its
 * own element size; among equals the order is the given one.
 *
 * @param metadata  texts for `__metadata__`
 * @throws BitnetError `safetensors/write-type` for block types, which the format does not have,
 *   `safetensors/write-name` when a name repeats or is reserved, `tensor/byte-length`, `tensor/bad-shape`; whatever the
 *   sink throws
 */
export async function writeSafetensors(
  sink: ByteSink,
  tensors: readonly TensorOutput[],
  metadata: ReadonlyMap<string, string> = new Map(),
): Promise<number> {
  const sorted = tensors.toSorted((a, b) => blockBytes(b.dtype) - blockBytes(a.dtype));
  const header = headerBytes(sorted, metadata);
  await sink(header);
  let length = header.byteLength;
  for (const tensor of sorted) length += await writeTensorData(sink, tensor);
  return length;
}

function headerBytes(tensors: readonly TensorOutput[], metadata: ReadonlyMap<string, string>): Uint8Array {
  const entries: [string, unknown][] = [];
  const names = new Set(['__metadata__']);
  if (metadata.size > 0) entries.push(['__metadata__', Object.fromEntries(metadata)]);
  let begin = 0;
  for (const { name, dtype, shape } of tensors) {
    if (names.has(name)) {
      throw new BitnetError('safetensors/write-name', `the tensor name ${name} is reserved or there twice`);
    }
    names.add(name);
    if (dtype.includes('_')) {
      throw new BitnetError('safetensors/write-type', `${name}: safetensors has no type for ${dtype} blocks`);
    }
    const end = begin + byteLengthOf(dtype, shape, name);
    entries.push([name, { dtype, shape, data_offsets: [begin, end] }]);
    begin = end;
  }
  // Built by hand, because an object would move names that look like numbers to the front and lose `__proto__`.
  const json = entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',');
  const text = new TextEncoder().encode(`{${json}}`);
  const length = Math.ceil(text.byteLength / HEADER_ALIGNMENT) * HEADER_ALIGNMENT;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, 8);
  return bytes;
}
