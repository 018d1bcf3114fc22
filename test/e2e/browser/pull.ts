/** A model of a hub in the page's own storage: a download that is interrupted, gone on with, loaded, and removed. */
import { listModels, loadModel, pullModel, removeModel } from 'bitnet.ts';

/** What happened. */
export interface Pulled {
  readonly interruption: string;
  readonly phases: readonly string[];
  readonly tokens: readonly number[];
  readonly listed: readonly string[];
  readonly freed: number;
  readonly listedAfterwards: number;
}

/** Pulls `name` from the hub at `endpoint` in two goes, and generates from it. */
export async function pull(
  endpoint: string,
  name: string,
  prompt: string,
  maxTokens: number,
): Promise<Pulled> {
  const controller = new AbortController();
  const interruption = await pullModel(name, {
    endpoint,
    signal: controller.signal,
    onProgress: ({ doneBytes, totalBytes }) => {
      if (doneBytes > totalBytes / 2) controller.abort(new Error('enough for now'));
    },
  }).then(
    () => 'none',
    (error: unknown) => String(error),
  );
  const phases = new Set<string>();
  await pullModel(name, { endpoint, onProgress: ({ phase }) => phases.add(phase) });

  const model = await loadModel(name);
  const tokens: number[] = [];
  for await (const piece of model.generate(prompt, { maxTokens, temperature: 0, seed: 1 })) {
    tokens.push(...piece.tokens);
  }
  await model.dispose();

  const local = await listModels();
  let freed = 0;
  for (const one of local) freed += await removeModel(one);
  return {
    interruption,
    phases: [...phases],
    tokens,
    listed: local.map(({ repository, file }) => `${repository}:${file}`),
    freed,
    listedAfterwards: (await listModels()).length,
  };
}
