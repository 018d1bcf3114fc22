/** What the compiled module (native/module.c, native/operations.c) exports. */
import type { NativeVariant } from '../backend-name.ts';
import type { Kernels } from '../kernels.ts';

/** A region of memory that this thread holds a reference to. */
export type RegionHandle = { readonly region: unique symbol };

/** Where a region lies. */
export interface RegionInfo {
  /** By which other threads find it. */
  readonly number: number;
  readonly address: number;
  readonly bytes: number;
}

type FromTable = Omit<
  Kernels,
  'name' | 'rowStep' | 'barrier' | 'attention' | 'attentionBlocks' | 'attentionFold'
>;

/** The operations of a variant. */
export interface NativeOperations extends FromTable {
  /** The fields of AttentionArgs in their order, then the range. */
  attention(...numbers: number[]): void;
  /** The partial results' address before those. */
  attentionBlocks(...numbers: number[]): void;
  attentionFold(...numbers: number[]): void;
}

/** BN_INTERFACE of native/kernels.h, with which the functions here go together. */
export const NATIVE_INTERFACE = 3;

/** The functions of the module. Those that fail throw an Error with a sentence. */
export interface NativeExports {
  /** {@link NATIVE_INTERFACE} when it was built from these sources; undefined in the oldest ones. */
  readonly interfaceVersion?: number;
  /** What was built in, the fastest first, and what this processor lacks for it, or nothing. */
  variants(): { readonly name: NativeVariant; readonly missing: string }[];
  kernels(name: NativeVariant): NativeOperations;
  /** A region of at most `bytes` of address space. */
  reserve(bytes: number): RegionHandle;
  /** Another thread's region. */
  attach(number: number): RegionHandle;
  /** A part of an open file as read-only memory. */
  mapFile(descriptor: number, offset: number, length: number): RegionHandle;
  describe(region: RegionHandle): RegionInfo;
  /** Makes the first `bytes` usable; false when the system has no more. */
  grow(region: RegionHandle, bytes: number): boolean;
  /** Zeroes a span, giving its whole pages back to the system. */
  clear(region: RegionHandle, address: number, length: number): void;
  /** A buffer on a span; it keeps the addresses alive. */
  view(region: RegionHandle, address: number, length: number): ArrayBuffer;
  /** Drops this handle's reference and gives the physical memory back. */
  release(region: RegionHandle): void;
  /** Throws when a thread of the team has ended. */
  barrier(region: RegionHandle, barrier: number, count: number): void;
  physicalBytes(): number;
  /** Regions that are alive in this process. */
  regionCount(): number;
}
