/**
 * Requests to the server that the page comes from: relative addresses, the API key where there is one, and whatever goes wrong
 * as a {@link TransportError}.
 */
import { sentenceFor } from './sentence.ts';
import { TransportError } from './transport.ts';

/** What the server says of an error (docs/server/openai.md). */
interface ErrorBody {
  readonly error?: { readonly message?: unknown; readonly code?: unknown } | string | null;
}

/** See the file's header. */
export class ServerClient {
  readonly #base: URL;
  readonly #key: () => string | undefined;

  /**
   * @param base the folder of the page
   * @param key asked before each request
   */
  constructor(base: URL, key: () => string | undefined) {
    this.#base = base;
    this.#key = key;
  }

  /**
   * Asks for an address below the page's; the answer is a good one.
   *
   * @param body sent as JSON with POST; GET without
   * @throws TransportError; the signal's reason
   */
  async request(path: string, signal: AbortSignal, body?: unknown): Promise<Response> {
    const key = this.#key();
    const headers = new Headers({ accept: 'application/json, text/event-stream, application/octet-stream' });
    if (key !== undefined) headers.set('authorization', `Bearer ${key}`);
    if (body !== undefined) headers.set('content-type', 'application/json');
    const response = await fetch(new URL(path, this.#base), {
      headers,
      signal,
      cache: 'no-store',
      ...(body !== undefined && { method: 'POST', body: JSON.stringify(body) }),
    }).catch((error: unknown) => {
      signal.throwIfAborted();
      throw unreachable(error);
    });
    if (response.ok) return response;
    throw failure(response.status, await response.json().catch(() => undefined));
  }

  /**
   * As {@link request}, for JSON.
   *
   * @throws TransportError; the signal's reason
   */
  async json<T>(path: string, signal: AbortSignal, body?: unknown): Promise<T> {
    const response = await this.request(path, signal, body);
    try {
      return (await response.json()) as T;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof SyntaxError)) throw unreachable(error);
      throw new TransportError(
        'refused',
        'The server’s answer cannot be read; is this page of the same version?',
      );
    }
  }
}

/** Nobody answers. */
export function unreachable(cause: unknown): TransportError {
  const error = new TransportError('unreachable', 'The server does not answer. Is it still running?');
  error.cause = cause;
  return error;
}

/**
 * What an answer that is none says.
 *
 * @param status 0 within a stream
 */
export function failure(status: number, body: unknown): TransportError {
  // The server's own sentence is for programs: it names headers.
  if (status === 401) return new TransportError('unauthorised', 'This server wants an API key.');
  const { error } = (typeof body === 'object' && body !== null ? body : {}) as ErrorBody;
  const told = typeof error === 'object' && error !== null ? error : { message: error, code: undefined };
  const code = typeof told.code === 'string' ? told.code : undefined;
  const message = typeof told.message === 'string' ? told.message : `the server answered ${status}`;
  return new TransportError(reasonOf(status, code), sentenceFor(code, message));
}

function reasonOf(status: number, code: string | undefined): TransportError['reason'] {
  if (code === 'context_length_exceeded') return 'context-full';
  // What a proxy says for a server that is gone.
  return status === 502 || status === 504 ? 'unreachable' : 'refused';
}
