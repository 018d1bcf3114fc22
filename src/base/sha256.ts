/**
 * SHA-256 of bytes that come in pieces (FIPS 180-4), where the Web Crypto API wants all of them at once: files of any size
 * are hashed while they are written or read. Not for secrets; nothing here is constant in time.
 */

/** Hashes what it is given, piece by piece. */
export interface Sha256 {
  /** Takes the next bytes; they are not kept. */
  update(bytes: Uint8Array): void;
  /** The digest of everything so far as 64 hexadecimal digits; ends the use of this object. */
  hex(): string;
}

const BLOCK_BYTES = 64;

/** First 32 bits of the fractions of the cube roots of the first 64 primes. */
const ROUND_CONSTANTS = Int32Array.from(firstPrimes(64), (prime) => fractionBits(Math.cbrt(prime)));

function firstPrimes(count: number): number[] {
  const primes: number[] = [];
  for (let n = 2; primes.length < count; n++) if (primes.every((prime) => n % prime !== 0)) primes.push(n);
  return primes;
}

function fractionBits(root: number): number {
  return Math.floor((root - Math.floor(root)) * 2 ** 32) | 0;
}

/** A hash of nothing yet. */
export function createSha256(): Sha256 {
  const state = Int32Array.from(firstPrimes(8), (prime) => fractionBits(Math.sqrt(prime)));
  const schedule = new Int32Array(64);
  const block = new Uint8Array(BLOCK_BYTES);
  let filled = 0;
  let length = 0;
  const update = (bytes: Uint8Array): void => {
    length += bytes.length;
    let at = 0;
    if (filled > 0) {
      at = Math.min(BLOCK_BYTES - filled, bytes.length);
      block.set(bytes.subarray(0, at), filled);
      filled += at;
      if (filled < BLOCK_BYTES) return;
      compress(state, schedule, block, 0);
    }
    for (; at + BLOCK_BYTES <= bytes.length; at += BLOCK_BYTES) compress(state, schedule, bytes, at);
    block.set(bytes.subarray(at));
    filled = bytes.length - at;
  };
  return {
    update,
    hex() {
      const bits = length * 8;
      const ending = new Uint8Array((filled < 56 ? 64 : 128) - filled);
      ending[0] = 0x80;
      const view = new DataView(ending.buffer);
      view.setUint32(ending.length - 8, Math.floor(bits / 2 ** 32));
      view.setUint32(ending.length - 4, bits >>> 0);
      update(ending);
      return Array.from(state, (word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
    },
  };
}

/** The digest of bytes that are all there, or of a text in UTF-8, as 64 hexadecimal digits. */
export function sha256Hex(content: Uint8Array | string): string {
  const hash = createSha256();
  hash.update(typeof content === 'string' ? new TextEncoder().encode(content) : content);
  return hash.hex();
}

function compress(state: Int32Array, schedule: Int32Array, bytes: Uint8Array, at: number): void {
  const w = schedule;
  for (let i = 0; i < 16; i++) {
    const p = at + 4 * i;
    w[i] = (bytes[p]! << 24) | (bytes[p + 1]! << 16) | (bytes[p + 2]! << 8) | bytes[p + 3]!;
  }
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15]!;
    const y = w[i - 2]!;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0;
  }
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  let f = state[5]!;
  let g = state[6]!;
  let h = state[7]!;
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const chosen = (e & f) ^ (~e & g);
    const t1 = (h + s1 + chosen + ROUND_CONSTANTS[i]! + w[i]!) | 0;
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const majority = (a & b) ^ (a & c) ^ (b & c);
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + s0 + majority) | 0;
  }
  state[0]! += a;
  state[1]! += b;
  state[2]! += c;
  state[3]! += d;
  state[4]! += e;
  state[5]! += f;
  state[6]! += g;
  state[7]! += h;
}
