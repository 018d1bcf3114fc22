/**
 * What a caller may name as a model, made into byte sources: path, URL, Blob, bytes, a source of the caller's own, or the
 * name of a model of the hub, which is downloaded where it is not here yet.
 */
import { openPath } from '#platform';
import type { ByteSource, SourceFolder } from '../base/byte-source.ts';
import { BitnetError } from '../base/errors.ts';
import { blobSource } from '../formats/sources/blob.ts';
import { httpFolder, openHttp } from '../formats/sources/http.ts';
import { memorySource } from '../formats/sources/memory.ts';
import type { PullOptions } from '../hub/hub.ts';
import { openHub } from '../hub/open-hub.ts';
import { resolveModelName } from '../hub/parse-model-name.ts';

/**
 * Where a model is: a path or URL of a GGUF file or of a Hugging Face folder (a URL ending in `/`), a name of the catalogue or
 * of the hub (`2b4t`, `owner/name`), a Blob, bytes, or a source.
 */
export type ModelSource = string | URL | Blob | ArrayBuffer | Uint8Array | ByteSource | SourceFolder;

/**
 * Opens a source.
 *
 * @param pull how a model of the hub is downloaded that is not here yet
 * @throws BitnetError `source/…`, `http/…`, `hub/…`, `platform/no-file-system`
 */
export async function openSource(
  source: ModelSource,
  signal?: AbortSignal,
  pull: Omit<PullOptions, 'signal'> = {},
): Promise<ByteSource | SourceFolder> {
  if (typeof source === 'string') return openNamed(source, signal, pull);
  if (source instanceof URL) return openUrl(source, signal);
  if (source instanceof Blob) return blobSource(source);
  if (source instanceof ArrayBuffer || source instanceof Uint8Array) return memorySource(source);
  if (typeof source === 'object' && source !== null && ('readInto' in source || 'open' in source))
    return source;
  throw new BitnetError(
    'source/unknown',
    'a model is given as a path, URL, name, Blob, ArrayBuffer, Uint8Array or byte source',
  );
}

async function openNamed(
  text: string,
  signal: AbortSignal | undefined,
  pull: Omit<PullOptions, 'signal'>,
): Promise<ByteSource | SourceFolder> {
  const name = await resolveModelName(text);
  if (name.kind === 'path') return openPath(name.path);
  if (name.kind === 'url') return openUrl(name.url, signal);
  const hub = await openHub();
  const model = await hub.pull(name, signal === undefined ? pull : { ...pull, signal });
  return model.open();
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
