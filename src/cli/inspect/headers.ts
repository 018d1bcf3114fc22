/**
 * Opens a model as far as its headers, for commands that need no weights. Of a model of the hub that is not here, the
 * headers are read over the network where it is known which file to read; else it is downloaded.
 */
import type { ByteSource, SourceFolder } from '../../base/byte-source.ts';
import { BitnetError } from '../../base/errors.ts';
import { openSource } from '../../engine/source.ts';
import { httpFolder, openHttp } from '../../formats/sources/http.ts';
import { hubSettings, isOffline } from '../../hub/api/hub-settings.ts';
import type { HubModel } from '../../hub/model-name.ts';
import { openHub } from '../../hub/open-hub.ts';
import { type OpenedModel, openModel } from '../../model/open.ts';
import { nameOf } from '../models/locate-model.ts';
import { pullWithProgress } from '../models/pull-with-progress.ts';

/** Where headers may come from. */
export interface HeaderOptions {
  readonly signal: AbortSignal;
  /** Take nothing from the network. */
  readonly offline?: boolean;
}

/**
 * Calls `use` with the headers of a model, and closes the files afterwards.
 *
 * @param source path, URL or name; undefined for the default model
 * @throws as openSource, openModel and Hub.pull
 */
export async function withHeaders<T>(
  source: string | undefined,
  options: HeaderOptions,
  use: (model: OpenedModel) => Promise<T> | T,
): Promise<T> {
  const bytes = await openNamed(source, options);
  try {
    const model = await openModel(bytes, options.signal);
    try {
      return await use(model);
    } finally {
      await model.close();
    }
  } finally {
    if ('close' in bytes) await bytes.close();
  }
}

async function openNamed(
  source: string | undefined,
  { signal, offline = false }: HeaderOptions,
): Promise<ByteSource | SourceFolder> {
  const name = await nameOf(source);
  if (typeof name === 'string') return openSource(name, signal);
  const hub = await openHub();
  const present = await hub.find(name);
  const isOnline = !offline && !isOffline();
  const opened = present === undefined && isOnline ? await openRemote(name, signal) : await present?.open();
  if (opened !== undefined) return opened;
  const pulled = await pullWithProgress(hub, name, { signal, offline });
  return pulled.open();
}

/** The model where it lies on the hub; undefined when the hub has to be asked first. */
async function openRemote(
  { repository, revision = 'main', file, published }: HubModel,
  signal: AbortSignal,
): Promise<ByteSource | SourceFolder | undefined> {
  const { endpoint, token } = await hubSettings({});
  const base = `${endpoint}/${repository}/resolve/${encodeURIComponent(revision)}/`;
  const options = token === undefined ? {} : { headers: { Authorization: `Bearer ${token}` } };
  if (file === undefined) return published === undefined ? undefined : httpFolder(base, options);
  try {
    const url = new URL(file.split('/').map(encodeURIComponent).join('/'), base);
    return await openHttp(url, options, signal);
  } catch (error) {
    // The hub's client says better what is wrong.
    if (error instanceof BitnetError) return undefined;
    throw error;
  }
}
