/** The hub for programs: models by their names, as the commands `bitnet pull`, `list` and `rm` have them. */
import { BitnetError } from '../base/errors.ts';
import type { LocalModel, PullOptions } from './hub.ts';
import { openHub } from './open-hub.ts';
import { resolveModelName } from './parse-model-name.ts';

/**
 * Downloads a model, or finds it where it is here already; loadModel takes it by the same name then, without a network.
 *
 * @param name a short name (`2b4t`), or `owner/name@revision:file.gguf`
 * @throws BitnetError `hub/bad-name` for a path or URL, and as Hub.pull and resolveModelName; the signal's reason when aborted
 */
export async function pullModel(name: string, options: PullOptions = {}): Promise<LocalModel> {
  const model = await resolveModelName(name);
  if (model.kind === 'hub') return (await openHub()).pull(model, options);
  throw new BitnetError(
    'hub/bad-name',
    `${name}: this is a ${model.kind}, not the name of a model of the hub`,
  );
}

/**
 * The models in the cache, also those that other programs have put there.
 *
 * @throws BitnetError `hub/no-cache`, `files/failed`
 */
export async function listModels(): Promise<readonly LocalModel[]> {
  return (await openHub()).list();
}

/**
 * Removes a model from the cache.
 *
 * @returns bytes that are free now
 * @throws BitnetError `files/failed`
 */
export async function removeModel(model: LocalModel): Promise<number> {
  return (await openHub()).remove(model);
}
