/**
 * How the state of a model lies in a checkpoint: the weights under their own names, so that the file can be read as
 * that of a model, the moments under prefixed ones, all f32 without the pads of rows, and a checksum of all of it last.
 */
import type { HeapView } from '../../kernels/team/member.ts';
import type { Parameter } from '../model/parameters.ts';
import type { TrainingModel } from '../model/training-model.ts';

/** What of a model is saved. */
export type SavedModel = Pick<
  TrainingModel,
  'parameters' | 'backend' | 'weights' | 'firstMoments' | 'secondMoments'
>;

/** Of the tensor that the file ends with, U32 [1]. */
export const CHECKSUM_TENSOR = 'checksum';

/** A tensor of a checkpoint, and the flat array on the heap that it is a part of. */
export interface SavedTensor {
  readonly name: string;
  readonly parameter: Parameter;
  /** Address of its array. */
  readonly array: number;
}

/** All tensors but the checksum, in the order of the file. */
export function savedTensors(model: SavedModel): readonly SavedTensor[] {
  const arrays = [
    ['', model.weights],
    ['optimizer.first.', model.firstMoments],
    ['optimizer.second.', model.secondMoments],
  ] as const;
  return arrays.flatMap(([prefix, array]) =>
    model.parameters.list.map((parameter) => ({ name: prefix + parameter.name, parameter, array })),
  );
}

/** Elements that are moved at once. */
const PIECE = 1 << 18;

/** A tensor's elements on the heap in the order of the file: in pieces, without pads. */
export function* pieces(
  heap: Pick<HeapView, 'u8'>,
  { parameter, array }: SavedTensor,
): Generator<Uint8Array> {
  const { shape, offset, elements } = parameter;
  const [rows, columns] = shape.length === 1 ? [1, shape[0]] : shape;
  const stride = elements / rows;
  // Rows without pads are one long row.
  const [runs, length] = stride === columns ? [1, rows * columns] : [rows, columns];
  for (let run = 0; run < runs; run++) {
    for (let at = 0; at < length; at += PIECE) {
      const address = array + 4 * (offset + run * stride + at);
      yield heap.u8(address, 4 * Math.min(PIECE, length - at));
    }
  }
}
