/** Checks of our own reasoning. Input from outside is checked with {@link BitnetError} instead. */

/**
 * Throws when `condition` is false: a bug in this package, not in its input.
 *
 * @throws Error always when the condition does not hold
 */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`internal error: ${message}`);
}

/** The smallest multiple of `step` that is at least `value`; both are non-negative integers below 2^53. */
export function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}
