/** Masks of tokens as a constraint gives them: bit `t & 31` of word `t >> 5` is set where token t may follow. */
import type { TokenLogits } from '../step-outputs.ts';

/** Whether a mask allows a token. */
export function isAllowed(words: Int32Array, id: number): boolean {
  return ((words[id >> 5] ?? 0) & (1 << (id & 31))) !== 0;
}

/** The tokens below an id that a mask allows, in rising order; undefined when there are more than `most`. */
export function allowedTokens(words: Int32Array, below: number, most: number): number[] | undefined {
  const ids: number[] = [];
  const count = Math.min(words.length, Math.ceil(below / 32));
  for (let w = 0; w < count; w++) {
    for (let bits = words[w]!; bits !== 0; bits &= bits - 1) {
      const id = 32 * w + 31 - Math.clz32(bits & -bits);
      if (id >= below) break;
      if (ids.length === most) return undefined;
      ids.push(id);
    }
  }
  return ids;
}

/** Gives -Infinity to what a mask, where there is one, does not allow, and to the ids from `below` on. */
export function forbid({ logits, ids }: TokenLogits, words: Int32Array | undefined, below: number): void {
  if (ids === undefined) {
    logits.fill(Number.NEGATIVE_INFINITY, below);
    if (words !== undefined) forbidWords(logits, words);
    return;
  }
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i]!;
    if (id >= below || (words !== undefined && !isAllowed(words, id))) logits[i] = Number.NEGATIVE_INFINITY;
  }
}

/** As a rule a word allows all of its tokens or none. */
function forbidWords(logits: Float32Array, words: Int32Array): void {
  for (let start = 0; start < logits.length; start += 32) {
    const bits = words[start >> 5] ?? 0;
    if (bits === 0) logits.fill(Number.NEGATIVE_INFINITY, start, start + 32);
    else if (bits !== -1) {
      const end = Math.min(start + 32, logits.length);
      for (let id = start; id < end; id++) {
        if ((bits & (1 << (id & 31))) === 0) logits[id] = Number.NEGATIVE_INFINITY;
      }
    }
  }
}
