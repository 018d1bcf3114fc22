/**
 * Byte sources over files on HTTP servers, and folders of them. Opening costs one request, which also brings the first
 * bytes; small reads are served from a window that is fetched at once, large ones stream straight into their target. A
 * server without ranges is good enough for small files, which are then kept whole in memory. How a span is fetched and
 * checked is http-range.ts.
 */
import { type ByteSource, checkSpan, type SourceFolder } from '../../base/byte-source.ts';
import { BitnetError } from '../../base/errors.ts';
import {
  contentRange,
  type HttpOptions,
  headLength,
  type RemoteFile,
  readBody,
  readRange,
  readUpTo,
  requestRange,
  type Version,
  versionTag,
  withRetries,
} from './http-range.ts';
import { memorySource } from './memory.ts';

const MEBIBYTE = 1024 * 1024;

/**
 * Opens a file on a server.
 *
 * @throws BitnetError `http/bad-url`, `http/not-found`, `http/unauthorized`, `http/status`, `http/no-ranges` when a large
 *   file lies on a server that cannot send parts of it, `source/read-failed`; the signal's reason when aborted
 */
export async function openHttp(
  url: string | URL,
  options: HttpOptions = {},
  signal?: AbortSignal,
): Promise<ByteSource> {
  const remote = remoteFile(url, options);
  const windowBytes = options.readAheadBytes ?? 2 * MEBIBYTE;
  let opened: ByteSource | undefined;
  await withRetries(remote, signal, async () => {
    const response = await requestRange(remote, 0, windowBytes, signal);
    refuseWebPage(remote, response);
    if (response.status === 206) opened = await openRanged(remote, response, windowBytes, signal);
    else if (response.status === 200) opened = memorySource(await readWhole(remote, response), remote.name);
    else opened = await openEmpty(remote, response);
    return 'finished';
  });
  return opened!;
}

/**
 * A folder on a server: files are opened under its URL.
 *
 * @param baseUrl  ends in '/'
 * @throws BitnetError `http/bad-url`
 */
export function httpFolder(baseUrl: string | URL, options: HttpOptions = {}): SourceFolder {
  const base = parseUrl(baseUrl);
  if (!base.pathname.endsWith('/')) {
    throw new BitnetError('http/bad-url', `${shownName(base)}: the URL of a folder ends in '/'`);
  }
  return {
    name: shownName(base),
    async open(fileName, signal) {
      // A name from an index file must not lead out of the folder.
      if (fileName === '.' || fileName === '..' || /[/\\]/.test(fileName)) return undefined;
      const url = new URL(encodeURIComponent(fileName), base);
      url.search = base.search;
      try {
        return await openHttp(url, options, signal);
      } catch (error) {
        if (error instanceof BitnetError && error.code === 'http/not-found') return undefined;
        throw error;
      }
    },
  };
}

async function openRanged(
  remote: RemoteFile,
  response: Response,
  windowBytes: number,
  signal: AbortSignal | undefined,
): Promise<ByteSource> {
  const range = contentRange(response);
  const size = range?.size ?? (await headLength(remote, signal));
  if (size === undefined || !Number.isSafeInteger(size) || (range?.first ?? 0) !== 0) {
    void response.body?.cancel();
    throw new BitnetError(
      'http/no-ranges',
      `${remote.name}: the server does not tell how long the file is (no Content-Range or Content-Length that can be read)`,
    );
  }
  const first = new Uint8Array(Math.min(size, windowBytes));
  const read = await readBody(remote, response, first);
  return new HttpSource(remote, { size, tag: versionTag(response) }, windowBytes, first.subarray(0, read));
}

/** A file of no bytes has no range to send: the server answers 416 with `bytes *\/0`. */
async function openEmpty(remote: RemoteFile, response: Response): Promise<ByteSource> {
  await response.body?.cancel();
  if (/\/0$/.test(response.headers.get('content-range') ?? '')) {
    return memorySource(new Uint8Array(0), remote.name);
  }
  throw new BitnetError(
    'http/status',
    `${remote.name}: the server answered 416 to a request for the first bytes`,
  );
}

/** The whole body of a server that ignores ranges, as long as it is small. */
async function readWhole(remote: RemoteFile, response: Response): Promise<Uint8Array> {
  const limit = remote.options.wholeFileLimitBytes ?? 64 * MEBIBYTE;
  const announced = Number(response.headers.get('content-length') ?? 0);
  if (announced > limit) await response.body?.cancel();
  else {
    const bytes = await readUpTo(response, limit);
    if (bytes !== undefined) return bytes;
  }
  throw new BitnetError(
    'http/no-ranges',
    `${remote.name}: the server cannot send parts of a file (it ignores Range requests), and this one is longer than ` +
      `${limit} bytes; use a server that supports them, or download the file first`,
    { details: { announced, limit } },
  );
}

/** Servers of web applications answer any path they do not know with their start page. */
function refuseWebPage(remote: RemoteFile, response: Response): void {
  const type = response.headers.get('content-type') ?? '';
  if (!type.startsWith('text/html')) return;
  void response.body?.cancel();
  throw new BitnetError('http/not-found', `${remote.name}: the server sent a web page instead of the file`);
}

class HttpSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly #remote: RemoteFile;
  readonly #version: Version;
  readonly #windowBytes: number;
  readonly #closing = new AbortController();
  #window: { readonly offset: number; readonly bytes: Uint8Array };

  constructor(remote: RemoteFile, version: Version, windowBytes: number, first: Uint8Array) {
    this.name = remote.name;
    this.size = version.size;
    this.#remote = remote;
    this.#version = version;
    this.#windowBytes = windowBytes;
    this.#window = { offset: 0, bytes: first };
  }

  async readInto(target: Uint8Array, offset: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    this.#closing.signal.throwIfAborted();
    checkSpan(this, offset, target.byteLength);
    const done = this.#copyFromWindow(target, offset);
    const rest = target.subarray(done);
    if (rest.byteLength === 0) return;
    const either = signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal;
    if (rest.byteLength >= this.#windowBytes) {
      await readRange(this.#remote, this.#version, rest, offset + done, either);
      return;
    }
    const bytes = new Uint8Array(Math.min(this.#windowBytes, this.size - offset - done));
    await readRange(this.#remote, this.#version, bytes, offset + done, either);
    this.#window = { offset: offset + done, bytes };
    rest.set(bytes.subarray(0, rest.byteLength));
  }

  async close(): Promise<void> {
    this.#closing.abort(new BitnetError('source/read-failed', `${this.name}: the source has been closed`));
    this.#window = { offset: 0, bytes: new Uint8Array(0) };
  }

  /** Copies what the window has of the span's beginning, and answers how many bytes that were. */
  #copyFromWindow(target: Uint8Array, offset: number): number {
    const { offset: start, bytes } = this.#window;
    if (offset < start || offset >= start + bytes.byteLength) return 0;
    const part = bytes.subarray(offset - start, offset - start + target.byteLength);
    target.set(part);
    return part.byteLength;
  }
}

function remoteFile(url: string | URL, options: HttpOptions): RemoteFile {
  const parsed = parseUrl(url);
  return { url: parsed.href, name: shownName(parsed), options };
}

function parseUrl(url: string | URL): URL {
  let parsed: URL;
  try {
    parsed = new URL(url, globalThis.location?.href);
  } catch (cause) {
    throw new BitnetError('http/bad-url', `${url}: this is no URL`, { cause });
  }
  if (parsed.protocol !== 'http:' && parsed.protocol !== 'https:') {
    throw new BitnetError('http/bad-url', `${shownName(parsed)}: only http and https URLs can be opened`);
  }
  return parsed;
}

/** Without the query, which may hold a signature, and without a user's password. */
export function shownName(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`;
}
