/** How tokens are drawn where a request does not say: the same for all dialects, but for the temperature. */

/** Of the most likely tokens only, and otherwise the whole distribution. */
export const DEFAULT_SAMPLING: { readonly topK: number; readonly topP: number; readonly minP: number } = {
  topK: 40,
  topP: 1,
  minP: 0,
};

/** A share of 0, which the sampler has not, leaves the most likely token alone, as the smallest positive one does. */
export function positiveShare(topP: number): number {
  return Math.max(topP, Number.MIN_VALUE);
}
