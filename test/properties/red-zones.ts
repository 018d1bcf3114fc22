/**
 * Every block that any heap hands out while this is on lies between two strips of a known pattern. A kernel that writes
 * beyond a block, whatever made it do so, breaks a strip; one that reads beyond a block computes something else when the
 * strips hold something else.
 */
import assert from 'node:assert/strict';
import { Heap } from '#src/kernels/heap.js';

const ZONE_BYTES = 64;
/** All ones: no number as a float of any width, so that what is read from a strip spreads. */
export const FIRST_PATTERN = 0xff;
/** Another pattern, of ordinary numbers. */
export const OTHER_PATTERN = 0x3c;

interface Block {
  readonly start: number;
  readonly bytes: number;
}

interface Watched {
  readonly blocks: Map<number, Block>;
  pattern: number;
  /** bytes in blocks, now and at most */
  used: number;
  peak: number;
}

const plain = { allocate: Heap.prototype.allocate, free: Heap.prototype.free };
let heaps = new Map<Heap, Watched>();

/** Puts strips around all blocks that are handed out from now on. */
export function watchHeaps(): void {
  Heap.prototype.allocate = function (this: Heap, bytes: number): number {
    assert.ok(Number.isSafeInteger(bytes) && bytes >= 0, `a block of ${bytes} bytes was asked for`);
    const watched = heaps.get(this) ?? { blocks: new Map(), pattern: FIRST_PATTERN, used: 0, peak: 0 };
    heaps.set(this, watched);
    const start = plain.allocate.call(this, bytes + 2 * ZONE_BYTES);
    const block = { start, bytes };
    watched.blocks.set(start + ZONE_BYTES, block);
    watched.used += bytes;
    watched.peak = Math.max(watched.peak, watched.used);
    for (const zone of zonesOf(this, block)) zone.fill(watched.pattern);
    return start + ZONE_BYTES;
  };
  Heap.prototype.free = function (this: Heap, address: number): void {
    const watched = heaps.get(this);
    const block = watched?.blocks.get(address);
    assert.ok(watched !== undefined && block !== undefined, `no block at address ${address}`);
    checkBlock(this, watched, block);
    watched.blocks.delete(address);
    watched.used -= block.bytes;
    plain.free.call(this, block.start);
  };
}

/** Ends what {@link watchHeaps} began. */
export function unwatchHeaps(): void {
  Object.assign(Heap.prototype, plain);
  heaps = new Map();
}

/** Checks all strips of all heaps. */
export function checkZones(): void {
  for (const [heap, watched] of heaps) {
    for (const block of watched.blocks.values()) checkBlock(heap, watched, block);
  }
}

/** Writes another pattern into all strips. */
export function repaintZones(pattern: number): void {
  for (const [heap, watched] of heaps) {
    watched.pattern = pattern;
    for (const block of watched.blocks.values()) {
      for (const zone of zonesOf(heap, block)) zone.fill(pattern);
    }
  }
}

/** Bytes that all heaps together had in blocks at most, since they are watched. */
export function peakHeapBytes(): number {
  return [...heaps.values()].reduce((sum, { peak }) => sum + peak, 0);
}

/** Lets go of the heaps of models that are of no more use. */
export function forgetHeaps(): void {
  heaps.clear();
}

function zonesOf(heap: Heap, { start, bytes }: Block): Uint8Array[] {
  return [heap.u8(start, ZONE_BYTES), heap.u8(start + ZONE_BYTES + bytes, ZONE_BYTES)];
}

function checkBlock(heap: Heap, { pattern }: Watched, block: Block): void {
  for (const [i, zone] of zonesOf(heap, block).entries()) {
    if (zone.every((byte) => byte === pattern)) continue;
    const where = i === 0 ? 'before' : 'behind';
    const at = zone.findIndex((byte) => byte !== pattern);
    assert.fail(`byte ${at} ${where} a block of ${block.bytes} bytes was written (block at ${block.start})`);
  }
}
