/** A look inside the server's models: its routes under `inside` (docs/inside.md). */
import type {
  DotProduct,
  InsideOverview,
  InsideSource,
  MatrixPlace,
  TileRequest,
  ValueCounts,
} from './inside-source.ts';
import { failure, type ServerClient, unreachable } from './server-client.ts';
import { TransportError } from './transport.ts';

/** A product as JSON has it. */
type PlainProduct = Omit<DotProduct, 'input' | 'quantised' | 'weights'> & {
  readonly input: readonly number[];
  readonly quantised: readonly number[];
  readonly weights: readonly number[];
};

/** See the file's header. */
export class ServerInside implements InsideSource {
  readonly #client: ServerClient;

  constructor(client: ServerClient) {
    this.#client = client;
  }

  overview(modelId: string, signal: AbortSignal): Promise<InsideOverview> {
    return this.#client.json<InsideOverview>(`inside?${new URLSearchParams({ model: modelId })}`, signal);
  }

  async *counts(modelId: string, signal: AbortSignal): AsyncGenerator<ValueCounts, void, undefined> {
    const path = `inside/counts?${new URLSearchParams({ model: modelId })}`;
    const { body } = await this.#client.request(path, signal);
    try {
      for await (const line of linesOf(body!)) {
        const told = JSON.parse(line) as ValueCounts | { readonly error: unknown };
        if ('error' in told) throw failure(0, told);
        yield told;
      }
    } catch (error) {
      signal.throwIfAborted();
      throw error instanceof TransportError ? error : unreachable(error);
    }
  }

  async tile(modelId: string, request: TileRequest, signal: AbortSignal): Promise<Int8Array> {
    return new Int8Array(await this.#bytes('inside/tile', modelId, request, signal));
  }

  async shares(modelId: string, request: TileRequest, signal: AbortSignal): Promise<Uint8Array> {
    return new Uint8Array(await this.#bytes('inside/shares', modelId, request, signal));
  }

  async dot(
    modelId: string,
    { layer, name }: MatrixPlace,
    row: number,
    text: string,
    signal: AbortSignal,
  ): Promise<DotProduct> {
    const body = { model: modelId, layer, matrix: name, row, text };
    const { input, quantised, weights, ...rest } = await this.#client.json<PlainProduct>(
      'inside/dot',
      signal,
      body,
    );
    return {
      ...rest,
      input: Float32Array.from(input),
      quantised: Int8Array.from(quantised),
      weights: Int8Array.from(weights),
    };
  }

  async #bytes(
    path: string,
    modelId: string,
    { name, ...numbers }: TileRequest,
    signal: AbortSignal,
  ): Promise<ArrayBuffer> {
    const query = new URLSearchParams({ model: modelId, matrix: name });
    for (const [key, value] of Object.entries(numbers)) query.set(key, String(value));
    const response = await this.#client.request(`${path}?${query}`, signal);
    return response.arrayBuffer().catch((error: unknown) => {
      signal.throwIfAborted();
      throw unreachable(error);
    });
  }
}

/** The lines of a body as they come, without what ends them. */
async function* linesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = '';
  try {
    for (;;) {
      const { done, value } = await reader.read();
      const lines = (rest + decoder.decode(value, { stream: !done })).split('\n');
      rest = lines.pop()!;
      for (const line of lines) if (line !== '') yield line;
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}
