// Reads memory and does next to nothing with it, which is what measures how fast it can be read.

/** XOR of the 32-bit words of [at, at + bytes); whole cache lines. Four sums, so that no load waits for another. */
export function readWords(at: usize, bytes: usize): i32 {
  let a = i32x4.splat(0), b = a, c = a, d = a;
  for (const end = at + bytes; at < end; at += 64) {
    a = v128.xor(a, v128.load(at));
    b = v128.xor(b, v128.load(at, 16));
    c = v128.xor(c, v128.load(at, 32));
    d = v128.xor(d, v128.load(at, 48));
  }
  a = v128.xor(v128.xor(a, b), v128.xor(c, d));
  return i32x4.extract_lane(a, 0) ^ i32x4.extract_lane(a, 1) ^ i32x4.extract_lane(a, 2) ^ i32x4.extract_lane(a, 3);
}
