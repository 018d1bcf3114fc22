/**
 * A loaded model as the forward pass sees it: addresses on the heap and dims, all plain numbers, so that a worker can be
 * sent the whole plan once.
 */
import type { DenseFormat, KvFormat } from '../kernels/kernels.ts';
import type { LayerMatrix, LayerTensor } from './architecture.ts';
import type { ModelConfig } from './config.ts';
import type { ScreenSpace } from './screen-space.ts';

/** A matrix [rows, columns] on the heap. */
export type Matrix =
  /** The backend's packed ternary form; the value of a weight is -scale, 0 or +scale. */
  | ({ readonly kind: 'ternary'; readonly address: number; readonly scale: number } & Dims)
  | DenseMatrix
  /** i8 rows with f32 scales [rows]. */
  | ({ readonly kind: 'int8'; readonly address: number; readonly scales: number } & Dims);

/** Dense rows; those of an output head may have a {@link Int4Plane} beside them. */
export type DenseMatrix = {
  readonly kind: 'dense';
  readonly address: number;
  readonly format: DenseFormat;
  readonly plane?: Int4Plane;
} & Dims;

/** A coarse copy of dense rows, with f32 [rows] scales and errors (Kernels.packInt4Rows). */
export interface Int4Plane {
  readonly address: number;
  readonly scales: number;
  readonly errors: number;
}

/** Whether a head can be screened. */
export function hasPlane(head: Matrix): head is DenseMatrix & { readonly plane: Int4Plane } {
  return head.kind === 'dense' && head.plane !== undefined;
}

interface Dims {
  readonly rows: number;
  readonly columns: number;
}

/**
 * One layer: its matrices, and the addresses of its norms and biases, f32 [rowStride(n)]; 0 where the family has no such
 * tensor.
 */
export type LayerPlan = Readonly<Record<LayerMatrix, Matrix>> &
  Readonly<Record<Exclude<LayerTensor, LayerMatrix>, number>>;

/** Work space of one forward pass over at most `tokens` tokens; f32 rows at a stride of rowStride unless said. */
export interface WorkSpace {
  readonly tokens: number;
  /** rows of logits that one pass can give */
  readonly outputs: number;
  /** partial results of attention that there is room for */
  readonly partialEntries: number;
  /** i32 [tokens] */
  readonly ids: number;
  /** i32 [tokens] */
  readonly positions: number;
  /** i32 [outputs]: which tokens' logits are wanted, those of screened outputs first */
  readonly outputRows: number;
  /** i32 [tokens]: which tokens' final hidden states are wanted */
  readonly stateRows: number;
  /** residual stream [tokens][embeddingLength] */
  readonly x: number;
  /** what a block adds to it, where a norm comes between [tokens][embeddingLength] */
  readonly branch: number;
  /** input of a projection [tokens][longest input]; after the layers, the wanted hidden states [tokens][embeddingLength] */
  readonly input: number;
  /** the same, quantised */
  readonly quantized: number;
  /** projections q, k, v [tokens][heads * headLength] */
  readonly q: number;
  readonly k: number;
  readonly v: number;
  /** rotated heads [tokens][heads][rowStride(headLength)] */
  readonly rotatedQ: number;
  readonly rotatedK: number;
  /** f32 [partialEntries][attentionPartialStride] */
  readonly partials: number;
  /** [tokens][feedForwardLength] */
  readonly gate: number;
  readonly up: number;
  /** [outputs][embeddingLength] */
  readonly hidden: number;
  /** [outputs][vocabularySize] */
  readonly logits: number;
}

/** Everything that a forward pass needs beside its batch. */
export interface ModelPlan {
  readonly config: ModelConfig;
  readonly embedding: Matrix;
  /** Factor on embeddings. */
  readonly embeddingScale: number;
  readonly layers: readonly LayerPlan[];
  readonly outputNorm: number;
  readonly head: Matrix;
  /** f64 [positions that a session can hold][cos half][sin half] */
  readonly ropeTable: number;
  readonly work: WorkSpace;
  /** Where the head has a plane. */
  readonly screen: ScreenSpace | undefined;
}

/** A KV cache as kernels find it; see kv-cache.ts. */
export interface KvCachePlan {
  /** f64 [blocks of 64 positions that the context has]: their addresses, as far as positions are held */
  readonly blocks: number;
  readonly format: KvFormat;
}

/** Consecutive tokens of one sequence within a batch. */
export interface Segment {
  readonly cache: KvCachePlan;
  /** first token of the segment in the batch */
  readonly first: number;
  readonly count: number;
  /** position of that token in its sequence */
  readonly position: number;
  /** where its partial results of attention go; 0 when it has none (see attend.ts) */
  readonly partials: number;
}

/** One forward pass: the ids, positions and wanted outputs lie in the work space. */
export interface Batch {
  readonly tokens: number;
  readonly segments: readonly Segment[];
  readonly outputs: BatchOutputs;
}

/**
 * The outputs of a pass: in the order of work.outputRows screened ones, then those that want all logits; then, in the order
 * of work.stateRows, those that want the final hidden state, for which the head is not read.
 */
export interface BatchOutputs {
  readonly screened: readonly ScreenedOutput[];
  readonly full: number;
  readonly states: number;
}

/** A wish for the largest logits only; the head has a plane. */
export interface ScreenedOutput {
  /** how many of the largest, 1 to MOST_SCREENED */
  readonly top: number;
  /** ids from here on are not among them */
  readonly below: number;
  /** how many ids lie in the output's row of the screen space's includedIds */
  readonly included: number;
}
