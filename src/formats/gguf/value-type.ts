/** The value types of GGUF metadata and their numbers in the file (GGUF specification, `gguf_metadata_value_type`). */

/** Scalar types by their number in the file; 9 is the array. */
const NAMES = new Map<number, GgufScalarType>([
  [0, 'u8'],
  [1, 'i8'],
  [2, 'u16'],
  [3, 'i16'],
  [4, 'u32'],
  [5, 'i32'],
  [6, 'f32'],
  [7, 'bool'],
  [8, 'string'],
  [10, 'u64'],
  [11, 'i64'],
  [12, 'f64'],
]);

/** A type of a single value. */
export type GgufScalarType =
  | 'u8'
  | 'i8'
  | 'u16'
  | 'i16'
  | 'u32'
  | 'i32'
  | 'u64'
  | 'i64'
  | 'f32'
  | 'f64'
  | 'bool'
  | 'string';

/** A type of a metadata value: a scalar or an array of scalars. */
export type GgufValueType = GgufScalarType | `${GgufScalarType}[]`;

/** The number that marks an array in the file. */
export const ARRAY_TYPE_ID = 9;

/** The scalar type of this number, or undefined. */
export function scalarTypeOf(id: number): GgufScalarType | undefined {
  return NAMES.get(id);
}

/** The number of a scalar type in the file. */
export function scalarTypeId(type: GgufScalarType): number {
  for (const [id, name] of NAMES) if (name === type) return id;
  return -1;
}

/** Bytes of a scalar in the file; for a string those of its length field. */
export function scalarBytes(type: GgufScalarType): number {
  if (type === 'u8' || type === 'i8' || type === 'bool') return 1;
  if (type === 'u16' || type === 'i16') return 2;
  if (type === 'u32' || type === 'i32' || type === 'f32') return 4;
  return 8;
}
