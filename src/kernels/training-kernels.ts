/**
 * The operations that training adds to {@link Kernels}: the backward halves, f32 matrix products, the loss and the
 * optimiser. Same conventions (addresses, rows at a stride of rowStride, half-open ranges last), other promise: results
 * are the same for any split over threads, but may differ between backends in the order of sums and by fused
 * multiply-adds, by about 1e-6 of the largest term.
 *
 * Forward, training runs the operations of {@link Kernels} themselves, so that a trained model says in use what it said
 * in training.
 */
import type { Activation } from './activation.ts';

/** Which operands of {@link TrainingKernels.gemm} are read transposed. */
export const GemmForm = {
  /** a [M][K], b [K][N] */
  NN: 0,
  /** a [M][K], b [N][K] */
  NT: 1,
  /** a [K][M], b [K][N] */
  TN: 2,
} as const;
export type GemmForm = (typeof GemmForm)[keyof typeof GemmForm];

/** Elements that one of the sums of {@link TrainingKernels.sumSquares} covers. */
export const SQUARES_BLOCK = 4096;

/** Multiply-adds of f32 in a round of {@link TrainingKernels.multiplyAddPeak}. */
export const PEAK_ROUND = 4096;

/** The operations. All are synchronous and allocate nothing; wrong addresses are bugs of the caller. */
export interface TrainingKernels {
  /** Bytes of scratch that each thread needs for {@link gemm}, whatever its dims. */
  gemmScratchBytes(): number;
  /**
   * c [M][ldc], rows [r0, r1) and all N columns = op(a) · op(b) over K, f32, or c += that when `accumulate` is 1. lda, ldb
   * and ldc are elements between rows as they lie in memory. The sum over K has an order that depends on K alone.
   */
  gemm(
    c: number,
    ldc: number,
    a: number,
    lda: number,
    b: number,
    ldb: number,
    form: GemmForm,
    N: number,
    K: number,
    accumulate: number,
    scratch: number,
    r0: number,
    r1: number,
  ): void;

  /** sums f32 [M], rows [r0, r1) = Σ|w| over a row of w f32 [M][rowStride(K)]. */
  absSums(sums: number, w: number, K: number, r0: number, r1: number): void;
  /**
   * Rows [r0, r1) of w f32 [M][rowStride(K)] to absmean ternary (arXiv:2402.17764): code = clamp(roundTiesToEven(w /
   * scale), -1, 1) + 1 into codes u8 [M][K] (the division as a product with f32(1 / scale)), (code - 1) * scale into
   * values f32 [M][rowStride(K)], and into counts i32 [M][2] how many codes changed and how many now stand for zero.
   */
  quantizeWeights(
    codes: number,
    values: number,
    counts: number,
    w: number,
    scale: number,
    K: number,
    r0: number,
    r1: number,
  ): void;
  /** out f32 [T][rowStride(K)] = q / s, rows [t0, t1) of Kernels.quantize. */
  dequantize(out: number, q: number, K: number, t0: number, t1: number): void;

  /**
   * Backward of Kernels.rmsNorm, rows [t0, t1). With r = 1 / sqrt(mean(x²) + eps) per row:
   * dx = r * (w * dy) - x * (r³ / n) * Σ(w * dy * x), added to what is there when `accumulate` is 1; r goes into
   * inverses f32 [T]. dx may be dy when not accumulating.
   */
  rmsNormBackward(
    dx: number,
    inverses: number,
    dy: number,
    x: number,
    w: number,
    eps: number,
    n: number,
    accumulate: number,
    t0: number,
    t1: number,
  ): void;
  /** dw f32 [n], columns [c0, c1) += Σ over T rows of dy * x * r, with the `inverses` of {@link rmsNormBackward}. */
  rmsNormWeightGradient(
    dw: number,
    dy: number,
    x: number,
    inverses: number,
    n: number,
    T: number,
    c0: number,
    c1: number,
  ): void;
  /**
   * Backward of out = activation(gate) * up, flat elements [e0, e1): dGate = dOut * up * activation'(gate), dUp = dOut *
   * activation(gate). Either may be dOut.
   */
  gateBackward(
    dGate: number,
    dUp: number,
    dOut: number,
    gate: number,
    up: number,
    activation: Activation,
    e0: number,
    e1: number,
  ): void;
  /** dTable f32 [V][rowStride(K)], columns [c0, c1): row ids[t] (i32 [T]) += row t of dx f32 [T][rowStride(K)], t rising. */
  embedBackward(dTable: number, ids: number, dx: number, K: number, T: number, c0: number, c1: number): void;

  /**
   * In place, rows [r0, r1) of p f32 [rows][ld]: row r sees columns 0 … position + r, p = softmax(scale * p) over those,
   * and 0 from there up to `columns`.
   */
  causalSoftmax(
    p: number,
    ld: number,
    scale: number,
    position: number,
    columns: number,
    r0: number,
    r1: number,
  ): void;
  /** In place, rows [r0, r1): dp f32 [rows][ld] becomes scale * p * (dp - Σ p * dp), sums over `columns`. */
  causalSoftmaxBackward(
    dp: number,
    p: number,
    ld: number,
    scale: number,
    columns: number,
    r0: number,
    r1: number,
  ): void;
  /**
   * Rows [t0, t1): losses f32 [T] = -ln softmax(logits)[target] in nats, and, when `scale` is not 0, logits f32
   * [T][stride] become their gradients (softmax - onehot) * scale, zero from V to the stride. A negative target (i32 [T])
   * counts for nothing: its loss and gradients are 0.
   */
  crossEntropy(
    losses: number,
    logits: number,
    targets: number,
    scale: number,
    V: number,
    stride: number,
    t0: number,
    t1: number,
  ): void;

  /** sums f32 [ceil(count / SQUARES_BLOCK)], blocks [b0, b1) = Σ x² over the block's elements of x f32 [count]. */
  sumSquares(sums: number, x: number, count: number, b0: number, b1: number): void;
  /**
   * One step of AdamW (arXiv:1711.05101) on flat elements [e0, e1) of f32 arrays: g' = gradientScale * g,
   * m = beta1 * m + (1 - beta1) * g', v = beta2 * v + (1 - beta2) * g'²,
   * w -= learningRate * ((m / correction1) / (sqrt(v / correction2) + epsilon) + weightDecay * w).
   */
  adamw(
    w: number,
    m: number,
    v: number,
    g: number,
    learningRate: number,
    beta1: number,
    beta2: number,
    epsilon: number,
    weightDecay: number,
    gradientScale: number,
    correction1: number,
    correction2: number,
    e0: number,
    e1: number,
  ): void;

  /**
   * Runs `rounds` rounds of {@link PEAK_ROUND} multiply-adds in registers, as independent and as fast as the instruction
   * set allows: what the rate of {@link gemm} is measured against. Returns a number that depends on all of them.
   */
  multiplyAddPeak(rounds: number): number;
}
