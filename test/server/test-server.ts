/** Servers on a port of their own for tests, with one plain route that generates, so that no dialect is needed. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { streamText } from '#src/engine/serving/text-stream.js';
import { failureOf, RequestError } from '#src/server/http/failure.js';
import { readJson } from '#src/server/http/json-body.js';
import { sse, streamedResponse } from '#src/server/http/streamed-response.js';
import { type Listening, type ListenOptions, listen } from '#src/server/listen.js';
import { type BitnetServer, createServer, type LogEntry, type ServerOptions } from '#src/server/server.js';
import type { AddRoutes } from '#src/server/server-context.js';

/** The path of the bundled model; this file runs as build/test/server/test-server.js. */
export const TINY_TALES: string = new URL(
  '../../../test/golden/tiny-tales/tiny-tales.i2_s.gguf',
  import.meta.url,
).pathname;

/** A running server. */
export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly server: BitnetServer;
  readonly listening: Listening;
  readonly log: readonly LogEntry[];
}

/**
 * `POST /test/generate` with `{ prompt, max_tokens, stream, model }`: events of text, or `{ text }`. `/test/echo` answers
 * with what it was sent, `/test/flood` with `size` bytes, `/test/slow` never.
 */
export const addTestRoutes: AddRoutes = (app, { models }) => {
  app.post('/test/echo', async (c) => c.json({ body: await readJson(c) }));
  app.post('/test/flood', async (c) => {
    const { size } = (await readJson(c)) as { size: number };
    const block = 'x'.repeat(100_000);
    return streamedResponse(
      'text/event-stream',
      (async function* () {
        for (let sent = 0; sent < size; sent += block.length) yield block;
      })(),
    );
  });
  app.post('/test/slow', async (c) => {
    const { stream } = (await readJson(c)) as { stream: boolean };
    const signal = c.get('signal');
    const never = () =>
      new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    if (!stream) await never();
    return streamedResponse(
      'text/event-stream',
      (async function* () {
        yield sse('begins');
        try {
          await never();
        } catch (error) {
          yield sse({ error: failureOf(error) });
        }
      })(),
    );
  });
  app.post('/test/generate', async (c) => {
    const body = (await readJson(c)) as {
      prompt: string;
      max_tokens: number;
      stream?: boolean;
      model?: string;
    };
    const signal = c.get('signal');
    const { served, release } = await models.acquire(body.model);
    try {
      const { model, scheduler } = served;
      if (typeof body.prompt !== 'string') {
        throw new RequestError({ status: 400, code: 'bad_prompt', message: 'the prompt is no text' });
      }
      const prompt = model.tokenizer.encode(body.prompt);
      const options = { maxTokens: body.max_tokens, signal, seed: 1, ignoreStopTokens: true };
      const texts = streamText(scheduler, model.tokenizer, prompt, options);
      if (body.stream !== true) {
        let text = '';
        for await (const event of texts) if (event.kind === 'text') text += event.text;
        release();
        return c.json({ text });
      }
      return streamedResponse(
        'text/event-stream',
        (async function* () {
          try {
            for await (const event of texts) if (event.kind === 'text') yield sse({ text: event.text });
            yield sse('[DONE]');
          } catch (error) {
            yield sse({ error: failureOf(error) });
          } finally {
            release();
          }
        })(),
      );
    } catch (error) {
      release();
      throw error;
    }
  });
};

/** Runs a test against a server, and ends that whatever happens. */
export async function withServer(
  options: Partial<ServerOptions>,
  use: (server: TestServer) => Promise<void>,
  listenOptions: ListenOptions = {},
): Promise<void> {
  const log: LogEntry[] = [];
  const server = createServer(
    {
      models: [{ id: 'tiny', source: TINY_TALES }],
      load: { threads: 1 },
      log: (entry) => log.push(entry),
      ...options,
    },
    [addTestRoutes],
  );
  const listening = await listen(server, { port: 0, ...listenOptions });
  try {
    await server.ready;
    await use({ url: listening.urls[0]!, port: listening.port, server, listening, log });
  } finally {
    await listening.close();
  }
}

/** Posts JSON. */
export function post(url: string, body: unknown, init: RequestInit = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    body: typeof body === 'string' || body instanceof Uint8Array ? (body as BodyInit) : JSON.stringify(body),
    ...init,
    headers: { 'content-type': 'application/json', ...(init.headers as Record<string, string>) },
  });
}

/** Sends bytes as they are, and gives all that comes back until the server closes or `enough` is content. */
export async function sendRaw(
  port: number,
  chunks: Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>,
  enough: (text: string) => boolean = () => false,
): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  const closed = once(socket, 'close').catch(() => {});
  socket.on('error', () => {});
  const done = new Promise<void>((resolve) => {
    socket.on('data', (data) => {
      text += data.toString('latin1');
      if (enough(text)) resolve();
    });
    closed.then(() => resolve());
  });
  for await (const chunk of chunks) {
    if (socket.destroyed) break;
    if (!socket.write(chunk)) await Promise.race([once(socket, 'drain').catch(() => {}), closed]);
  }
  await done;
  socket.destroy();
  return text;
}

/** Waits until something holds; the test's own time limit ends what never does. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 10));
}
