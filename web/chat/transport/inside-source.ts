/** What the page asks to look inside a loaded model: its ternary matrices, and one product with live activations. */

/** The ternary matrices of a layer, by the names of the forward pass. */
export type MatrixName = 'q' | 'k' | 'v' | 'o' | 'gate' | 'up' | 'down';

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

/** What there is to be seen. */
export interface InsideOverview {
  readonly modelId: string;
  readonly layers: number;
  readonly embeddingLength: number;
  readonly vocabularySize: number;
  readonly matrices: readonly MatrixFacts[];
  /** Embedding, head and norms: bytes here and at 16 bits. */
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
}

/** See the file's header. All throw TransportError. */
export interface InsideSource {
  overview(modelId: string, signal: AbortSignal): Promise<InsideOverview>;
  /** One after the other, layer by layer, as they are counted. */
  counts(modelId: string, signal: AbortSignal): AsyncIterable<ValueCounts>;
  /** i8 [ceil(rows / step)][ceil(columns / step)] of -1, 0, +1 */
  tile(modelId: string, request: TileRequest, signal: AbortSignal): Promise<Int8Array>;
  dot(
    modelId: string,
    place: MatrixPlace,
    row: number,
    text: string,
    signal: AbortSignal,
  ): Promise<DotProduct>;
}
