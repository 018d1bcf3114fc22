/** A download on behalf of a command: what it says before, and how far it is. */
import { BitnetError } from '../../base/errors.ts';
import type { Hub, LocalModel, PullOptions, PullProgress } from '../../hub/hub.ts';
import type { HubModel } from '../../hub/model-name.ts';
import { DownloadView } from '../pull/download-view.ts';
import { writeNote } from '../terminal.ts';

/** Whether the network may be used, and what ends the download. */
export interface PullChoice extends Pick<PullOptions, 'update' | 'connections'> {
  readonly signal?: AbortSignal | undefined;
  readonly offline?: boolean | undefined;
}

/** A model that is here. */
export interface PulledModel extends LocalModel {
  readonly path: string;
  /** Bytes of it that came over the network now. */
  readonly downloadedBytes: number;
}

/**
 * Downloads what is not here of a model.
 *
 * @throws BitnetError as {@link Hub.pull}; the signal's reason when aborted
 */
export async function pullWithProgress(hub: Hub, model: HubModel, choice: PullChoice): Promise<PulledModel> {
  const { signal, offline, ...others } = choice;
  const { label, repository } = model;
  const view = new DownloadView(label === repository ? label : `${label} from ${repository}`);
  let last: PullProgress | undefined;
  let downloadedBytes = 0;
  const local = await hub
    .pull(model, {
      ...others,
      ...(signal && { signal }),
      // Where it is not asked for, HF_HUB_OFFLINE decides.
      ...(offline === true && { offline }),
      onProgress: (progress) => {
        const isArriving = progress.phase === 'downloading' && last?.phase === 'downloading';
        if (isArriving && last !== undefined) downloadedBytes += progress.doneBytes - last.doneBytes;
        last = progress;
        view.update(progress);
      },
    })
    .catch(async (error: unknown) => {
      view.finish();
      const isStopped = signal?.aborted === true && last !== undefined;
      if (isStopped)
        await writeNote('bitnet: stopped; what has arrived is kept, and the same command goes on');
      throw error;
    })
    .finally(() => view.finish());
  const { path } = local;
  if (path === undefined) throw new BitnetError('hub/no-path', `${label}: the cache keeps no files`);
  return { ...local, path, downloadedBytes };
}
