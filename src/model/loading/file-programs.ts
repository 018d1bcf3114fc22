/**
 * Loading where the team's threads read the file themselves (file-kernels.ts): each reads its own rows, straight to where
 * they stay or through its scratch, and packs them while they are in its cache. All of a model is one run of one program,
 * so the calling thread is free for other work.
 */
import { BitnetError } from '../../base/errors.ts';
import type { TensorInfo } from '../../formats/tensor-info.ts';
import { type FileKernels, TernaryLayout } from '../../kernels/file-kernels.ts';
import { type DenseFormat, denseRowBytes, type Kernels } from '../../kernels/kernels.ts';
import { type Member, type Program, share } from '../../kernels/team/member.ts';
import { unpackI2s } from '../../tensor/i2s.ts';
import type { Int4Plane } from '../plan.ts';
import { checkElements, elementBytes, packGroup, packPlaneRows, packRange } from './load-programs.ts';

/** Where rows lie in a file. */
interface RowsInFile {
  /** of the tensor */
  readonly name: string;
  /** of the file, for messages */
  readonly file: string;
  readonly descriptor: number;
  readonly offset: number;
  readonly rows: number;
  readonly columns: number;
}

/** A matrix to be read. */
export type FileJob = RowsInFile &
  (
    | { readonly kind: 'I2_S'; readonly w: number }
    /** rows as the kernels read them, with no pad in the file; `isMapped` when they are the file's own memory */
    | {
        readonly kind: 'dense';
        readonly address: number;
        readonly format: DenseFormat;
        readonly plane?: Int4Plane;
        readonly isMapped: boolean;
      }
  );

/** Arguments of the program readWeights. */
export interface ReadWeightsArgs {
  readonly jobs: readonly FileJob[];
  /** f32 [members] on the heap: megabytes that each has dealt with */
  readonly progress: number;
}

/** Bytes of a piece that is read at once: it is packed while the cache still has it. */
const PIECE_BYTES = 2 ** 18;

/** Where a tensor's bytes lie, or undefined when the threads of these kernels cannot read them. */
export function inFile(
  { name, source, offset }: TensorInfo,
  kernels: Partial<FileKernels>,
): Pick<RowsInFile, 'name' | 'file' | 'descriptor' | 'offset'> | undefined {
  if (source.file === undefined || kernels.readFile === undefined) return undefined;
  return { name, file: source.name, descriptor: source.file.descriptor, offset };
}

/** Scratch that each member needs to pack and to read matrices whose rows have at most `longestRow` weights. */
export function loadScratchBytes(kernels: Pick<Kernels, 'rowStep'>, longestRow: number): number {
  const group = packGroup(kernels) * longestRow;
  return group + Math.max(PIECE_BYTES, group);
}

function readWeights(member: Member, { jobs, progress }: ReadWeightsArgs): void {
  for (const job of jobs) {
    const bytes = job.kind === 'dense' ? readDense(member, job) : readI2s(member, job);
    member.heap.f32(progress, member.count)[member.index]! += bytes / 2 ** 20;
  }
}

function readI2s(member: Member, job: FileJob & { kind: 'I2_S' }): number {
  const { rows, columns, w } = job;
  const rowBytes = elementBytes('I2_S', columns);
  const group = packGroup(member.kernels);
  // Behind the codes that packRange unpacks to.
  const staging = member.scratch + group * columns;
  return forEachPiece(member, rows, rowBytes, group, (from, to) => {
    readRows(member, job, from * rowBytes, staging, (to - from) * rowBytes);
    packRange(member, { w, columns }, from, to, (row, codes) => {
      const source = staging + (row - from) * rowBytes;
      if (member.kernels.unpackTernary!(codes, source, TernaryLayout.I2_S, columns) === 0) return;
      unpackI2s(member.heap.u8(source, rowBytes), columns, member.heap.u8(codes, columns), job.name);
    });
  });
}

function readDense(member: Member, job: FileJob & { kind: 'dense' }): number {
  const { rows, columns, address, format, plane, name, isMapped } = job;
  const rowBytes = denseRowBytes(format, columns);
  // Views are for the heap alone, and hardly any row is looked at in this way.
  const readAgain = (row: number, count: number) => {
    readRows(member, job, row * rowBytes, member.scratch, count * rowBytes);
    return member.heap.u8(member.scratch, count * rowBytes);
  };
  const onHeap = (row: number, count: number) => member.heap.u8(address + row * rowBytes, count * rowBytes);
  const bytesOf = isMapped ? readAgain : onHeap;
  return forEachPiece(member, rows, rowBytes, member.kernels.rowStep, (from, to) => {
    if (!isMapped) readRows(member, job, from * rowBytes, address + from * rowBytes, (to - from) * rowBytes);
    if (plane === undefined) checkElements(bytesOf(from, to - from), format, rowBytes, name, from);
    else packPlaneRows(member, { name, source: address, w: plane, format, columns }, from, to, bytesOf);
    // The plane says which rows are worth reading: few, one at a time.
    if (isMapped) member.kernels.leavePages!(address + from * rowBytes, (to - from) * rowBytes);
  });
}

/** Calls `visit` with pieces of this member's rows, whole steps of `step`; returns how many bytes they have. */
function forEachPiece(
  member: Member,
  rows: number,
  rowBytes: number,
  step: number,
  visit: (from: number, to: number) => void,
): number {
  const [start, end] = share(member, rows, step);
  const count = Math.max(1, Math.floor(PIECE_BYTES / rowBytes / step)) * step;
  for (let row = start; row < end; row += count) visit(row, Math.min(row + count, end));
  return (end - start) * rowBytes;
}

function readRows(member: Member, job: RowsInFile, from: number, address: number, length: number): void {
  const offset = job.offset + from;
  const count = member.kernels.readFile!(job.descriptor, offset, address, length);
  if (count === length) return;
  throw new BitnetError(
    'source/read-failed',
    `${job.file}: reading failed at byte ${offset + count}, in ${job.name}; the file was cut while open, or its disk fails`,
    { details: { tensor: job.name, offset: offset + count } },
  );
}

/** By the name that load.ts calls it. */
export const FILE_PROGRAMS: Readonly<Record<string, Program>> = { readWeights };
