/** What one thread of a team knows while it runs a program: who it is, and how to split work with the others. */
import type { Kernels } from '../kernels.ts';

/** The heap as a program may see it from any thread: bytes at an address. */
export interface HeapView {
  u8(address: number, length: number): Uint8Array;
  i32(address: number, length: number): Int32Array;
  f32(address: number, length: number): Float32Array;
}

/** Numbers that members draw, each of them once. */
export interface Tickets {
  /** the shared i32 that the next one is drawn from */
  readonly counter: number;
  /** the number of the next work's first piece */
  first: number;
  /** the number that this member has drawn and not used yet */
  drawn: number | undefined;
}

/** One thread of a team. */
export interface Member {
  readonly kernels: Kernels;
  readonly heap: HeapView;
  /** 0 … count - 1 */
  readonly index: number;
  readonly count: number;
  /** Scratch on the heap that no other member uses, of the size given when the team was made. */
  readonly scratch: number;
  /** Of {@link takeShares}; members of a team agree on it. */
  readonly tickets: Tickets;
  /** Waits until all members have come here; everything they wrote before is visible after. */
  barrier(): void;
}

/** A member that has all of the work to itself. */
export function loneMember({ kernels, heap }: Pick<Member, 'kernels' | 'heap'>, scratch: number): Member {
  const tickets = { counter: 0, first: 0, drawn: undefined };
  return { kernels, heap, index: 0, count: 1, scratch, tickets, barrier: () => {} };
}

/** A function that every member of a team runs on the same arguments, each doing its share. */
export type Program = (member: Member, args: never) => void;

/**
 * The member's part [start, end) of `length` items, in whole steps of `step` but for the last. Parts differ by at most
 * one step, and those of all members in order cover everything.
 */
export function share(
  member: Pick<Member, 'index' | 'count'>,
  length: number,
  step = 1,
): [start: number, end: number] {
  const steps = Math.ceil(length / step);
  const start = Math.floor((steps * member.index) / member.count) * step;
  const end = Math.floor((steps * (member.index + 1)) / member.count) * step;
  return [Math.min(start, length), Math.min(end, length)];
}

/** Pieces that {@link takeShares} makes for each member: what the slowest one is late by at most. */
const PIECES = 48;

/**
 * Calls `visit` with pieces [start, end) of `length` items, which members take as they become free, for work that takes
 * long and cores that are not equally fast. All members of a team call it, in the same order. Pieces are whole steps of
 * `step` but for the last.
 */
export function takeShares(
  member: Member,
  length: number,
  step: number,
  visit: (start: number, end: number) => void,
): void {
  const { count, tickets, kernels } = member;
  if (length === 0) return;
  if (count === 1) {
    visit(0, length);
    return;
  }
  const size = Math.ceil(length / step / (PIECES * count)) * step;
  const pieces = Math.ceil(length / size);
  let drawn = tickets.drawn ?? kernels.take(tickets.counter);
  // Numbers wrap around in 32 bits, and so do their differences.
  for (let piece = (drawn - tickets.first) | 0; piece < pieces; piece = (drawn - tickets.first) | 0) {
    visit(piece * size, Math.min((piece + 1) * size, length));
    drawn = kernels.take(tickets.counter);
  }
  // A number too high for this work is one of the next, which others may have begun.
  tickets.drawn = drawn;
  tickets.first = (tickets.first + pieces) | 0;
}

/**
 * Tells threads that wait at a barrier in native code, where the runtime cannot end them, that someone will not come.
 * Other backends wait where it can, and do not look.
 */
export function breakBarrier(heap: Pick<HeapView, 'i32'>, barrier: number): void {
  heap.i32(barrier, 4)[3] = 1;
}
