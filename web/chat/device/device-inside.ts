/** A look inside the model on this device: the worker's answers (inside-answers.ts). */
import type {
  DotProduct,
  InsideOverview,
  InsideSource,
  MatrixPlace,
  TileRequest,
  ValueCounts,
} from '../transport/inside-source.ts';
import type { WorkerLink } from './worker-link.ts';

/** See the file's header. */
export class DeviceInside implements InsideSource {
  readonly #link: WorkerLink;

  constructor(link: WorkerLink) {
    this.#link = link;
  }

  overview(modelId: string, signal: AbortSignal): Promise<InsideOverview> {
    return this.#link.call('insideOverview', modelId, signal);
  }

  counts(modelId: string, signal: AbortSignal): AsyncIterable<ValueCounts> {
    return this.#link.stream('insideCounts', modelId, signal);
  }

  tile(modelId: string, request: TileRequest, signal: AbortSignal): Promise<Int8Array> {
    return this.#link.call('insideTile', { modelId, request }, signal);
  }

  shares(modelId: string, request: TileRequest, signal: AbortSignal): Promise<Uint8Array> {
    return this.#link.call('insideShares', { modelId, request }, signal);
  }

  dot(
    modelId: string,
    place: MatrixPlace,
    row: number,
    text: string,
    signal: AbortSignal,
  ): Promise<DotProduct> {
    return this.#link.call('insideDot', { modelId, place, row, text }, signal);
  }
}
