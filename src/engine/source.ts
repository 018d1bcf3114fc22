/** What a caller may name as a model, made into byte sources: path, URL, Blob, bytes, or a source of the caller's own. */
import { openPath } from '#platform';
import type { ByteSource, SourceFolder } from '../base/byte-source.ts';
import { BitnetError } from '../base/errors.ts';
import { blobSource } from '../formats/sources/blob.ts';
import { httpFolder, openHttp } from '../formats/sources/http.ts';
import { memorySource } from '../formats/sources/memory.ts';

/** Where a model is: a path or URL of a GGUF file or of a Hugging Face folder (a URL ending in `/`), a Blob, bytes, or a source. */
export type ModelSource = string | URL | Blob | ArrayBuffer | Uint8Array | ByteSource | SourceFolder;

/**
 * Opens a source.
 *
 * @throws BitnetError `source/…`, `http/…`, `platform/no-file-system`
 */
export async function openSource(
  source: ModelSource,
  signal?: AbortSignal,
): Promise<ByteSource | SourceFolder> {
  if (typeof source === 'string') {
    const url = asUrl(source);
    return url === undefined ? openPath(source) : openUrl(url, signal);
  }
  if (source instanceof URL) return openUrl(source, signal);
  if (source instanceof Blob) return blobSource(source);
  if (source instanceof ArrayBuffer || source instanceof Uint8Array) return memorySource(source);
  if (typeof source === 'object' && source !== null && ('readInto' in source || 'open' in source))
    return source;
  throw new BitnetError(
    'source/unknown',
    'a model is given as a path, URL, Blob, ArrayBuffer, Uint8Array or byte source',
  );
}

function asUrl(text: string): URL | undefined {
  if (!/^(?:https?|file|blob|data):/i.test(text)) return undefined;
  try {
    return new URL(text);
  } catch (cause) {
    throw new BitnetError('source/bad-url', `${text}: this is no URL that can be read`, { cause });
  }
}

async function openUrl(url: URL, signal: AbortSignal | undefined): Promise<ByteSource | SourceFolder> {
  if (url.protocol === 'file:') return openPath(url);
  if (url.protocol === 'http:' || url.protocol === 'https:') {
    if (url.pathname.endsWith('/')) return httpFolder(url);
    return openHttp(url, {}, signal);
  }
  return blobSource(await fetchBlob(url, signal), 'model');
}

async function fetchBlob(url: URL, signal: AbortSignal | undefined): Promise<Blob> {
  try {
    const response = await fetch(url, signal === undefined ? {} : { signal });
    return await response.blob();
  } catch (cause) {
    signal?.throwIfAborted();
    const name = url.href.slice(0, 80);
    throw new BitnetError(
      'source/read-failed',
      `${name}: the URL cannot be read; it was revoked or damaged`,
      {
        cause,
      },
    );
  }
}
