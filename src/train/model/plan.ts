/**
 * A model in training as its threads see it: layers, and what passes write to, all as addresses and dims, so that a
 * worker is sent the whole plan once. f32 arrays have rows at a stride of rowStride(columns); every length but the
 * vocabulary's is a multiple of 16, so that only rows of logits have a pad.
 */
import type { Activation } from '../../kernels/activation.ts';
import type { AttentionPlan, Sequences } from '../layers/attention.ts';
import type { TablePlan } from '../layers/embedding.ts';
import type { NormPlan } from '../layers/norm.ts';
import type { ProjectionPlan } from '../layers/projection.ts';
import type { RotaryPlan } from '../layers/rotary.ts';

/** One layer: what it is made of, and what a forward pass keeps of it for the way back. */
export interface LayerPlan {
  readonly attentionNorm: NormPlan;
  readonly q: ProjectionPlan;
  readonly k: ProjectionPlan;
  readonly v: ProjectionPlan;
  /** where the family has it */
  readonly attentionSubNorm: NormPlan | undefined;
  readonly o: ProjectionPlan;
  readonly feedForwardNorm: NormPlan;
  readonly gate: ProjectionPlan;
  readonly up: ProjectionPlan;
  /** where the family has it */
  readonly feedForwardSubNorm: NormPlan | undefined;
  readonly down: ProjectionPlan;
  readonly kept: Kept;
}

/** What a layer's forward pass keeps, f32 [tokens][…] unless said; quantised rows are 0 in f32 runs. */
export interface Kept {
  /** residual stream before the layer [embeddingLength] */
  readonly x: number;
  /** input of q, k and v, quantised */
  readonly headsInput: number;
  /** rotated queries [heads * headLength] and keys, values [kv heads * headLength] */
  readonly q: number;
  readonly k: number;
  readonly v: number;
  /** result of attention [heads * headLength] */
  readonly attention: number;
  /** input of o, quantised */
  readonly outputInput: number;
  /** residual stream between attention and feed-forward [embeddingLength] */
  readonly middle: number;
  /** input of gate and up, quantised */
  readonly feedForwardInput: number;
  /** their results [feedForwardLength] */
  readonly gate: number;
  readonly up: number;
  /** input of down, quantised */
  readonly downInput: number;
}

/** What passes write to and nobody keeps, f32 [tokens][…] unless said. */
export interface WorkSpace {
  /** i32 [tokens] */
  readonly ids: number;
  /** i32 [tokens], negative where nothing is predicted */
  readonly targets: number;
  /** [tokens] */
  readonly losses: number;
  /** residual stream behind the last layer [embeddingLength] */
  readonly x: number;
  /** gradients of the residual stream, one behind and one before what is at work [embeddingLength] */
  readonly dX: number;
  readonly dMiddle: number;
  /** gradients of attention's result [heads * headLength] */
  readonly dAttention: number;
  /** of rotated queries and keys, and of those before their rotation; of values */
  readonly dRotatedQ: number;
  readonly dRotatedK: number;
  readonly dQ: number;
  readonly dK: number;
  readonly dV: number;
  /** [feedForwardLength] */
  readonly dGate: number;
  readonly dUp: number;
  /** inputs of projections as they multiplied them */
  readonly headsInput: number;
  readonly outputInput: number;
  readonly feedForwardInput: number;
  readonly downInput: number;
  /** f32 [headTokens][embeddingLength] and [headTokens][vocabularySize] */
  readonly hidden: number;
  readonly logits: number;
}

/** Everything that a pass needs beside its {@link Sequences}. */
export interface TrainingPlan {
  readonly activation: Activation;
  readonly embeddingLength: number;
  readonly feedForwardLength: number;
  readonly embedding: TablePlan;
  readonly layers: readonly LayerPlan[];
  readonly outputNorm: NormPlan;
  readonly head: TablePlan;
  readonly rotary: RotaryPlan;
  readonly attention: AttentionPlan;
  readonly work: WorkSpace;
  /** Tokens whose logits are held at once, whole chunks of any pass. */
  readonly headTokens: number;
  /** Bytes before the rows of a thread's scratch: what operations need for themselves. */
  readonly scratchBytes: number;
  /** Elements of the longest row of activations, but for logits. */
  readonly longestRow: number;
}

/** Tokens that a thread works on from one barrier to the next before it takes more; see {@link chunkTokens}. */
export const LONGEST_CHUNK = 128;
/** Chunks that a short pass is cut into, as work for some threads. */
const CHUNKS = 8;

/**
 * How many tokens of a pass make a chunk: enough for products of matrices to be fast, few enough for their rows to stay
 * in a cache. It depends on the pass alone, since sums over tokens are taken by chunks.
 */
export function chunkTokens({ count, length }: Sequences): number {
  const tokens = count * length;
  return Math.min(LONGEST_CHUNK, Math.ceil(tokens / CHUNKS / 16) * 16);
}

/** Chunks that any pass of at most `tokens` can have. */
export function mostChunks(tokens: number): number {
  return Math.max(CHUNKS, Math.ceil(tokens / LONGEST_CHUNK));
}
