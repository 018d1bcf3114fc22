/**
 * A sum over the bytes of a checkpoint that tells damage by a disk or a transfer: the mixing of MurmurHash3 (Appleby,
 * public domain) over 32-bit words, which runs at the speed of memory and needs none. No protection against intent.
 */

/** A sum under way. */
export interface Checksum {
  /** Adds words of 32 bits. */
  add(words: Int32Array): void;
  /** The sum so far, as a signed number of 32 bits. */
  value(): number;
}

/** @param text  what the sum begins with */
export function createChecksum(text: string): Checksum {
  let sum = 0;
  const mix = (word: number): void => {
    let mixed = Math.imul(word, 0xcc9e2d51);
    mixed = Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
    sum ^= mixed;
    sum = (Math.imul((sum << 13) | (sum >>> 19), 5) + 0xe6546b64) | 0;
  };
  for (let i = 0; i < text.length; i++) mix(text.charCodeAt(i));
  return {
    add(words) {
      for (let i = 0; i < words.length; i++) mix(words[i]!);
    },
    value: () => sum,
  };
}
