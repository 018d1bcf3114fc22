/**
 * A request's body as JSON. It is counted while it comes, so that no body takes more memory than it may; its text has to
 * be UTF-8, and its depth and number of values are checked before it is parsed.
 */
import type { ServerRequest } from '../server-context.ts';
import { RequestError } from './failure.ts';
import { checkJsonSize } from './json-limits.ts';
import { DEFAULT_LIMITS, type RequestLimits } from './limits.ts';

/**
 * The parsed body.
 *
 * @throws RequestError 415 for what does not say that it is JSON, but for Ollama's paths, 413 for more bytes than allowed,
 *   408 when nothing comes for too long, 400 for what is no UTF-8, no JSON, too deep or has too many values; the signal's reason
 */
export async function readJson(c: ServerRequest): Promise<unknown> {
  const limits = c.get('limits') ?? DEFAULT_LIMITS;
  checkHeaders(c);
  const bytes = await readBody(c, limits);
  if (bytes.length === 0) {
    throw new RequestError({ status: 400, code: 'invalid_json', message: 'the body is empty; send JSON' });
  }
  const text = decode(bytes);
  checkJsonSize(text, limits);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RequestError({
      status: 400,
      code: 'invalid_json',
      message: `the body is not valid JSON: ${(error as Error).message}`,
    });
  }
}

function checkHeaders(c: ServerRequest): void {
  const encoding = c.req.header('content-encoding') ?? 'identity';
  if (encoding !== 'identity') {
    throw new RequestError({
      status: 415,
      code: 'unsupported_encoding',
      message: `the body is encoded as ${encoding.slice(0, 40)}; send it as it is`,
    });
  }
  const type = (c.req.header('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase();
  if (type === 'application/json' || type.endsWith('+json')) return;
  // Ollama reads JSON of any type, and its examples call curl and fetch without one. Pages could then send bodies without
  // asking beforehand (Fetch Standard, "CORS-safelisted request-header"); those of foreign origins do not come this far.
  if (c.req.path.startsWith('/api/')) return;
  throw new RequestError({
    status: 415,
    code: 'unsupported_content_type',
    message: `the content type is ${type === '' ? 'missing' : `"${type.slice(0, 60)}"`}; send application/json`,
  });
}

async function readBody(c: ServerRequest, limits: RequestLimits): Promise<Uint8Array> {
  const tooLarge = () =>
    new RequestError({
      status: 413,
      code: 'body_too_large',
      message: `the body has more than the ${limits.bodyBytes} bytes that are allowed`,
    });
  if (Number(c.req.header('content-length') ?? 0) > limits.bodyBytes) throw tooLarge();
  const reader = c.req.raw.body?.getReader();
  if (reader === undefined) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (;;) {
      const { done, value } = await readWithin(reader, limits.idleSeconds, c.get('signal'));
      if (done) break;
      length += value.length;
      if (length > limits.bodyBytes) throw tooLarge();
      chunks.push(value);
    }
  } catch (error) {
    // Nothing waits for the rest of it.
    reader.cancel().catch(() => {});
    throw error;
  }
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length);
}

/** The next chunk, if it comes within so many seconds and before the signal. */
async function readWithin(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  seconds: number,
  signal: AbortSignal | undefined,
): Promise<{ done: boolean; value?: Uint8Array } & ({ done: true } | { done: false; value: Uint8Array })> {
  signal?.throwIfAborted();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stop: (() => void) | undefined;
  try {
    const gone = new Promise<never>((_, reject) => {
      const late = new RequestError({
        status: 408,
        code: 'body_timeout',
        message: `nothing of the body came for ${seconds} seconds`,
      });
      timer = setTimeout(() => reject(late), seconds * 1000);
      stop = () => reject(signal?.reason);
      signal?.addEventListener('abort', stop, { once: true });
    });
    const { done, value } = await Promise.race([reader.read(), gone]);
    return done ? { done: true } : { done: false, value };
  } finally {
    clearTimeout(timer);
    if (stop !== undefined) signal?.removeEventListener('abort', stop);
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new RequestError({
      status: 400,
      code: 'invalid_utf8',
      message: 'the body is not valid UTF-8; encode its text as UTF-8',
    });
  }
}
