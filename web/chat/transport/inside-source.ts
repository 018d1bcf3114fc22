/** What the page asks to look inside a loaded model: its ternary matrices, and one product with live activations. */
import type { DotProduct, InsideOverview, MatrixPlace, TileRequest, ValueCounts } from 'bitnet.ts/inside';

export type {
  DotProduct,
  InsideOverview,
  LayoutFacts,
  MatrixFacts,
  MatrixName,
  MatrixPlace,
  TileRequest,
  ValueCounts,
} from 'bitnet.ts/inside';

/** See the file's header; `Inside` of bitnet.ts/inside, from afar. All throw TransportError. */
export interface InsideSource {
  overview(modelId: string, signal: AbortSignal): Promise<InsideOverview>;
  /** One after the other, layer by layer, as they are counted. */
  counts(modelId: string, signal: AbortSignal): AsyncIterable<ValueCounts>;
  /** i8 [ceil(rows / step)][ceil(columns / step)] of -1, 0, +1 */
  tile(modelId: string, request: TileRequest, signal: AbortSignal): Promise<Int8Array>;
  /** u8 [ceil(rows / step)][ceil(columns / step)][2]: of each block of step x step, the shares of -1 and of +1, times 255. */
  shares(modelId: string, request: TileRequest, signal: AbortSignal): Promise<Uint8Array>;
  dot(
    modelId: string,
    place: MatrixPlace,
    row: number,
    text: string,
    signal: AbortSignal,
  ): Promise<DotProduct>;
}
