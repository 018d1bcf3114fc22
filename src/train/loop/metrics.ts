/**
 * What a run reports, one JSON object a line in `metrics.jsonl`: the live view shows them as they come, the report draws
 * them later. Losses are means in nats a token.
 */

/** After every optimiser step. */
export interface StepMetrics {
  readonly kind: 'step';
  /** Steps done, from 1. */
  readonly step: number;
  readonly loss: number;
  readonly learningRate: number;
  readonly weightDecay: number;
  /** Global norm before clipping. */
  readonly gradientNorm: number;
  /** Tokens that were predicted since the run began. */
  readonly tokens: number;
  readonly tokensPerSecond: number;
  /** 10^9 floating-point operations a second, counted as 6 a weight and token and 12 * length * width of attention. */
  readonly gigaflops: number;
  /** Of all ternary weights; null in f32. */
  readonly zeroShare: number | null;
  /** Ternary weights that changed since the last step; null in f32. */
  readonly flips: number | null;
  /** Seconds of training since the run began, those before a resumption included. */
  readonly seconds: number;
}

/** After the held-out text was scored. */
export interface EvaluationMetrics {
  readonly kind: 'evaluation';
  readonly step: number;
  readonly loss: number;
  readonly targets: number;
}

/** With every evaluation: how the weights of each matrix are distributed. */
export interface WeightMetrics {
  readonly kind: 'weights';
  readonly step: number;
  readonly matrices: readonly MatrixMetrics[];
}

/** One matrix. */
export interface MatrixMetrics {
  readonly name: string;
  readonly layer: number;
  /** mean |w| */
  readonly scale: number;
  /** Share of codes that are zero, null in f32. */
  readonly zeroShare: number | null;
  /** Codes that changed per step since the last of these, null in f32. */
  readonly flipsPerStep: number | null;
  /** Counts of w / scale in 32 equal bins from -4 to 4, what lies outside in the outer ones. */
  readonly histogram: readonly number[];
}

/** When a checkpoint was saved. */
export interface CheckpointMetrics {
  readonly kind: 'checkpoint';
  readonly step: number;
  readonly file: string;
}

/** A line of `metrics.jsonl`. */
export type Metrics = StepMetrics | EvaluationMetrics | WeightMetrics | CheckpointMetrics;
