/**
 * Rotary position embedding (arXiv:2104.09864). A rotation's transpose is the rotation back, so backward is the same
 * operation with a table of the opposite angles.
 */
import { type RopeStyle, rowStride } from '../../kernels/kernels.ts';
import type { Member } from '../../kernels/team/member.ts';

/** Angles and what turns by them. */
export interface RotaryPlan {
  /** f64 [positions][cos half][sin half], see fillRopeTable */
  readonly table: number;
  /** the same with sines negated */
  readonly backTable: number;
  /** i32 [tokens]: 0, 1, … of each sequence */
  readonly positions: number;
  readonly style: RopeStyle;
  readonly headLength: number;
}

/** out [n][heads * headLength] = the heads of x, turned to the positions of tokens first … first + n - 1. */
export function rotaryForward(
  { kernels }: Member,
  { table, positions, style, headLength }: RotaryPlan,
  out: number,
  x: number,
  heads: number,
  first: number,
  n: number,
): void {
  const stride = rowStride(heads * headLength);
  kernels.rope(out, x, stride, positions + 4 * first, table, style, heads, headLength, 0, n);
}

/** dx [n][heads * headLength] = dOut turned back. */
export function rotaryBackward(
  member: Member,
  rotary: RotaryPlan,
  dx: number,
  dOut: number,
  heads: number,
  first: number,
  n: number,
): void {
  rotaryForward(member, { ...rotary, table: rotary.backTable }, dx, dOut, heads, first, n);
}

/** Fills the table of the opposite angles from f64 [positions][headLength]. */
export function fillBackTable(backTable: Float64Array, table: Float64Array, headLength: number): void {
  for (const [i, angle] of table.entries()) {
    backTable[i] = i % headLength < headLength / 2 ? angle : -angle;
  }
}
