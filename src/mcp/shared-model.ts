/**
 * The model behind all tools: it may still be on its way when clients already ask, and everybody's texts are computed
 * together by one scheduler. Calls wait for the model, but not for longer than clients have patience: one that takes its
 * time (a download, say) is told of in a sentence.
 */
import { Scheduler } from '../engine/serving/scheduler.ts';
import { BitnetError, type Model } from '../index.ts';

/** A model that is there, with what tools need of it. */
export interface LoadedModel {
  readonly model: Model;
  readonly scheduler: Scheduler;
  /** What it is called: as on the command line. */
  readonly label: string;
  /** Path or URL of its file; undefined where the caller did not say. */
  readonly source: string | undefined;
}

/** Where a model comes from. */
export interface ModelOrigin {
  readonly model: Model;
  readonly source?: string;
}

/** Most clients give up on an answer after 60 seconds. */
const PATIENCE_SECONDS = 45;

/** See the file's header. */
export class SharedModel {
  readonly label: string;
  readonly #loaded: Promise<LoadedModel>;
  readonly #patienceSeconds: number;
  readonly #ended = new AbortController();

  /** @param origin the loading, which is the caller's to end and its model the caller's to dispose of */
  constructor(
    origin: Promise<ModelOrigin>,
    options: { readonly label: string; readonly patienceSeconds?: number },
  ) {
    this.label = options.label;
    this.#patienceSeconds = options.patienceSeconds ?? PATIENCE_SECONDS;
    this.#loaded = origin.then(({ model, source }) => ({
      model,
      scheduler: new Scheduler(model.engine),
      label: options.label,
      source,
    }));
    // Whoever asks is told; nobody may ask.
    this.#loaded.catch(() => {});
  }

  /**
   * The model, once it is there.
   *
   * @throws as loading it; BitnetError `mcp/loading` when it takes too long, `mcp/closed`; the signal's reason
   */
  async ready(signal: AbortSignal): Promise<LoadedModel> {
    const timeout = new AbortController();
    const timer = setTimeout(() => timeout.abort(this.#stillLoading()), this.#patienceSeconds * 1000);
    const end = AbortSignal.any([signal, timeout.signal, this.#ended.signal]);
    try {
      return await Promise.race([this.#loaded, rejected(end)]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends all that is computed; the model itself is the caller's. */
  async dispose(): Promise<void> {
    if (this.#ended.signal.aborted) return;
    this.#ended.abort(new BitnetError('mcp/closed', 'the server ends'));
    const loaded = await this.#loaded.catch(() => undefined);
    await loaded?.scheduler.dispose();
  }

  #stillLoading(): BitnetError {
    return new BitnetError(
      'mcp/loading',
      `${this.label} is still being downloaded or loaded; call again in a minute`,
    );
  }
}

/** Never resolves; rejects with the signal's reason. */
function rejected(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
