/**
 * Finds the MODEL of a command line: a path or URL as it is, the bundled model, or a model of the hub, which is downloaded
 * first when it is not here. A download never asks; on a terminal it shows how far it is, and Ctrl-C leaves a part that
 * the next one goes on with.
 */
import { existsSync } from 'node:fs';
import { isOffline } from '../../hub/api/hub-settings.ts';
import type { HubModel } from '../../hub/model-name.ts';
import { openHub } from '../../hub/open-hub.ts';
import { resolveModelName } from '../../hub/parse-model-name.ts';
import { BUNDLED_MODEL, bundledModelPath, defaultModel } from './bundled-model.ts';
import { checkBeforePull } from './check-memory.ts';
import { pullWithProgress } from './pull-with-progress.ts';

/** How to find it. */
export interface LocateOptions {
  readonly signal?: AbortSignal | undefined;
  /** Take nothing from the network. */
  readonly offline?: boolean | undefined;
  /** Tokens of context that there must be memory for. */
  readonly contextLength?: number | undefined;
  /** False for a command that does not load the model, so that its memory does not matter; default true. */
  readonly isLoaded?: boolean;
}

/**
 * The path or URL of a MODEL, which is here when this returns (or at the URL).
 *
 * @param source as the user wrote it; undefined for the default model
 * @throws BitnetError `hub/…`; as checkBeforePull before the download of a model that could not be run
 */
export async function locateModel(source: string | undefined, options: LocateOptions = {}): Promise<string> {
  const name = await nameOf(source);
  if (typeof name === 'string') return name;
  const hub = await openHub();
  const present = await hub.find(name);
  if (present?.path !== undefined) return present.path;
  const isOnline = options.offline !== true && !isOffline();
  if (isOnline && options.isLoaded !== false) {
    await checkBeforePull(hub, name, options.contextLength, options.signal);
  }
  const { path } = await pullWithProgress(hub, name, { signal: options.signal, offline: options.offline });
  return path;
}

/**
 * A MODEL that need not be here: a path or URL, or the model of the hub that it names.
 *
 * @throws BitnetError `hub/unknown-name`, `hub/bad-name`, `hub/unsupported`
 */
export async function nameOf(source: string | undefined): Promise<string | HubModel> {
  const text = source ?? defaultModel().source;
  if (text === BUNDLED_MODEL && !existsSync(text)) return bundledModelPath();
  const name = await resolveModelName(text, [BUNDLED_MODEL]);
  return name.kind === 'hub' ? name : text;
}
