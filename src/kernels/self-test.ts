/**
 * Proof, before any model is loaded, that a backend's integer kernels compute what the reference defines. Runtimes exist
 * that accept an instruction and compute it wrongly.
 */
import { createRandom } from '../base/random.ts';
import type { Backend } from './backend.ts';
import { rowStride } from './kernels.ts';

/** Dims that leave remainders in rows, columns and tokens, and one that fills the int16 sums. */
const CASES = [
  { M: 7, K: 100, T: 1 },
  { M: 9, K: 200, T: 6 },
  { M: 4, K: 2112, T: 5 },
] as const;

/**
 * A sentence on the first wrong result of `backend`'s ternary product, or undefined when all are right.
 *
 * Activations of ±1 times weights of one sign reach the largest sums, which is where saturation would show.
 */
export function findKernelFault(backend: Backend): string | undefined {
  for (const { M, K, T } of CASES) {
    for (const extreme of [false, true]) {
      const fault = testTernary(backend, M, K, T, extreme);
      if (fault !== undefined) return fault;
    }
  }
  return undefined;
}

function testTernary(
  { heap, kernels }: Backend,
  M: number,
  K: number,
  T: number,
  extreme: boolean,
): string | undefined {
  const random = createRandom(M * K + T);
  const codes = Uint8Array.from({ length: M * K }, () => (extreme ? 2 : random.below(3)));
  // Values k/127 with a 1 among them quantise to exactly k.
  const values = Float32Array.from({ length: T * K }, () => (extreme ? 127 : random.below(255) - 127));
  for (let t = 0; t < T; t++) values[t * K] = 127;

  const stride = rowStride(K);
  const addresses = {
    codes: heap.allocate(M * K),
    w: heap.allocate(kernels.ternaryBytes(M, K)),
    x: heap.allocate(4 * T * stride),
    q: heap.allocate(T * kernels.activationBytes(K)),
    out: heap.allocate(4 * T * M),
  };
  heap.u8(addresses.codes, codes.length).set(codes);
  for (let t = 0; t < T; t++) {
    heap.f32(addresses.x + 4 * t * stride, K).set(values.subarray(t * K, (t + 1) * K));
  }
  kernels.packTernary(addresses.w, addresses.codes, K, 0, M);
  kernels.quantize(addresses.q, addresses.x, K, 0, T);
  kernels.ternaryMatmul(addresses.out, M, addresses.q, addresses.w, 1, K, T, 0, 0, M);
  const out = heap.f32(addresses.out, T * M).slice();
  for (const address of Object.values(addresses)) heap.free(address);

  for (let t = 0; t < T; t++) {
    for (let r = 0; r < M; r++) {
      let expected = 0;
      for (let k = 0; k < K; k++) expected += (codes[r * K + k]! - 1) * values[t * K + k]!;
      const found = out[t * M + r];
      if (found !== expected) return `its ternary product gave ${found} where ${expected} is right`;
    }
  }
  return undefined;
}
