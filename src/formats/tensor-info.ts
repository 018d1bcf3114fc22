/** What both model formats answer about a tensor: its type, its shape and where its bytes lie. Checked against the file. */
import { type ByteSource, readBytes } from '../base/byte-source.ts';
import type { DType } from '../tensor/dtype.ts';

/** One named tensor of a file. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: DType;
  /** Row-major, outermost first: [M, K] for a matrix of M rows; [] for a scalar. */
  readonly shape: readonly number[];
  /** The file that holds the bytes. */
  readonly source: ByteSource;
  /** First byte, counted from the start of the source. */
  readonly offset: number;
  /** As {@link byteLengthOf} says for this type and shape; the span lies inside the source. */
  readonly byteLength: number;
}

/**
 * All bytes of a tensor.
 *
 * @throws BitnetError as {@link ByteSource.readInto}
 */
export function readTensor(info: TensorInfo, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
  return readBytes(info.source, info.offset, info.byteLength, signal);
}
