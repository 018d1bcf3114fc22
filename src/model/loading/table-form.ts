/** In which form the embedding and the output head are held: at the file's precision, with a plane beside, or as int8. */
import { DenseFormat, denseBytes } from '../../kernels/kernels.ts';
import type { DType } from '../../tensor/dtype.ts';
import type { MatrixShape } from './model-shape.ts';

/**
 * How the embedding and the output head lie in memory. `exact`: at the file's precision. `fast`: the same, and a 4-bit
 * plane of the head beside it, with which the likely tokens' logits are found without reading all of it; same results.
 * `int8`: as int8 rows, in half of the memory of 16-bit ones; other results. `auto`: `exact` for a small head, `fast` for
 * a large one, and `int8` where nothing else fits.
 */
export type HeadMode = 'auto' | 'exact' | 'fast' | 'int8';

/** What a {@link HeadMode} comes to. */
export type HeadForm = Exclude<HeadMode, 'auto'>;

/** Up to here an `auto` head has no plane: reading all of it takes less than a millisecond. */
const EXACT_HEAD_LIMIT_BYTES = 8 * 2 ** 20;

/** The form of the output head. */
export function headForm({ info, rows, columns }: MatrixShape, mode: HeadMode): HeadForm {
  if (mode !== 'auto') return mode;
  return denseBytes(heapFormat(info.dtype), rows, columns) <= EXACT_HEAD_LIMIT_BYTES ? 'exact' : 'fast';
}

/** The form of an embedding that is not the head as well; its rows are only looked up. */
export function embeddingForm(mode: HeadMode): HeadForm {
  return mode === 'int8' ? 'int8' : 'exact';
}

/** The kernels' format for a file's type; what they cannot read is held as f16. */
export function heapFormat(dtype: DType): DenseFormat {
  if (dtype === 'F32') return DenseFormat.F32;
  if (dtype === 'BF16') return DenseFormat.BF16;
  return dtype === 'Q8_0' ? DenseFormat.Q8_0 : DenseFormat.F16;
}
