/**
 * The work of loading that a team shares: from staged file bytes to the backend's form of a matrix. load.ts reads the
 * bytes and says which program takes them.
 */
import { BitnetError } from '../../base/errors.ts';
import { TernaryLayout } from '../../kernels/file-kernels.ts';
import { DenseFormat, denseRowBytes, type Kernels } from '../../kernels/kernels.ts';
import { type Member, type Program, share } from '../../kernels/team/member.ts';
import { absmeanCodes } from '../../tensor/absmean.ts';
import { dequantize } from '../../tensor/dequantize.ts';
import { blockBytes, blockWeights, type DType, type TernaryDType } from '../../tensor/dtype.ts';
import { unpackI2s } from '../../tensor/i2s.ts';
import { unpackPackedRows } from '../../tensor/packed-rows.ts';
import { unpackTernary } from '../../tensor/ternary-tensor.ts';
import type { Int4Plane } from '../plan.ts';

/** What all these programs are told. */
interface PackArgs {
  readonly name: string;
  /** where the staged bytes lie */
  readonly source: number;
  /** the matrix on the heap */
  readonly w: number;
  readonly columns: number;
  /** rows of the matrix that the staged bytes hold */
  readonly row0: number;
  readonly row1: number;
}

/** Arguments of the program packTernary. */
export type PackTernaryArgs = PackArgs & { readonly dtype: TernaryDType };
/** Arguments of packPacked; `packedRows` is P of src/tensor/packed-rows.ts. */
export type PackPackedArgs = PackArgs & { readonly packedRows: number };
/** Arguments of packMasters; `scale` is the mean of |w|. */
export type PackMastersArgs = PackArgs & { readonly dtype: DType; readonly mean: number };
/** Arguments of packInt8. */
export type PackInt8Args = PackArgs & { readonly format: DenseFormat; readonly scales: number };
/** Arguments of packInt4: `source` is row 0 of the whole dense matrix, already on the heap. */
export type PackInt4Args = Omit<PackArgs, 'w'> & { readonly format: DenseFormat; readonly w: Int4Plane };

/** Bytes that `count` elements take in a file; whole blocks only. */
export function elementBytes(dtype: DType, count: number): number {
  return (count / blockWeights(dtype)) * blockBytes(dtype);
}

/** I2_S, TQ1_0 or TQ2_0 rows, staged without the I2_S tail. */
function packTernary(member: Member, args: PackTernaryArgs): void {
  const { dtype, columns, name } = args;
  const bytes = elementBytes(dtype, columns);
  packRows(member, args, (row, address) => {
    const source = args.source + (row - args.row0) * bytes;
    // What holds no codes is unpacked again, to find out where.
    if (member.kernels.unpackTernary?.(address, source, TernaryLayout[dtype], columns) === 0) return;
    const codes = member.heap.u8(address, columns);
    const packed = member.heap.u8(source, bytes);
    if (dtype === 'I2_S') unpackI2s(packed, columns, codes, name);
    else unpackTernary(dtype, packed, columns, codes, name);
  });
}

/** A whole Hugging Face U8 matrix. */
function packPacked(member: Member, args: PackPackedArgs): void {
  const { columns, packedRows, name } = args;
  const packed = member.heap.u8(args.source, packedRows * columns);
  packRows(member, args, (row, address) => {
    const source = args.source + (row % packedRows) * columns;
    const layout = TernaryLayout.Field0 + Math.floor(row / packedRows);
    if (member.kernels.unpackTernary?.(address, source, layout, columns) === 0) return;
    const codes = member.heap.u8(address, columns);
    unpackPackedRows(packed, packedRows, columns, row, row + 1, codes, name);
  });
}

/** Rows of latent weights, with the mean of the whole matrix. */
function packMasters(member: Member, args: PackMastersArgs): void {
  const { dtype, columns, mean } = args;
  const bytes = elementBytes(dtype, columns);
  const weights = new Float32Array(columns);
  packRows(member, args, (row, address) => {
    const codes = member.heap.u8(address, columns);
    const from = member.heap.u8(args.source + (row - args.row0) * bytes, bytes);
    absmeanCodes(dequantize(dtype, from, columns, weights, args.name), mean, codes);
  });
}

/** Rows that are unpacked before they are packed together: whole tiles, so that no cache line is written twice. */
export function packGroup(kernels: Pick<Kernels, 'rowStep'>): number {
  return Math.max(4, kernels.rowStep);
}

/** Packs this member's rows from the codes that `unpack` writes, u8 [columns] at an address, row by row. */
function packRows(member: Member, args: PackArgs, unpack: (row: number, codes: number) => void): void {
  const { row0, row1 } = args;
  const [from, to] = share(member, row1 - row0, packGroup(member.kernels));
  packRange(member, args, row0 + from, row0 + to, unpack);
}

/** Packs rows [from, to), whose first starts a {@link packGroup}. */
export function packRange(
  { kernels, scratch }: Member,
  { w, columns }: Pick<PackArgs, 'w' | 'columns'>,
  from: number,
  to: number,
  unpack: (row: number, codes: number) => void,
): void {
  const group = packGroup(kernels);
  for (let row = from; row < to; row += group) {
    const end = Math.min(row + group, to);
    for (let r = row; r < end; r++) unpack(r, scratch + (r - row) * columns);
    kernels.packTernary(w, scratch, columns, row, end);
  }
}

/** Dense rows to int8 rows. */
function packInt8(member: Member, args: PackInt8Args): void {
  const { format, columns: K, w, scales } = args;
  const [from, to] = share(member, args.row1 - args.row0);
  const source = args.source + from * denseRowBytes(format, K);
  if (format === DenseFormat.Q8_0) {
    const rowBytes = denseRowBytes(format, K);
    checkElements(
      member.heap.u8(source, (to - from) * rowBytes),
      format,
      rowBytes,
      args.name,
      args.row0 + from,
    );
  }
  member.kernels.packInt8Rows(w, scales, source, format, K, args.row0 + from, args.row0 + to);
  const own = member.heap.f32(scales + 4 * (args.row0 + from), to - from);
  // A half that is infinite or no number reads as 65536 and more in the kernels; the largest finite one is 65504.
  const limit = format === DenseFormat.F16 ? 65520 / 127 : Number.POSITIVE_INFINITY;
  const bad = own.findIndex((scale) => !(scale < limit));
  if (bad >= 0) throw notFinite(args.name, args.row0 + from + bad);
}

/** The 4-bit plane of dense rows, which are checked on the way. */
function packInt4(member: Member, args: PackInt4Args): void {
  const { row0, row1 } = args;
  const [from, to] = share(member, row1 - row0, member.kernels.rowStep);
  packPlaneRows(member, args, row0 + from, row0 + to);
}

/** The plane of rows [from, to); the first starts a step of rows. `bytesOf` gives `count` rows to look at. */
export function packPlaneRows(
  { kernels, heap }: Member,
  { format, columns: K, w, name, source: rows }: Omit<PackInt4Args, 'row0' | 'row1'>,
  from: number,
  to: number,
  bytesOf: (row: number, count: number) => Uint8Array = (row, count) =>
    heap.u8(rows + row * denseRowBytes(format, K), count * denseRowBytes(format, K)),
): void {
  const rowBytes = denseRowBytes(format, K);
  kernels.packInt4Rows(w.address, w.scales, w.errors, rows + from * rowBytes, format, K, from, to);
  const check = (row: number, count: number) =>
    checkElements(bytesOf(row, count), format, rowBytes, name, row);
  if (format === DenseFormat.Q8_0) check(from, to - from);
  // What is not finite makes a row's error so, as very large numbers do; and see packInt8 for halves.
  const scales = heap.f32(w.scales + 4 * from, to - from);
  const errors = heap.f32(w.errors + 4 * from, to - from);
  const limit = format === DenseFormat.F16 ? 65520 / 7.5 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < to - from; i++) {
    if (!(errors[i]! < Number.POSITIVE_INFINITY && scales[i]! < limit)) check(from + i, 1);
  }
}

/** Arguments of the check that all elements of a dense matrix on the heap are finite. */
export interface CheckArgs {
  readonly name: string;
  readonly address: number;
  readonly format: DenseFormat;
  readonly rows: number;
  readonly columns: number;
}

function checkFinite(member: Member, { name, address, format, rows, columns }: CheckArgs): void {
  const [from, to] = share(member, rows);
  const rowBytes = denseRowBytes(format, columns);
  const bytes = member.heap.u8(address + from * rowBytes, (to - from) * rowBytes);
  checkElements(bytes, format, rowBytes, name, from);
}

/** Where the exponent of an element lies; all of its bits are set in infinities and NaN. */
const EXPONENTS = { [DenseFormat.F32]: 0x7f800000, [DenseFormat.F16]: 0x7c00, [DenseFormat.BF16]: 0x7f80 };

/** Throws at the first element of some rows, the first of which is `row0`, that is not finite. */
export function checkElements(
  bytes: Uint8Array,
  format: DenseFormat,
  rowBytes: number,
  name: string,
  row0: number,
): void {
  const throwAt = (byte: number): never => {
    throw notFinite(name, row0 + Math.floor(byte / rowBytes));
  };
  if (format === DenseFormat.Q8_0) {
    for (let at = 0; at < bytes.length; at += 34) if ((bytes[at + 1]! & 0x7c) === 0x7c) throwAt(at);
    return;
  }
  const { buffer, byteOffset, length } = bytes;
  const words =
    format === DenseFormat.F32
      ? new Uint32Array(buffer, byteOffset, length / 4)
      : new Uint16Array(buffer, byteOffset, length / 2);
  const mask = EXPONENTS[format];
  for (let i = 0; i < words.length; i++) {
    if ((words[i]! & mask) === mask) throwAt(i * words.BYTES_PER_ELEMENT);
  }
}

function notFinite(name: string, row: number): BitnetError {
  return new BitnetError(
    'tensor/not-finite',
    `${name}: row ${row} has a value that is infinite or not a number; the file is damaged`,
    { details: { tensor: name, row } },
  );
}

/** By the names that load.ts calls them. */
export const PACK_PROGRAMS: Readonly<Record<string, Program>> = {
  packTernary,
  packPacked,
  packMasters,
  packInt8,
  packInt4,
  checkFinite,
};
