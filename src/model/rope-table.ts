/** Angles of the rotary position embedding (arXiv:2104.09864). */
import { exp, ln, sinCos } from '../base/elementary.ts';

/**
 * f64 [positions][cos D/2][sin D/2] of the angles position * base^(-2i/D).
 *
 * @param factors f32 [D/2] by which some files (rope_freqs.weight) divide each frequency
 */
export function fillRopeTable(
  table: Float64Array,
  positions: number,
  headLength: number,
  base: number,
  factors?: Float32Array,
): void {
  const half = headLength / 2;
  const logBase = ln(base);
  for (let i = 0; i < half; i++) {
    const frequency = exp((-2 * i * logBase) / headLength) / (factors?.[i] ?? 1);
    for (let position = 0; position < positions; position++) {
      const { sin, cos } = sinCos(position * frequency);
      table[position * headLength + i] = cos;
      table[position * headLength + half + i] = sin;
    }
  }
}
