/**
 * Opens a model as far as its headers, for commands that need no weights. Those of a model of the hub that is not here
 * are read over the network.
 */
import type { ByteSource, SourceFolder } from '../../base/byte-source.ts';
import { openSource } from '../../engine/source.ts';
import { isOffline } from '../../hub/api/hub-settings.ts';
import { openHub } from '../../hub/open-hub.ts';
import { type OpenedModel, openModel } from '../../model/open.ts';
import { nameOf } from '../models/locate-model.ts';

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
  if (present !== undefined) return present.open();
  if (!offline && !isOffline()) return (await hub.look(name, { signal })).open();
  // Says what is missing and how to get it.
  return (await hub.pull(name, { signal, offline: true })).open();
}
