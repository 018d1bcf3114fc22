/**
 * What there is to be seen of a loaded model's weights and of one product with them, as plain data: inside.ts finds it out,
 * the server sends it, the web page shows it.
 */

/** The ternary matrices of a layer, by the names of the forward pass, in its order. */
export const MATRIX_NAMES = ['q', 'k', 'v', 'o', 'gate', 'up', 'down'] as const;
/** One of {@link MATRIX_NAMES}. */
export type MatrixName = (typeof MATRIX_NAMES)[number];

/** Which matrix. */
export interface MatrixPlace {
  /** 0 … layers - 1 */
  readonly layer: number;
  readonly name: MatrixName;
}

/** One ternary matrix. */
export interface MatrixFacts extends MatrixPlace {
  readonly rows: number;
  readonly columns: number;
  /** What -1, 0 and +1 are multiplied with. */
  readonly scale: number;
  /** Bytes that it takes here, packed for the kernels, and at 16 bits a weight. */
  readonly bytes: number;
  readonly bytes16: number;
}

/** How the backend that runs packs ternary weights; see src/kernels/packed-weights.ts. */
export interface LayoutFacts {
  /** As in `2 bits a weight, tiles of 16 x 16 in 64 bytes`. */
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** Bytes that a row of a tile has. */
  readonly bytes: number;
  readonly code: 'bits' | 'base3' | 'int8';
}

/** What there is to be seen. */
export interface InsideOverview {
  readonly modelId: string;
  /** The kernels that run. */
  readonly backend: string;
  readonly layout: LayoutFacts;
  readonly layers: number;
  readonly embeddingLength: number;
  readonly vocabularySize: number;
  /** Empty for a model without ternary weights. */
  readonly matrices: readonly MatrixFacts[];
  /** Everything else (embedding, head, norms, matrices that are not ternary): bytes here and at 16 bits. */
  readonly other: { readonly bytes: number; readonly bytes16: number };
}

/** How many weights of a matrix have each value. */
export interface ValueCounts extends MatrixPlace {
  readonly minusOne: number;
  readonly zero: number;
  readonly plusOne: number;
}

/** A rectangle of weights. */
export interface TileRequest extends MatrixPlace {
  readonly row: number;
  readonly rows: number;
  readonly column: number;
  readonly columns: number;
  /** Every so many rows and columns; 1: each. */
  readonly step: number;
}

/** One row's product with the activations that a text's last token really has there. */
export interface DotProduct extends MatrixPlace {
  readonly row: number;
  /** The tokens of the text, as texts. */
  readonly tokens: readonly string[];
  /** f32 [K]: what enters the matrix, after its norm. */
  readonly input: Float32Array;
  /** i8 [K]: the same, times {@link activationScale}, rounded. */
  readonly quantised: Int8Array;
  /** 127 / max |input| */
  readonly activationScale: number;
  /** i8 [K] of -1, 0, +1 */
  readonly weights: Int8Array;
  readonly weightScale: number;
  /** Sum of quantised * weights, exact. */
  readonly sum: number;
  /** sum / activationScale * weightScale: what the kernels computed. */
  readonly result: number;
  /** The same without rounding the activations. */
  readonly unrounded: number;
  /** The sums of all rows of the matrix for this token lie between these. */
  readonly leastSum: number;
  readonly mostSum: number;
}
