/**
 * How threads share the tokens of a pass: in chunks that each goes through many layers with, up to where a token needs
 * the others. Rows between two layers that nobody else sees lie in the thread's scratch.
 */
import { type Member, takeShares } from '../../kernels/team/member.ts';
import type { Sequences } from '../layers/attention.ts';
import { rowAt } from '../layers/embedding.ts';
import { chunkTokens, LONGEST_CHUNK, type TrainingPlan } from './plan.ts';

/** Rows of scratch buffers that a thread has, each [LONGEST_CHUNK][longestRow]. */
const BUFFERS = 3;

/** Tokens [first, first + n) of a pass, and a thread's scratch. */
export interface Chunk {
  /** from 0 in the pass */
  readonly index: number;
  readonly first: number;
  readonly n: number;
  /** f32 [n][longest row] each */
  readonly scratch: readonly [number, number, number];
  /** f32 [n] */
  readonly inverses: number;
}

/** Bytes of a thread's scratch behind what operations need for themselves. */
export function chunkScratchBytes(longestRow: number): number {
  return 4 * LONGEST_CHUNK * (BUFFERS * longestRow + 1);
}

/** Calls `visit` with the chunks of tokens [start, end) that this thread takes; start is that of a chunk. */
export function forChunks(
  member: Member,
  plan: TrainingPlan,
  sequences: Sequences,
  visit: (chunk: Chunk) => void,
  start = 0,
  end: number = sequences.count * sequences.length,
): void {
  const step = chunkTokens(sequences);
  const base = member.scratch + plan.scratchBytes;
  const bytes = 4 * LONGEST_CHUNK * plan.longestRow;
  const scratch = [base, base + bytes, base + 2 * bytes] as const;
  const inverses = base + BUFFERS * bytes;
  takeShares(member, end - start, step, (from, to) => {
    for (let first = start + from; first < start + to; first += step) {
      const n = Math.min(step, start + to - first);
      visit({ index: first / step, first, n, scratch, inverses });
    }
  });
}

/** Address of a chunk's first row of f32 [tokens][columns]. */
export function rowsOf(chunk: Chunk, address: number, columns: number): number {
  return rowAt(address, chunk.first, columns);
}
