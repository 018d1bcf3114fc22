/** What the writers of both model formats take: tensors that arrive in pieces, and where the bytes go. */
import { BitnetError } from '../base/errors.ts';
import { byteLengthOf, type DType } from '../tensor/dtype.ts';

/** Takes the next bytes of a file; the array may be reused once the promise is fulfilled. */
export type ByteSink = (bytes: Uint8Array) => Promise<void>;

/** A tensor to be written. */
export interface TensorOutput {
  readonly name: string;
  readonly dtype: DType;
  /** Row-major, outermost first. */
  readonly shape: readonly number[];
  /** Gives the bytes in order, in pieces of any size; called once, so that large tensors need not be in memory. */
  data(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/**
 * Passes the data of a tensor on to the sink and answers its length.
 *
 * @throws BitnetError `tensor/byte-length` when the pieces do not add up to the length of the type and shape
 */
export async function writeTensorData(sink: ByteSink, tensor: TensorOutput): Promise<number> {
  const expected = byteLengthOf(tensor.dtype, tensor.shape, tensor.name);
  let written = 0;
  for await (const piece of tensor.data()) {
    written += piece.byteLength;
    if (written > expected) break;
    await sink(piece);
  }
  if (written === expected) return written;
  throw new BitnetError(
    'tensor/byte-length',
    `${tensor.name}: ${tensor.dtype} of shape [${tensor.shape.join(', ')}] takes ${expected} bytes, but ` +
      `${written > expected ? 'more' : written} were given`,
    { details: { tensor: tensor.name, expected, written } },
  );
}
