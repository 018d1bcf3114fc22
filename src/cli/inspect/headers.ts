/**
 * Opens a model as far as its headers, for commands that need no weights. Of a model of the hub that is not here, the header
 * of its file is read over the network; only where that cannot be, it is downloaded.
 */
import type { ByteSource, SourceFolder } from '../../base/byte-source.ts';
import { openSource } from '../../engine/source.ts';
import { openHub } from '../../hub/open-hub.ts';
import { type OpenedModel, openModel } from '../../model/open.ts';
import { nameOf } from '../models/locate-model.ts';
import { pullWithProgress } from '../models/pull-with-progress.ts';

/** Where headers may come from. */
export interface HeaderOptions {
  readonly signal: AbortSignal;
  /** Take nothing from the network. */
  readonly offline: boolean;
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
  const bytes = await open(source, options);
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

async function open(
  source: string | undefined,
  { signal, offline }: HeaderOptions,
): Promise<ByteSource | SourceFolder> {
  const name = await nameOf(source);
  if (typeof name === 'string') return openSource(name, signal);
  const hub = await openHub();
  const present = await hub.find(name);
  const model = present ?? (await pullWithProgress(hub, name, { signal, offline }));
  return model.open();
}
