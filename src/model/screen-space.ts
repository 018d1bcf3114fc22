/**
 * Where the threads of a team leave their parts of a screened output head (output-head.ts): rows they looked at, exact
 * logits of those, and how many there were. One allocation for each part, made when a model with a 4-bit plane is loaded.
 */
import type { Backend } from '../kernels/backend.ts';
import { type Kernels, rowStride } from '../kernels/kernels.ts';
import { share } from '../kernels/team/member.ts';
import type { ModelConfig } from './config.ts';

/** Most rows that an output may ask for by rank, and by id; beyond, the whole head is read. */
export const MOST_SCREENED = 256;
/** Rows of a head for each one that there is room to score exactly; more than that are better read as a stream. */
const ROWS_PER_CANDIDATE = 4;

/** Addresses; `rows` is the number of the head's rows. */
export interface ScreenSpace {
  /** Threads that share it. */
  readonly members: number;
  /** i32 and f32 [outputs][members][MOST_SCREENED]: the best coarse scores of each member's rows, scored exactly */
  readonly topIds: number;
  readonly topLogits: number;
  /** i32 and f32 [outputs][rowStride(rows / 4)]: rows that may be among the best, scored exactly, see {@link candidateSlot} */
  readonly ids: number;
  readonly logits: number;
  /** i32 [outputs][members]: how many of those each member found, more than it has room for when the head must be read */
  readonly counts: number;
  /** i32 and f32 [outputs][MOST_SCREENED]: rows asked for by id, scored exactly */
  readonly includedIds: number;
  readonly includedLogits: number;
}

type Parts = Record<Exclude<keyof ScreenSpace, 'members'>, number>;

/** Bytes of each part. */
export function screenSpaceBytes(rows: number, outputs: number, members: number): Parts {
  const ranked = 4 * outputs * MOST_SCREENED;
  const candidates = 4 * outputs * candidateStride(rows);
  return {
    topIds: ranked * members,
    topLogits: ranked * members,
    ids: candidates,
    logits: candidates,
    counts: 4 * outputs * members,
    includedIds: ranked,
    includedLogits: ranked,
  };
}

/** A space of these sizes. */
export function allocateScreenSpace(
  { heap }: Pick<Backend, 'heap'>,
  { vocabularySize }: ModelConfig,
  outputs: number,
  members: number,
): ScreenSpace {
  const parts = screenSpaceBytes(vocabularySize, outputs, members);
  for (const part of Object.keys(parts) as (keyof Parts)[]) parts[part] = heap.allocate(parts[part]);
  return { members, ...parts };
}

/** Elements of one output's candidates. */
export function candidateStride(rows: number): number {
  return rowStride(Math.ceil(rows / ROWS_PER_CANDIDATE));
}

/** The rows of the head that a member screens, and its part of an output's candidates. */
export interface CandidateSlot {
  readonly r0: number;
  readonly r1: number;
  /** element of the first candidate */
  readonly start: number;
  readonly capacity: number;
}

/** See {@link CandidateSlot}. */
export function candidateSlot(
  member: { readonly index: number; readonly count: number },
  rows: number,
  { rowStep }: Pick<Kernels, 'rowStep'>,
): CandidateSlot {
  const [r0, r1] = share(member, rows, rowStep);
  const start = Math.floor(r0 / ROWS_PER_CANDIDATE);
  return { r0, r1, start, capacity: Math.floor(r1 / ROWS_PER_CANDIDATE) - start };
}
