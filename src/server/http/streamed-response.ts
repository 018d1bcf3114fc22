/**
 * Responses that are written as they come about: server-sent events, or lines of JSON. While nothing comes for long, as
 * in the prefill of a long prompt, event streams get a comment, so that nobody between takes the connection for dead.
 */

import { AsyncLocalStorage } from 'node:async_hooks';
import { within } from './within.ts';

/** One server-sent event (WHATWG HTML, "Server-sent events"); `data` is written as JSON unless it is a string. */
export function sse(data: unknown, event?: string): string {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  return `${event === undefined ? '' : `event: ${event}\n`}data: ${text}\n\n`;
}

/** Who wants to know how a streamed response gets on. */
export interface StreamWatch {
  /** A chunk lies there for the client to read. */
  offered(): void;
  /** The client has read it and waits for more. */
  taken(): void;
  /** The last chunk is out, the client has gone, or the generator threw. */
  ended(error?: unknown): void;
}

/** A streamed response as the server holds it. */
export interface StreamHandle {
  /** Whether the client waits for more, so that the generator may still write how it ended. */
  readonly isAwaited: boolean;
  /** Ends the generator and breaks the body off. */
  breakOff(reason: unknown): void;
}

interface Slot extends StreamHandle {
  watch: StreamWatch | undefined;
}

/** By body, which stays the same object where a response is wrapped in another. */
const slots = new WeakMap<ReadableStream, Slot>();
const KEEP_ALIVE = new TextEncoder().encode(': keep-alive\n\n');
/** Proxies close what is silent for 60 seconds, some for 30. */
const KEEP_ALIVE_SECONDS = 15;

/** Watches a response. @returns undefined where it is not streamed, and nothing will be told */
export function watchStream(response: Response, watch: StreamWatch): StreamHandle | undefined {
  const slot = response.body === null ? undefined : slots.get(response.body);
  if (slot !== undefined) slot.watch = watch;
  return slot;
}

/**
 * A response whose body is what a generator yields, as fast as the client reads. The generator is ended when the client
 * goes. It has to write its own errors: the status has been sent.
 *
 * @param keepAliveSeconds silence after which an event stream gets a comment
 */
export function streamedResponse(
  contentType: string,
  chunks: AsyncGenerator<string, void, undefined>,
  keepAliveSeconds: number = KEEP_ALIVE_SECONDS,
): Response {
  const encoder = new TextEncoder();
  const isEvents = contentType.startsWith('text/event-stream');
  // What the generator does belongs to the request, though it runs whenever the client reads.
  const inRequest = AsyncLocalStorage.snapshot();
  let watch: StreamWatch | undefined;
  let stream: ReadableStreamDefaultController<Uint8Array> | undefined;
  let next: ReturnType<typeof chunks.next> | undefined;
  const stop = async () => {
    watch?.ended();
    // What the generator still throws has nobody to go to.
    next?.catch(() => {});
    await chunks.return().catch(() => {});
  };
  const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
    next ??= inRequest(() => chunks.next());
    const result = isEvents ? await within(next, keepAliveSeconds) : await next;
    if (result?.done) {
      watch?.ended();
      return controller.close();
    }
    if (result !== undefined) next = undefined;
    controller.enqueue(result === undefined ? KEEP_ALIVE : encoder.encode(result.value));
    watch?.offered();
  };
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        stream = controller;
      },
      async pull(controller) {
        watch?.taken();
        try {
          await pull(controller);
        } catch (error) {
          watch?.ended(error);
          throw error;
        }
      },
      cancel: stop,
    },
    // Nothing is taken from the generator that the client has not asked for.
    { highWaterMark: 0 },
  );
  slots.set(body, {
    set watch(value: StreamWatch | undefined) {
      watch = value;
    },
    get isAwaited() {
      return next !== undefined;
    },
    breakOff(reason) {
      stream?.error(reason);
      void stop();
    },
  });
  return new Response(body, {
    headers: { 'content-type': contentType, 'cache-control': 'no-cache', 'x-accel-buffering': 'no' },
  });
}
