/**
 * The numbers that GGUF files use for tensor types, and what to say about those that cannot be read. Forks have given
 * some numbers different meanings, so a number counts only together with the byte length of the tensor.
 */
import { blockBytes, blockWeights, byteLengthOf, type DType } from '../../tensor/dtype.ts';

/** The types this package reads, by their number. */
const READABLE = new Map<number, DType>([
  [0, 'F32'],
  [1, 'F16'],
  [2, 'Q4_0'],
  [8, 'Q8_0'],
  [14, 'Q6_K'],
  [24, 'I8'],
  [25, 'I16'],
  [26, 'I32'],
  [27, 'I64'],
  [28, 'F64'],
  [30, 'BF16'],
  [34, 'TQ1_0'],
  [35, 'TQ2_0'],
  [36, 'I2_S'],
]);

/** The names of types that are known but not read. */
const UNREADABLE = new Map<number, string>([
  [3, 'Q4_1'],
  [6, 'Q5_0'],
  [7, 'Q5_1'],
  [9, 'Q8_1'],
  [10, 'Q2_K'],
  [11, 'Q3_K'],
  [12, 'Q4_K'],
  [13, 'Q5_K'],
  [15, 'Q8_K'],
  [16, 'IQ2_XXS'],
  [17, 'IQ2_XS'],
  [18, 'IQ3_XXS'],
  [19, 'IQ1_S'],
  [20, 'IQ4_NL'],
  [21, 'IQ3_S'],
  [22, 'IQ2_S'],
  [23, 'IQ4_XS'],
  [29, 'IQ1_M'],
  [37, 'I8_S'],
  [40, 'NVFP4'],
  [41, 'Q1_0'],
  [142, 'PQ2_0'],
  [143, 'PTQ1_0'],
]);

/** The readable type of this number, or undefined. */
export function tensorTypeOf(id: number): DType | undefined {
  return READABLE.get(id);
}

/** The number of a type in GGUF files, or undefined for types that GGUF has none for. */
export function tensorTypeId(dtype: DType): number | undefined {
  for (const [id, name] of READABLE) if (name === dtype) return id;
  return undefined;
}

/**
 * Which type an unreadable number stands for and what to do, as the end of a sentence.
 *
 * @param shape      row-major, [M, K]
 * @param available  bytes from the tensor's start to the next one's
 * @param alignment  up to which the bytes may be padded
 */
export function describeUnreadable(
  id: number,
  shape: readonly number[],
  available: number,
  alignment: number,
): string {
  const fits = (length: number): boolean => available >= length && available - length < alignment;
  const isTl1 = id === 38;
  const isTl2 = (id === 39 || id === 42) && fits(tl2ByteLength(shape));
  if (isTl1 || isTl2) {
    return (
      `${isTl1 ? 'TL1' : 'TL2'} (type id ${id}): its layout depends on the machine it was made for and its parameters are ` +
      'not in the file; use the I2_S file of the model'
    );
  }
  const count = shape.reduce((product, dim) => product * dim, 1);
  let name = UNREADABLE.get(id);
  if (id === 39) name = 'MXFP4, or TL2 of bitnet.cpp,';
  if (id === 42) {
    name = 'Q2_0 or TL2 of unknown parameters';
    if (fits((count / 64) * 18)) name = 'Q2_0 with groups of 64';
    else if (fits((count / 128) * 34)) name = 'Q2_0 with groups of 128';
  }
  if (name === undefined) return `the unknown type id ${id}; the file is damaged or newer than this package`;
  return `${name} (type id ${id}), which this package does not read; use an I2_S, TQ1_0 or TQ2_0 file of the model`;
}

/** How a type computes its length, for messages about a tensor that has another one. */
export function describeLength(dtype: DType, shape: readonly number[]): string {
  const length = byteLengthOf(dtype, shape);
  if (dtype === 'I2_S') return `${length} bytes (a quarter of a byte per weight and a tail of 32)`;
  return `${length} bytes (${blockBytes(dtype)} per ${blockWeights(dtype)} elements)`;
}

/** bitnet.cpp's own formula: triples for all but 256 columns, pairs for the rest, and a tail of 32. */
function tl2ByteLength(shape: readonly number[]): number {
  const columns = shape.at(-1) ?? 1;
  const rows = shape.at(-2) ?? 1;
  const triples = Math.floor((Math.floor(((columns - 256) * rows) / 3) * 5) / 8);
  const pairs = Math.floor((Math.floor((256 * rows) / 2) * 4) / 8);
  return Math.ceil((triples + pairs) / 32) * 32 + 32;
}
