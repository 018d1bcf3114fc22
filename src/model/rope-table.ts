/** Angles of the rotary position embedding (arXiv:2104.09864). */
import { exp, ln, sinCos } from '../base/elementary.ts';
import { BitnetError } from '../base/errors.ts';

/** Positions that a table may have: sines are exact for angles below 1.6 million. */
export const MOST_POSITIONS: number = 1 << 20;
/** Radians per position that the fastest pair of elements may turn; 1 without factors. */
const FASTEST = 1.5;

/** Bytes of a table. */
export function ropeTableBytes(positions: number, headLength: number): number {
  return 8 * positions * headLength;
}

/**
 * f64 [positions][cos D/2][sin D/2] of the angles position * base^(-2i/D).
 *
 * @param positions at most {@link MOST_POSITIONS}
 * @param base at least 1
 * @param factors f32 [D/2] by which some files (rope_freqs.weight) divide each frequency
 * @throws BitnetError `model/bad-rope-factors` when a factor makes a frequency that no model has
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
    if (!(frequency > 0 && frequency <= FASTEST)) {
      throw new BitnetError(
        'model/bad-rope-factors',
        `rope_freqs.weight: the factor ${i} is ${factors?.[i]}, which makes no frequency of a rotation; the file is damaged`,
        { details: { index: i, frequency } },
      );
    }
    for (let position = 0; position < positions; position++) {
      const { sin, cos } = sinCos(position * frequency);
      table[position * headLength + i] = cos;
      table[position * headLength + half + i] = sin;
    }
  }
}
