/** KV blocks on a watched heap, scattered and out of order as an engine's may be, and what fills them. */
import type { Random } from '#src/base/random.js';
import { ATTENTION_BLOCK, KvFormat, kvHeadBytes, rowStride } from '#src/kernels/kernels.js';
import { floatToHalf } from '#src/tensor/half.js';
import type { GuardedHeap } from './guarded-heap.ts';
import { randomValue } from './random-data.ts';

/** Bytes of a block before the layer that is looked at, and behind it: other layers'. */
const OTHER_LAYERS = 192;

/** Blocks of one layer's keys and values between those of others. */
export interface PagedLayer {
  /** address of the table */
  readonly blocks: number;
  readonly keys: number;
  readonly values: number;
  /** addresses and length of the blocks, the first positions' first */
  readonly addresses: readonly number[];
  readonly blockBytes: number;
}

/** Places blocks by `place`, from the last to the first, and a table of them. */
export function pageLayer(
  heap: GuardedHeap,
  count: number,
  halfBytes: number,
  place: (block: number, bytes: number) => number,
): PagedLayer {
  const blockBytes = 2 * OTHER_LAYERS + 2 * halfBytes;
  const addresses: number[] = new Array(count);
  for (let block = count - 1; block >= 0; block--) addresses[block] = place(block, blockBytes);
  return {
    blocks: heap.input(Float64Array.from(addresses)),
    keys: OTHER_LAYERS,
    values: OTHER_LAYERS + halfBytes,
    addresses,
    blockBytes,
  };
}

/** A block as {@link pageLayer} takes it, from its keys and values [kvHeads][64][D]. */
export function blockBytes(
  keys: Float32Array,
  values: Float32Array,
  format: KvFormat,
  headLength: number,
  scale = 0.01,
): Uint8Array {
  const halves = [keys, values].map((rows) => stored(rows, format, headLength, scale));
  const bytes = new Uint8Array(2 * OTHER_LAYERS + 2 * halves[0]!.length).fill(0xee);
  bytes.set(halves[0]!, OTHER_LAYERS);
  bytes.set(halves[1]!, OTHER_LAYERS + halves[0]!.length);
  return bytes;
}

/** Values as the cache holds them; those of Q8 in steps of the row's scale, which grows from row to row. */
function stored(rows: Float32Array, format: KvFormat, headLength: number, scale: number): Uint8Array {
  const padded = rowStride(headLength);
  const heads = rows.length / headLength / ATTENTION_BLOCK;
  const headBytes = kvHeadBytes(format, headLength);
  const bytes = new Uint8Array(heads * headBytes);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of rows.entries()) {
    const row = Math.floor(i / headLength);
    const head = Math.floor(row / ATTENTION_BLOCK) * headBytes;
    const position = row % ATTENTION_BLOCK;
    const at = position * padded + (i % headLength);
    if (format === KvFormat.F32) view.setFloat32(head + 4 * at, value, true);
    else if (format === KvFormat.F16) view.setUint16(head + 2 * at, floatToHalf(value), true);
    else {
      const rowScale = Math.fround(scale * (1 + position / 7));
      view.setFloat32(head + ATTENTION_BLOCK * padded + 4 * position, rowScale, true);
      view.setInt8(head + at, Math.max(-127, Math.min(127, Math.round(value / rowScale))));
    }
  }
  return bytes;
}

/** Keys or values of a whole block, [kvHeads][64][D]. */
export function randomBlock(
  random: Random,
  kvHeads: number,
  headLength: number,
  scale: number,
): Float32Array {
  return Float32Array.from(
    { length: kvHeads * ATTENTION_BLOCK * headLength },
    () => scale * randomValue(random),
  );
}
