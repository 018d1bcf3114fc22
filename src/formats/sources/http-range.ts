/**
 * One span of a file on an HTTP server, read with Range requests (RFC 9110 section 14) and taken up again where a
 * connection dropped. Knows what a server's answers mean and that the file stayed the same between them; opening a
 * file, reading ahead and folders are http.ts.
 *
 * If-Range is not sent: from a web page it would need the server's leave (a CORS preflight) where Range alone does not.
 * Comparing the ETag of every answer notices a changed file just as well.
 */
import { BitnetError } from '../../base/errors.ts';

/** How to talk to a server; every field has a default. */
export interface HttpOptions {
  /** Used instead of the global `fetch`. */
  readonly fetch?: typeof fetch;
  /** Sent with every request, for example an Authorization. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes fetched at once for smaller reads; default 2 MiB. */
  readonly readAheadBytes?: number;
  /** Longest file that is taken whole from a server without ranges; default 64 MiB. */
  readonly wholeFileLimitBytes?: number;
  /** How often in a row a request may fail before giving up; default 5. */
  readonly attempts?: number;
  /** Wait before the second attempt; doubles each time; default 500. */
  readonly retryDelayMs?: number;
}

/** A file on a server, with what its first answer told. */
export interface RemoteFile {
  readonly url: string;
  /** The URL without its query, which may hold a signature. */
  readonly name: string;
  readonly options: HttpOptions;
}

/** What identifies one state of a file. */
export interface Version {
  readonly size: number;
  readonly tag: string | undefined;
}

/** A failure that asking again may cure; never leaves this folder. */
class Dropped extends Error {}

/**
 * Sends one GET for `[from, end)` and answers once the head of the response is there.
 *
 * @throws BitnetError `http/unauthorized`, `http/not-found`, `http/status` for answers other than 200, 206 and 416
 */
export async function requestRange(
  remote: RemoteFile,
  from: number,
  end: number,
  signal: AbortSignal | undefined,
): Promise<Response> {
  const response = await send(remote, { Range: `bytes=${from}-${end - 1}` }, 'GET', signal);
  const { status } = response;
  if (status === 200 || status === 206 || status === 416) return response;
  await response.body?.cancel();
  if (status === 429 || status >= 500) throw new Dropped(`the server answered ${status}`);
  throw statusError(remote, status);
}

/** The length that a HEAD request tells, or undefined when it does not. */
export async function headLength(
  remote: RemoteFile,
  signal: AbortSignal | undefined,
): Promise<number | undefined> {
  const response = await send(remote, {}, 'HEAD', signal);
  const length = Number(response.headers.get('content-length') ?? Number.NaN);
  const isPlain = response.ok && !response.headers.has('content-encoding');
  return isPlain && Number.isSafeInteger(length) ? length : undefined;
}

/**
 * Fills `target` with the bytes at `offset`, as often interrupted as `attempts` allows in a row.
 *
 * @throws BitnetError `source/read-failed`, `source/changed`, or as {@link requestRange}
 */
export async function readRange(
  remote: RemoteFile,
  version: Version,
  target: Uint8Array,
  offset: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  let done = 0;
  await withRetries(remote, signal, async () => {
    const start = done;
    try {
      while (done < target.byteLength) {
        const response = await requestRange(remote, offset + done, offset + target.byteLength, signal);
        checkPart(remote, version, response, offset + done);
        done += await readBody(remote, response, target.subarray(done));
      }
    } catch (error) {
      if (error instanceof Dropped && done > start) return 'progressed';
      throw error;
    }
    return 'finished';
  });
}

/**
 * Runs `step` until it finishes, waiting a little longer after each failure that may pass; progress resets the count.
 *
 * @throws BitnetError `source/read-failed` after the last attempt; the signal's reason when aborted
 */
export async function withRetries(
  remote: RemoteFile,
  signal: AbortSignal | undefined,
  step: () => Promise<'finished' | 'progressed'>,
): Promise<void> {
  const attempts = remote.options.attempts ?? 5;
  let failures = 0;
  for (;;) {
    try {
      if ((await step()) === 'finished') return;
      failures = 0;
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof Dropped)) throw error;
      failures++;
      if (failures >= attempts) {
        throw new BitnetError(
          'source/read-failed',
          `${remote.name}: ${failures} attempts in a row failed (${error.message}); check the connection and try again`,
          { cause: error },
        );
      }
    }
    await delay((remote.options.retryDelayMs ?? 500) * 2 ** Math.max(failures - 1, 0), signal);
  }
}

/**
 * Copies a response body into `target` and answers how many bytes that were.
 *
 * @throws BitnetError `source/read-failed` when the body is longer than the target
 */
export async function readBody(remote: RemoteFile, response: Response, target: Uint8Array): Promise<number> {
  const reader = response.body?.getReader();
  let done = 0;
  while (reader) {
    const { value } = await reader.read().catch((cause: unknown) => {
      // Bytes that arrived before the connection broke are kept: the next request asks for the rest.
      if (done > 0) return { value: undefined };
      throw new Dropped('the connection dropped', { cause });
    });
    if (value === undefined) break;
    if (value.byteLength > target.byteLength - done) {
      await reader.cancel();
      throw new BitnetError(
        'source/read-failed',
        `${remote.name}: the server sent more bytes than were asked for; it does not handle range requests correctly`,
      );
    }
    target.set(value, done);
    done += value.byteLength;
  }
  if (done === 0 && target.byteLength > 0) throw new Dropped('the connection closed without data');
  return done;
}

/** The whole body of a response, or undefined (and the body cancelled) when it is longer than `limit` bytes. */
export async function readUpTo(response: Response, limit: number): Promise<Uint8Array | undefined> {
  const reader = response.body?.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  while (reader) {
    const { value } = await reader.read().catch((cause: unknown) => {
      throw new Dropped('the connection dropped', { cause });
    });
    if (value === undefined) break;
    size += value.byteLength;
    if (size > limit) {
      await reader.cancel();
      return undefined;
    }
    chunks.push(value);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

/** The parts of `Content-Range: bytes FIRST-LAST/SIZE`, or undefined when it is absent or hidden from a web page. */
export function contentRange(response: Response): { first: number; size: number } | undefined {
  const match = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '');
  return match ? { first: Number(match[1]), size: Number(match[2]) } : undefined;
}

/** What names the state of the file in a response: its ETag, else the time of its last change. */
export function versionTag(response: Response): string | undefined {
  const tag = response.headers.get('etag')?.replace(/^W\//, '');
  return tag ?? response.headers.get('last-modified') ?? undefined;
}

function checkPart(remote: RemoteFile, version: Version, response: Response, from: number): void {
  const range = contentRange(response);
  const tag = versionTag(response);
  const isSame =
    response.status === 206 &&
    (range === undefined || range.size === version.size) &&
    (tag === undefined || version.tag === undefined || tag === version.tag);
  if (!isSame) {
    void response.body?.cancel();
    throw new BitnetError(
      'source/changed',
      `${remote.name}: the file on the server changed while it was being read; start again`,
      { details: { status: response.status, size: range?.size, tag } },
    );
  }
  if (range !== undefined && range.first !== from) {
    void response.body?.cancel();
    throw new BitnetError(
      'source/read-failed',
      `${remote.name}: the server sent bytes from ${range.first} on when asked for bytes from ${from} on`,
    );
  }
}

async function send(
  remote: RemoteFile,
  headers: Record<string, string>,
  method: 'GET' | 'HEAD',
  signal: AbortSignal | undefined,
): Promise<Response> {
  signal?.throwIfAborted();
  const request = remote.options.fetch ?? globalThis.fetch;
  try {
    return await request(remote.url, {
      method,
      headers: { ...remote.options.headers, ...headers },
      signal: signal ?? null,
    });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new Dropped('the server cannot be reached', { cause });
  }
}

function statusError(remote: RemoteFile, status: number): BitnetError {
  const details = { status };
  if (status === 401 || status === 403) {
    return new BitnetError(
      'http/unauthorized',
      `${remote.name}: the server answered ${status}: access needs permission or a token`,
      { details },
    );
  }
  if (status === 404 || status === 410) {
    return new BitnetError('http/not-found', `${remote.name}: the server has no such file (${status})`, {
      details,
    });
  }
  return new BitnetError('http/status', `${remote.name}: the server answered ${status}`, { details });
}

function delay(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
