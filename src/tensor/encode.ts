/**
 * Float32 to the bytes of the types that embeddings, heads, norms and dense projections are written in: the inverse of
 * dequantize.ts for F32, F16, BF16 and Q8_0, and by q6k.ts for Q6_K. Plain floats round to nearest, ties to even; Q8_0
 * takes the steps of ggml's reference quantiser, so the bytes are the same as llama.cpp's.
 */
import { BitnetError } from '../base/errors.ts';
import { byteLengthOf } from './dtype.ts';
import { floatToBfloat16, floatToHalf } from './half.ts';
import { encodeQ6K } from './q6k.ts';

/** Types that float weights can be written in. */
export const FLOAT_ENCODINGS = ['F32', 'F16', 'BF16', 'Q8_0', 'Q6_K'] as const;
/** One of {@link FLOAT_ENCODINGS}. */
export type FloatEncoding = (typeof FLOAT_ENCODINGS)[number];

const INFINITE_HALF = 0x7c00;
const INFINITE_BFLOAT16 = 0x7f80;

/**
 * The bytes of some weights, a multiple of the type's block. F32 gives a view of `weights`, the others a fresh array.
 *
 * @param name  the tensor's, for messages
 * @throws BitnetError `tensor/not-finite` when a weight is infinite or not a number, or becomes so in this type;
 *   `tensor/bad-shape`
 */
export function encodeFloats(dtype: FloatEncoding, weights: Float32Array, name: string): Uint8Array {
  if (!weights.every(Number.isFinite)) throw notFinite(name, '');
  switch (dtype) {
    case 'F32':
      return new Uint8Array(weights.buffer, weights.byteOffset, weights.byteLength);
    case 'F16':
      return rounded(weights, floatToHalf, INFINITE_HALF, name, dtype);
    case 'BF16':
      return rounded(weights, floatToBfloat16, INFINITE_BFLOAT16, name, dtype);
    default: {
      const bytes = new Uint8Array(byteLengthOf(dtype, [weights.length], name));
      const fits = dtype === 'Q8_0' ? encodeQ8(weights, bytes) : encodeQ6K(weights, bytes);
      if (!fits) throw notFinite(name, dtype);
      return bytes;
    }
  }
}

function rounded(
  weights: Float32Array,
  round: (value: number) => number,
  infinity: number,
  name: string,
  dtype: string,
): Uint8Array {
  const words = new Uint16Array(weights.length);
  let fits = true;
  for (let i = 0; i < weights.length; i++) {
    const word = round(weights[i]!);
    words[i] = word;
    if ((word & infinity) === infinity) fits = false;
  }
  if (!fits) throw notFinite(name, dtype);
  return new Uint8Array(words.buffer);
}

/**
 * Blocks of 32: f16 d = max |x| / 127, int8 round(x / d), halves away from zero, by d before it is rounded.
 *
 * @returns whether every scale is finite
 */
function encodeQ8(weights: Float32Array, bytes: Uint8Array): boolean {
  let fits = true;
  for (let from = 0, to = 0; from < weights.length; from += 32, to += 34) {
    let most = 0;
    for (let i = 0; i < 32; i++) most = Math.max(most, Math.abs(weights[from + i]!));
    const d = Math.fround(most / 127);
    const inverse = d === 0 ? 0 : Math.fround(1 / d);
    const half = floatToHalf(d);
    if (half >= INFINITE_HALF) fits = false;
    bytes[to] = half;
    bytes[to + 1] = half >>> 8;
    for (let i = 0; i < 32; i++) {
      const ratio = Math.fround(weights[from + i]! * inverse);
      bytes[to + 2 + i] = ratio < 0 ? -Math.floor(0.5 - ratio) : Math.floor(0.5 + ratio);
    }
  }
  return fits;
}

function notFinite(name: string, dtype: string): BitnetError {
  const where = dtype === '' ? '' : ` in ${dtype}`;
  return new BitnetError(
    'tensor/not-finite',
    `${name}: a weight is infinite or not a number${where}, so the tensor cannot be written`,
    { details: { tensor: name } },
  );
}
