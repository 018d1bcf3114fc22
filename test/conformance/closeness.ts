/** What float64 formulas and f32 kernels may differ by. */
import assert from 'node:assert/strict';

/** Half a unit in the last place of f32: every rounded operation is off by at most that share of its result. */
export const U = 2 ** -24;

/** What expF32 promises, relative. */
export const EXP_ERROR = 2e-7;

/** Fails when `found` is further than `tolerance` from `expected`, or no number. */
export function near(found: number, expected: number, tolerance: number, what: string): void {
  if (!(Math.abs(found - expected) <= tolerance)) {
    assert.fail(`${what}: ${found} instead of ${expected}, off by more than ${tolerance}`);
  }
}
