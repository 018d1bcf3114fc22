/** A request's hold on its model: from finding the model until the last byte of the answer, however that comes to an end. */
import { sse, streamedResponse } from '../../http/streamed-response.ts';
import type { ServedModel } from '../../models/served-model.ts';
import type { ServerContext, ServerRequest } from '../../server-context.ts';

/** What a handler works with. */
export interface ModelHold {
  readonly served: ServedModel;
  /** Aborted when the client goes and when the answer has ended: whatever still runs for it is cancelled. */
  readonly signal: AbortSignal;
  /**
   * Answers with server-sent events; the hold then lasts until they end.
   *
   * @param failed the events for an error within the stream
   */
  stream(
    events: AsyncGenerator<string, void, undefined>,
    failed: (error: unknown) => Iterable<string>,
  ): Response;
}

/**
 * Answers with a model.
 *
 * @throws as acquiring the model and as `answer`
 */
export async function withModel(
  c: ServerRequest,
  { models }: ServerContext,
  name: string | null | undefined,
  answer: (hold: ModelHold) => Promise<Response>,
): Promise<Response> {
  const lease = await models.acquire(name ?? undefined);
  const controller = new AbortController();
  let isStreaming = false;
  let isHeld = true;
  const end = () => {
    if (!isHeld) return;
    isHeld = false;
    controller.abort();
    lease.release();
  };
  async function* guarded(
    events: AsyncGenerator<string, void, undefined>,
    failed: (error: unknown) => Iterable<string>,
  ): AsyncGenerator<string, void, undefined> {
    try {
      yield* events;
    } catch (error) {
      yield* failed(error);
    } finally {
      end();
    }
  }
  const request = c.get('signal');
  const hold: ModelHold = {
    served: lease.served,
    signal: AbortSignal.any([request, controller.signal]),
    stream: (events, failed) => {
      isStreaming = true;
      // A client that goes before the first event was asked for leaves a generator that never began.
      request.addEventListener('abort', end, { once: true });
      return streamedResponse('text/event-stream', guarded(events, failed));
    },
  };
  try {
    return await answer(hold);
  } finally {
    if (!isStreaming) end();
  }
}

/** The last event of streams that are not typed. */
export const DONE: string = sse('[DONE]');
