/**
 * The one list of shapes that kernels are tried on: every remainder of rows, columns and tokens around the tiles that
 * backends use, and the sizes of real models. All backends read the same list.
 */
import { DenseFormat, KvFormat } from '#src/kernels/kernels.js';

/**
 * Few cases, for processors that are emulated and slow: every size with some of the others, where there are all otherwise.
 * Set by `npm run native:check`.
 */
const FEW = process.env.BITNET_CASES === 'few';

/** Output rows: every remainder of small tiles, and both sides of larger ones. */
const ROWS = [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33];

/** Tokens of a batch. */
const TOKENS = [1, 2, 3, 4, 5, 6, 7, 8, 9];

/** Reduction lengths: around lanes (16), blocks of columns (64, 128) and sums that are folded now and then (512, 1024). */
export const REDUCTIONS = [
  1, 2, 3, 7, 15, 16, 17, 31, 32, 33, 48, 49, 63, 64, 65, 96, 100, 127, 128, 129, 130, 191, 256,
];

/** Reduction lengths of real models, and those around the points where short sums are widened. */
export const LONG_REDUCTIONS = [511, 512, 513, 576, 1023, 1024, 1088, 2112, 2560, 6912];

/** Shapes of products: every number of rows with every reduction, or with a third of them, and tokens by turns. */
export function productShapes(): { M: number; K: number; T: number }[] {
  return ROWS.flatMap((M, i) =>
    REDUCTIONS.flatMap((K, j) => {
      const shapes = [i + 2 * j + 4, i + j].map((turn) => ({ M, K, T: TOKENS[turn % TOKENS.length]! }));
      if (!FEW) return shapes;
      return (i + j) % 3 === 0 ? shapes.slice(0, 1) : [];
    }),
  );
}

/** Dense formats with the least step of the reduction length. */
export const DENSE_FORMATS = [
  { name: 'f32', format: DenseFormat.F32, step: 1 },
  { name: 'f16', format: DenseFormat.F16, step: 1 },
  { name: 'bf16', format: DenseFormat.BF16, step: 1 },
  { name: 'q8_0', format: DenseFormat.Q8_0, step: 32 },
] as const;

/** Element types of the KV cache. */
export const KV_FORMATS = [
  { name: 'f32', format: KvFormat.F32 },
  { name: 'f16', format: KvFormat.F16 },
  { name: 'q8', format: KvFormat.Q8 },
] as const;

/** Lengths of a head: with and without a remainder of 16, and those of real models. */
export const HEAD_LENGTHS = [4, 6, 64, 96, 100, 128];

/** Query heads per key/value head. */
export const GROUPS = [1, 2, 4, 5];

/** Positions of a batch's first token, around the softmax blocks of 64. */
export const POSITIONS = [0, 1, 63, 64, 65, 200];

/** Tokens of an attention call, around its items of 8. */
export const ATTENTION_BATCHES = [1, 7, 8, 9, 64];

/** One call of attention. */
export interface AttentionCase {
  readonly headLength: number;
  readonly group: number;
  readonly kvHeads: number;
  readonly format: KvFormat;
  readonly position: number;
  readonly tokens: number;
}

/**
 * Every head length with every group and format at one place, and every position with every batch while the others take
 * turns: all pairs that matter without their whole product. When cases are to be few, formats take turns as well.
 */
export const ATTENTION_CASES: readonly AttentionCase[] = [
  ...HEAD_LENGTHS.flatMap((headLength, i) =>
    GROUPS.flatMap((group, j) =>
      formatsInTurn(i + j).map(({ format }) => ({
        ...{ headLength, group, kvHeads: 2, format },
        ...(FEW ? { position: 62, tokens: 3 } : { position: 60, tokens: 9 }),
      })),
    ),
  ),
  ...POSITIONS.flatMap((position, i) =>
    ATTENTION_BATCHES.filter((tokens) => !FEW || tokens < 64 || i % 2 === 0).flatMap((tokens, j) =>
      formatsInTurn(i + j).map(({ format }, k) => ({
        headLength: HEAD_LENGTHS[(i + j + k) % HEAD_LENGTHS.length]!,
        // The reference is slow; the longest batches get the fewest heads.
        group: tokens === 64 ? 1 + (i % 2) : GROUPS[(i + 2 * j + k) % GROUPS.length]!,
        kvHeads: tokens === 64 ? 1 : 1 + ((j + k) % 2),
        format,
        position,
        tokens,
      })),
    ),
  ),
];

/** All formats of the KV cache, or the one whose turn it is. */
function formatsInTurn(turn: number): readonly (typeof KV_FORMATS)[number][] {
  return KV_FORMATS.filter((_, k) => !FEW || turn % KV_FORMATS.length === k);
}

/** Half-open ranges that cut [0, length) into pieces which start at multiples of `step`, as uneven as can be. */
export function unevenRanges(length: number, step: number): [start: number, end: number][] {
  const ranges: [number, number][] = [];
  let start = 0;
  for (let size = step; start < length; size += 2 * step) {
    const end = Math.min(length, start + size);
    ranges.push([start, end]);
    start = end;
  }
  return ranges.toReversed();
}
