// @ts-check
/** The middle of measured values, by which rounds are told: one that something disturbed does not move it. */

/** The mean of the two middle values where their number is even; NaN of none. @param {readonly number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return Number(sorted[middle]);
  return (Number(sorted[middle - 1]) + Number(sorted[middle])) / 2;
}
