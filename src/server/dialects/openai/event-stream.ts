/** Answers as server-sent events, which say in events of the dialect when they fail. */
import { sse, streamedResponse } from '../../http/streamed-response.ts';
import type { Leased } from '../leased.ts';

/**
 * A streamed answer; the model is held until it ends.
 *
 * @param failed the events for an error within the stream
 */
export function eventStream(
  { keep }: Pick<Leased, 'keep'>,
  events: AsyncIterable<string>,
  failed: (error: unknown) => Iterable<string>,
): Response {
  return streamedResponse('text/event-stream', keep(withFailure(events, failed)));
}

async function* withFailure(
  events: AsyncIterable<string>,
  failed: (error: unknown) => Iterable<string>,
): AsyncGenerator<string, void, undefined> {
  try {
    yield* events;
  } catch (error) {
    yield* failed(error);
  }
}

/** The last event of streams that are not typed. */
export const DONE: string = sse('[DONE]');
