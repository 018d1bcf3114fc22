/** Damage to the data of a tensor: single elements, scales, whole runs of bytes. */
import { blockBytes, type DType, I2S_TAIL_BYTES } from '#src/tensor/dtype.js';
import { floatToBfloat16, floatToHalf } from '#src/tensor/half.js';
import { below, pick, type Random } from './mutate.js';
import { SCALES } from './tiny-models.js';

const VALUES = [
  0,
  -0,
  1,
  -1,
  1e-8,
  60000,
  -60000,
  1e30,
  3e38,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
];

/** A damaged copy of a tensor's bytes. */
export function damageWeights(dtype: DType | undefined, bytes: Uint8Array, random: Random): Uint8Array {
  const copy = bytes.slice();
  if (copy.length === 0) return copy;
  const choice = below(4, random);
  if (choice === 0) copy.fill(pick([0, 0x55, 0x7f, 0x80, 0xff], random));
  else if (choice === 1) {
    const from = below(copy.length, random);
    for (let i = from; i < Math.min(copy.length, from + 40); i++) copy[i] = below(256, random);
  } else putValue(dtype ?? 'F32', copy, pick(VALUES, random), random);
  return copy;
}

/** Sets the scale of the tensor, of one of its blocks or of all of them, or one element of a plain type. */
function putValue(dtype: DType, bytes: Uint8Array, value: number, random: Random): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const block = SCALES.get(dtype);
  if (dtype === 'I2_S') {
    if (bytes.length >= I2S_TAIL_BYTES) view.setFloat32(bytes.length - I2S_TAIL_BYTES, value, true);
    return;
  }
  if (block !== undefined) {
    const count = Math.floor(bytes.length / block.bytes);
    const only = random() < 0.5 ? -1 : below(count, random);
    for (let i = 0; i < count; i++) {
      if (only === -1 || only === i) {
        view.setUint16(i * block.bytes + block.at, floatToHalf(value), true);
      }
    }
    return;
  }
  const width = blockBytes(dtype);
  const at = below(Math.floor(bytes.length / width), random) * width;
  if (at + width > bytes.length) return;
  if (dtype === 'F32') view.setFloat32(at, value, true);
  else if (dtype === 'F16') view.setUint16(at, floatToHalf(value), true);
  else if (dtype === 'BF16') view.setUint16(at, floatToBfloat16(value), true);
  else bytes[at] = below(256, random);
}
