/** What one thread of a team knows while it runs a program: who it is, and how to split work with the others. */
import type { Kernels } from '../kernels.ts';

/** The heap as a program may see it from any thread: bytes at an address. */
export interface HeapView {
  u8(address: number, length: number): Uint8Array;
  i32(address: number, length: number): Int32Array;
  f32(address: number, length: number): Float32Array;
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
  /** Waits until all members have come here; everything they wrote before is visible after. */
  barrier(): void;
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

/**
 * Tells threads that wait at a barrier in native code, where the runtime cannot end them, that someone will not come.
 * Other backends wait where it can, and do not look.
 */
export function breakBarrier(heap: Pick<HeapView, 'i32'>, barrier: number): void {
  heap.i32(barrier, 4)[3] = 1;
}
