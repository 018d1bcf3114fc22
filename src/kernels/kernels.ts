/**
 * The one list of operations that a backend offers. Arguments are byte addresses on the backend's heap, scalars and
 * dims, outputs first; every operation takes a half-open range of its work last, so any number of threads can split it.
 * Nothing above this interface knows how a backend lays out packed weights or quantised activations.
 *
 * Letters: T tokens (rows of activations), M output rows, K reduction length, H query heads, D head length.
 * Rows of f32 activations have a stride of {@link rowStride} elements; the pad between K and the stride is always zero,
 * so a vector counts as extended with zeros to a multiple of 16.
 *
 * Numerics (docs/numerics.md): all backends give the same bits. A f32 sum has 16 lanes, lane j takes elements j, j+16,
 * ..., then lanes fold in halves (8, 4, 2, 1). No fused multiply-add.
 */
import { roundUp } from '../base/assert.ts';
import type { Activation } from './activation.ts';
import type { RunningBackend } from './backend-name.ts';
import type { FileKernels } from './file-kernels.ts';
import type { TrainingKernels } from './training-kernels.ts';

/** How the elements of a dense matrix are stored on the heap, row after row. */
export const DenseFormat = {
  /** f32, row stride roundUp(K, 16) elements */
  F32: 0,
  /** IEEE half, row stride roundUp(K, 16) elements, all finite */
  F16: 1,
  /** bfloat16, row stride roundUp(K, 16) elements, all finite */
  BF16: 2,
  /** GGUF blocks of 32: f16 scale and 32 int8, K % 32 === 0 */
  Q8_0: 3,
} as const;
export type DenseFormat = (typeof DenseFormat)[keyof typeof DenseFormat];

/** Which elements of a head turn together: i with i + D/2, or 2i with 2i + 1. */
export const RopeStyle = { Half: 0, Interleaved: 1 } as const;
export type RopeStyle = (typeof RopeStyle)[keyof typeof RopeStyle];

/** Element type of the KV cache; Q8 is int8 with a f32 scale per row: see {@link Kernels.storeKv}. */
export const KvFormat = { F32: 0, F16: 1, Q8: 2 } as const;
export type KvFormat = (typeof KvFormat)[keyof typeof KvFormat];

/**
 * Positions of a block of the KV cache, whose softmax is taken together before blocks are folded in order; part of the
 * numerics.
 */
export const ATTENTION_BLOCK = 64;
/** Tokens of one sequence that an attention item covers; no influence on results. */
export const ATTENTION_TOKENS = 8;

/** Elements between the starts of two rows of K f32 activations. */
export function rowStride(K: number): number {
  return roundUp(K, 16);
}

/** Bytes of a dense matrix [M, K] on the heap. */
export function denseBytes(format: DenseFormat, M: number, K: number): number {
  return M * denseRowBytes(format, K);
}

/** Bytes of one row of a dense matrix on the heap. */
export function denseRowBytes(format: DenseFormat, K: number): number {
  if (format === DenseFormat.Q8_0) return (K / 32) * 34;
  return rowStride(K) * (format === DenseFormat.F32 ? 4 : 2);
}

/**
 * Largest magnitude of an activation for {@link Kernels.int8Matmul} and {@link Kernels.int4Matmul}: as many of 14 bits as
 * keep K products with int8 inside int32. No more than 14, so that q = 128 * high + low with both parts in int8.
 */
export function int8ActivationLimit(K: number): number {
  return Math.min(16319, Math.floor((2 ** 31 - 1) / (127 * rowStride(K))));
}

/** Factors, each rounded to f32, that {@link Kernels.packInt4Rows} weighs the parts of a row's error with. */
export interface Int4ErrorFactors {
  /** sqrt(K / 12) on the step d: a rounding error has a variance of d² / 12 */
  readonly rounding: number;
  /** sqrt(K) / (int8ActivationLimit(K) * sqrt(12)) on |row|: the same for the activation's own rounding */
  readonly activation: number;
  /** sqrt(K) / 8 on |Σ residual * x| / |row|: what of the residual is no noise but goes along with the row */
  readonly alignment: number;
}

/** See {@link Int4ErrorFactors}. */
export function int4ErrorFactors(K: number): Int4ErrorFactors {
  return {
    rounding: Math.fround(Math.sqrt(K / 12)),
    activation: Math.fround(Math.sqrt(K) / (int8ActivationLimit(K) * Math.sqrt(12))),
    alignment: Math.fround(Math.sqrt(K) / 8),
  };
}

/**
 * Bytes of one kv head's keys (or values) in a KV block: [64][rowStride(D)] elements; in Q8 int8, then f32 scales [64].
 * A multiple of 64.
 */
export function kvHeadBytes(format: KvFormat, headLength: number): number {
  const elements = ATTENTION_BLOCK * rowStride(headLength);
  if (format === KvFormat.Q8) return elements + 4 * ATTENTION_BLOCK;
  return elements * (format === KvFormat.F16 ? 2 : 4);
}

/** Arguments of {@link Kernels.attention}, {@link Kernels.attentionBlocks} and {@link Kernels.attentionFold}, for one sequence. */
export interface AttentionArgs {
  /** f32 [T][outStride], head h of token t at h * D */
  readonly out: number;
  readonly outStride: number;
  /** f32 [T][H][rowStride(D)], rotated */
  readonly q: number;
  /** f64 [{@link kvBlockCount}(position, tokens)]: addresses of the KV blocks, the one of position 0 first */
  readonly blocks: number;
  /** byte offset within a block of the layer's keys, [kvHeads][{@link kvHeadBytes}] in `format` */
  readonly keys: number;
  /** and of its values */
  readonly values: number;
  readonly format: KvFormat;
  /** scratch of {@link Kernels.attentionScratchBytes}, owned by the calling thread */
  readonly scratch: number;
  /** factor on q·k, 1/sqrt(D) in most models */
  readonly scale: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headLength: number;
  /** position of token 0 of the T */
  readonly position: number;
  readonly tokens: number;
}

/** How many items {@link Kernels.attention} splits into: (kv head, block of tokens, query head of the group). */
export function attentionItems(tokens: number, heads: number): number {
  return Math.ceil(tokens / ATTENTION_TOKENS) * heads;
}

/** How many KV blocks hold the positions of a sequence up to the last of `tokens` that start at `position`. */
export function kvBlockCount(position: number, tokens: number): number {
  return Math.ceil((position + tokens) / ATTENTION_BLOCK);
}

/**
 * f32 elements of one partial result of {@link Kernels.attentionBlocks}: the largest score, the sum of the weights, 14
 * that nobody writes, then the mix of the values [rowStride(D)].
 */
export function attentionPartialStride(headLength: number): number {
  return 16 + rowStride(headLength);
}

/** The operations. All are synchronous and allocate nothing; wrong addresses are bugs of the caller. */
export interface Kernels extends Partial<FileKernels>, TrainingKernels {
  /** The backend that runs, never an alias. */
  readonly name: RunningBackend;
  /** Ranges of output rows should start at multiples of this. */
  readonly rowStep: number;

  /** Bytes of a packed ternary matrix [M, K]. */
  ternaryBytes(M: number, K: number): number;
  /** Bytes of a 4-bit plane [M, K] of {@link packInt4Rows}; whole groups of {@link rowStep} rows. */
  int4Bytes(M: number, K: number): number;
  /** Bytes of one quantised activation row of K elements, a multiple of 64. */
  activationBytes(K: number): number;
  /** Bytes of scratch that each thread needs for {@link attention} and {@link attentionBlocks}. */
  attentionScratchBytes(heads: number, kvHeads: number, headLength: number): number;

  /** Writes rows [row0, row1) of a packed ternary matrix from codes u8 [row1 - row0][K]. */
  packTernary(w: number, codes: number, K: number, row0: number, row1: number): void;
  /**
   * Writes rows [row0, row1) of an int8 matrix i8 [M][rowStride(K)] with scales f32 [M] = max|row| / 127, from dense
   * rows at `source` (its row 0 is row0).
   */
  packInt8Rows(
    w: number,
    scales: number,
    source: number,
    format: DenseFormat,
    K: number,
    row0: number,
    row1: number,
  ): void;

  /**
   * Writes rows [row0, row1) of a 4-bit plane, with scales f32 [M] and errors f32 [M], from dense rows at `source` (its
   * row 0 is row0). Ranges start at multiples of {@link rowStep}. Per row, with every operation rounded to f32:
   * most = max|x|, scale d = most / 7.5, code = clamp(roundTiesToEven(x * (7.5 / most)), -8, 7), all 0 where most <
   * 1e-30; residual = x - code * d. Over 16 lanes: R = Σ residual², X = Σ x², P = Σ residual * x; |row| = sqrt(X).
   * error = (max(sqrt(R), d * rounding) + |row| * activation) + (|P| / |row|) * alignment, the last part 0 where X = 0;
   * the factors are those of {@link int4ErrorFactors}.
   */
  packInt4Rows(
    w: number,
    scales: number,
    errors: number,
    source: number,
    format: DenseFormat,
    K: number,
    row0: number,
    row1: number,
  ): void;

  /** out f32 [T][rowStride(K)] = rows `ids` (i32 [T]) of a dense table, times `scale`. */
  embed(
    out: number,
    ids: number,
    table: number,
    format: DenseFormat,
    scale: number,
    K: number,
    t0: number,
    t1: number,
  ): void;
  /** As {@link embed} from int8 rows and their scales. */
  embedInt8(
    out: number,
    ids: number,
    table: number,
    scales: number,
    scale: number,
    K: number,
    t0: number,
    t1: number,
  ): void;

  /**
   * out = x * (w / sqrt(mean(x²) + eps)) over rows of n elements at a stride of rowStride(n) (arXiv:1910.07467). The sum
   * is f32; mean, root and reciprocal are doubles, rounded to f32 once.
   */
  rmsNorm(out: number, x: number, w: number, eps: number, n: number, t0: number, t1: number): void;
  /**
   * Per row: s = 127 / max(max|x|, 1e-5), q = clamp(roundTiesToEven(x * s), -128, 127) (arXiv:2402.17764), in the
   * backend's own form of {@link activationBytes} per row.
   */
  quantize(q: number, x: number, K: number, t0: number, t1: number): void;
  /**
   * As {@link quantize} to 16 bits, with s = int8ActivationLimit(K) / max(max|x|, 1e-30), for {@link int8Matmul} and
   * {@link int4Matmul}: i16 [rowStride(K)] after a 16-byte head with f32 s, then whatever else the backend wants.
   */
  quantize16(q: number, x: number, K: number, t0: number, t1: number): void;

  /**
   * out f32 [T][outStride], columns [r0, r1) = (w · q) * (weightScale / s), exact in int32 before the scale; added to
   * what is there when `accumulate` is 1.
   */
  ternaryMatmul(
    out: number,
    outStride: number,
    q: number,
    w: number,
    weightScale: number,
    K: number,
    T: number,
    accumulate: number,
    r0: number,
    r1: number,
  ): void;
  /** out f32 [T][outStride], columns [r0, r1) = w · x in f32, x f32 [T][rowStride(K)]. */
  denseMatmul(
    out: number,
    outStride: number,
    x: number,
    w: number,
    format: DenseFormat,
    K: number,
    T: number,
    accumulate: number,
    r0: number,
    r1: number,
  ): void;
  /** out f32 [T][outStride], columns [r0, r1) = (w · q) * (scales[r] / s), w int8 rows, q of {@link quantize16}. */
  int8Matmul(
    out: number,
    outStride: number,
    q: number,
    w: number,
    scales: number,
    K: number,
    T: number,
    r0: number,
    r1: number,
  ): void;
  /** As {@link int8Matmul} with a plane of {@link packInt4Rows}: columns [r0, r1) = (code · q) * (scales[r] / s). */
  int4Matmul(
    out: number,
    outStride: number,
    q: number,
    w: number,
    scales: number,
    K: number,
    T: number,
    r0: number,
    r1: number,
  ): void;
  /**
   * out f32 [n]: entry i in [n0, n1) = dense row ids[i] (i32 [n]) · x, one row f32 [rowStride(K)]; the bits of
   * {@link denseMatmul}.
   */
  denseRows(
    out: number,
    x: number,
    w: number,
    format: DenseFormat,
    K: number,
    ids: number,
    n0: number,
    n1: number,
  ): void;
  /**
   * ids i32 [count]: the `count` rows of [r0, r1) with the largest of the scores f32, of equals the lowest ids; in any
   * order. With NaN among the scores, any different rows of the range.
   *
   * @returns how many: min(count, r1 - r0)
   */
  selectTop(ids: number, scores: number, count: number, r0: number, r1: number): number;
  /**
   * ids i32 [capacity], rising: the rows of [r0, r1) whose scores[r] + errors[r] * factor (both operations rounded to
   * f32, all three f32) is not below `threshold`, so NaN counts as above.
   *
   * @returns how many there are, of which the first `capacity` were written
   */
  selectAbove(
    ids: number,
    scores: number,
    errors: number,
    factor: number,
    threshold: number,
    capacity: number,
    r0: number,
    r1: number,
  ): number;

  /**
   * out f32 [T][heads][rowStride(D)] = x f32 [T][inStride] (heads of D side by side) turned by the angles of each
   * token's position; `table` is f64 [positions][cos half][sin half], `positions` i32 [T] (arXiv:2104.09864). Computed
   * in double precision and rounded once, since keys are rounded again to f16.
   */
  rope(
    out: number,
    x: number,
    inStride: number,
    positions: number,
    table: number,
    style: RopeStyle,
    heads: number,
    headLength: number,
    t0: number,
    t1: number,
  ): void;
  /**
   * Keys or values of tokens [t0, t1) into a sequence's KV blocks: head vectors of token t, read at
   * x + 4 * (t * tokenStride + head * headStride), go to position `position` + t. `blocks` is as in
   * {@link AttentionArgs}, `offset` its keys or values. Rounded to nearest even for f16. In Q8 a head vector (finite) is
   * stored as scale = max|x| / 127 and q = clamp(roundTiesToEven(x * inverse), -127, 127) with inverse = 127 / max|x|
   * (0 when that is 0), each rounded to f32, and read as q * scale. Elements behind D are not written.
   */
  storeKv(
    blocks: number,
    offset: number,
    format: KvFormat,
    x: number,
    tokenStride: number,
    headStride: number,
    kvHeads: number,
    headLength: number,
    position: number,
    t0: number,
    t1: number,
  ): void;
  /** Causal attention of T tokens of one sequence over its cache, items [i0, i1) of {@link attentionItems}. */
  attention(args: AttentionArgs, i0: number, i1: number): void;
  /**
   * The first half of {@link attention} for few tokens over a long cache: the softmax of single KV blocks. Item
   * block * kvHeads + kvHead gives, for every query head h of the group and every token t that sees the block, entry
   * (t * heads + h) * {@link kvBlockCount} + block of `partials`, each f32 [{@link attentionPartialStride}].
   */
  attentionBlocks(partials: number, args: AttentionArgs, i0: number, i1: number): void;
  /**
   * The second half: out = the partials of a token and query head folded in order of their blocks, items
   * [i0, i1) of t * heads + h. Both halves together give the same bits as {@link attention}.
   */
  attentionFold(partials: number, args: AttentionArgs, i0: number, i1: number): void;

  /** out = activation(gate) * up, rows at `stride` elements, columns [c0, c1); out may be gate. */
  gate(
    out: number,
    gate: number,
    up: number,
    activation: Activation,
    stride: number,
    T: number,
    c0: number,
    c1: number,
  ): void;
  /** x[t][c] += y[t][c] (or y[c] when yStride is 0, a bias), columns [c0, c1). */
  add(x: number, xStride: number, y: number, yStride: number, T: number, c0: number, c1: number): void;

  /** XOR of the i32 words of [address, address + bytes), whole lines of 64 bytes, as fast as memory gives them. */
  readWords(address: number, bytes: number): number;
  /** Adds 1 to the i32 at `counter`, one thread after the other; returns what it was. */
  take(counter: number): number;
  /** Waits until `count` threads have arrived at the 64-byte barrier, zero at first. */
  barrier(barrier: number, count: number): void;
}
