/** Responses that are written as they come about: server-sent events, or lines of JSON. */

/** One server-sent event (WHATWG HTML, "Server-sent events"); `data` is written as JSON unless it is a string. */
export function sse(data: unknown, event?: string): string {
  const text = typeof data === 'string' ? data : JSON.stringify(data);
  return `${event === undefined ? '' : `event: ${event}\n`}data: ${text}\n\n`;
}

/**
 * A response whose body is what a generator yields, as fast as the client reads. The generator is ended when the client
 * goes. It has to write its own errors: the status has been sent.
 */
export function streamedResponse(
  contentType: string,
  chunks: AsyncGenerator<string, void, undefined>,
): Response {
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await chunks.next();
      if (done) controller.close();
      else controller.enqueue(encoder.encode(value));
    },
    async cancel() {
      await chunks.return();
    },
  });
  return new Response(body, {
    headers: { 'content-type': contentType, 'cache-control': 'no-cache', 'x-accel-buffering': 'no' },
  });
}
