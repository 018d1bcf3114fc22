/** A download on behalf of a command that needs the model: what it says before, and how far it is. */
import { BitnetError } from '../../base/errors.ts';
import type { Hub, LocalModel } from '../../hub/hub.ts';
import type { HubModel } from '../../hub/model-name.ts';
import { ProgressBar } from '../progress.ts';
import { formatBytes } from '../quantities.ts';
import { printableLine, writeNote } from '../terminal.ts';

/** Whether the network may be used, and what ends the download. */
export interface PullChoice {
  readonly signal?: AbortSignal | undefined;
  readonly offline?: boolean | undefined;
}

/**
 * Downloads a model that is not here.
 *
 * @throws BitnetError as {@link Hub.pull}; the signal's reason when aborted
 */
export async function pullWithProgress(
  hub: Hub,
  model: HubModel,
  { signal, offline }: PullChoice,
): Promise<LocalModel & { readonly path: string }> {
  let bar: ProgressBar | undefined;
  let isTold = false;
  const tell = (totalBytes: number) => {
    if (isTold) return;
    isTold = true;
    const size = totalBytes > 0 ? ` (${formatBytes(totalBytes)})` : '';
    void writeNote(
      printableLine(`bitnet: ${model.label} is not here; downloading ${model.repository}${size}`),
    );
    bar = new ProgressBar('downloading');
  };
  const local = await hub
    .pull(model, {
      ...(signal && { signal }),
      // Left out, HF_HUB_OFFLINE counts.
      ...(offline === true && { offline }),
      onProgress: ({ phase, doneBytes, totalBytes }) => {
        if (phase === 'downloading' || phase === 'resuming') tell(totalBytes);
        if (totalBytes > 0) bar?.update(doneBytes / totalBytes);
      },
    })
    .finally(() => bar?.finish());
  const { path } = local;
  if (path === undefined) throw new BitnetError('hub/no-path', `${model.label}: the cache keeps no files`);
  return { ...local, path };
}
