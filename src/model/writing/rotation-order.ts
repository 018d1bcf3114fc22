/**
 * The order of the rows of queries and keys: files for interleaved rotation hold the two elements of a pair side by side,
 * files for half rotation half a head apart. Which a file has is known to its family and format (architecture.ts).
 */
import { RopeStyle } from '../../kernels/kernels.ts';

/**
 * Where a row lies in the order of the other style: rows i and i + headLength / 2 of half rotation are the rows 2i and
 * 2i + 1 of interleaved rotation, within each head.
 *
 * @param row  of the matrix, in the order of `style`
 * @returns its row in the order of the other style
 */
export function rowInOtherStyle(row: number, headLength: number, style: RopeStyle): number {
  const inHead = row % headLength;
  const half = headLength / 2;
  if (style === RopeStyle.Interleaved) return row - inHead + (inHead >> 1) + (inHead & 1) * half;
  return row - inHead + (inHead < half ? 2 * inHead : 2 * (inHead - half) + 1);
}
