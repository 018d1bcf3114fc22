/** A request's hold on its model: from when it is found until the last byte of the answer, however that ends. */
import type { ModelRegistry, ServedModel } from '../models/served-model.ts';

/** What a request works with. */
export interface Leased {
  readonly served: ServedModel;
  /** Aborted when the client goes and when the answer has ended: whatever still runs for it is cancelled. */
  readonly signal: AbortSignal;
  /** Makes the hold last until a generator ends that the answer goes on with. */
  keep(chunks: AsyncIterable<string>): AsyncGenerator<string, void, undefined>;
}

/** Which model, and for whom. */
export interface LeaseRequest {
  /** The server's first model where there is none. */
  readonly name: string | null | undefined;
  /** See {@link ModelRegistry.acquire}. */
  readonly keepAliveSeconds?: number | undefined;
  /** Of the request. */
  readonly signal: AbortSignal;
}

/**
 * Answers with a model.
 *
 * @throws as ModelRegistry.acquire and `answer`
 */
export async function withModel<T>(
  models: ModelRegistry,
  request: LeaseRequest,
  answer: (leased: Leased) => Promise<T>,
): Promise<T> {
  const lease = await models.acquire(request.name ?? undefined, request.keepAliveSeconds);
  const controller = new AbortController();
  let isKept = false;
  let isHeld = true;
  const end = () => {
    if (!isHeld) return;
    isHeld = false;
    request.signal.removeEventListener('abort', end);
    controller.abort();
    lease.release();
  };
  async function* held(chunks: AsyncIterable<string>): AsyncGenerator<string, void, undefined> {
    try {
      yield* chunks;
    } finally {
      end();
    }
  }
  const leased: Leased = {
    served: lease.served,
    signal: AbortSignal.any([request.signal, controller.signal]),
    keep(chunks) {
      isKept = true;
      // A client that goes before the first chunk was asked for leaves a generator that never began.
      request.signal.addEventListener('abort', end, { once: true });
      return held(chunks);
    },
  };
  try {
    return await answer(leased);
  } finally {
    if (!isKept) end();
  }
}
