/** The one model that the worker has in memory, and what it has done so far. */

import { BitnetError, type ByteSource, type Model } from 'bitnet.ts';
import { loadFrom } from '#src/engine/model.js';
import { blobSource } from '#src/formats/sources/blob.js';
import { kvCacheBytes } from '#src/model/kv-cache.js';
import type { MachineReading } from '../transport/machine-reading.ts';
import type { Progress } from '../transport/transport.ts';
import type { ModelFiles } from './model-files.ts';
import type { Turns } from './turns.ts';

/** Tokens of context where the memory of a page has no room for more. */
const SMALL_CONTEXT = 1024;
/** Progress is told in so many steps at most. */
const STEPS = 100;

/** What the models of this worker have done; only grows. */
export interface DeviceTotals {
  promptTokens: number;
  cachedTokens: number;
  generatedTokens: number;
  /** Of the conversation whose keys and values are held. */
  contextTokens: number;
}

/** See the file's header. */
export class LoadedModel {
  readonly totals: DeviceTotals = { promptTokens: 0, cachedTokens: 0, generatedTokens: 0, contextTokens: 0 };
  readonly #files: ModelFiles;
  #model: Model | undefined;
  #id: string | undefined;

  constructor(files: ModelFiles) {
    this.#files = files;
  }

  /** Of the model in memory. */
  get id(): string | undefined {
    return this.#id;
  }

  /** Tokens that the model in memory can hold. */
  get contextLength(): number | undefined {
    return this.#model?.contextLength;
  }

  /**
   * The model of an id, loaded in place of the one before if need be.
   *
   * @throws TransportError; BitnetError as loadModel; the signal's reason
   */
  async get(id: string, tell: (progress: Progress) => void, signal: AbortSignal): Promise<Model> {
    if (this.#model !== undefined && this.#id === id) return this.#model;
    const source = await this.#files.open(id, tell, signal);
    await this.unload();
    let told = -1;
    const onProgress = (share: number) => {
      const step = Math.floor(share * STEPS);
      if (step <= told) return;
      told = step;
      tell({ stage: 'load', done: Math.round(share * source.size), total: source.size });
    };
    this.#model = await loadFitting(source, onProgress, signal);
    this.#id = id;
    return this.#model;
  }

  /** Lets go of the model. */
  async unload(): Promise<void> {
    const model = this.#model;
    this.#model = undefined;
    this.#id = undefined;
    this.totals.contextTokens = 0;
    await model?.dispose();
  }

  /** Lets go of the model when it is of no more use after an error, so that the next question loads it anew. */
  async forgetIfBroken(error: unknown): Promise<void> {
    if (hasCode(error, 'team/') || hasCode(error, 'model/disposed')) await this.unload().catch(() => {});
  }

  /** How busy it is. */
  reading({ running, waiting }: Turns): MachineReading {
    const model = this.#model;
    const heap = model?.engine.loaded.heap;
    const usedBytes = heap?.usedBytes ?? 0;
    const bytesOf = (tokens: number) =>
      model === undefined ? 0 : kvCacheBytes(model.config, tokens, model.engine.kvFormat);
    const { contextTokens, ...totals } = this.totals;
    const heldBytes = bytesOf(contextTokens);
    return {
      time: Date.now(),
      runtime: { backend: model?.backend, threads: model && Math.max(1, model.threads) },
      cpuShare: undefined,
      memory: { usedBytes, totalBytes: heap && usedBytes + heap.availableBytes },
      queue: { running, waiting },
      kvCache: {
        usedBytes: running > 0 ? heldBytes : 0,
        heldBytes,
        totalBytes: bytesOf(model?.contextLength ?? 0),
      },
      totals,
    };
  }
}

/** With the context that models have here by default, or with less where that does not fit into the page's memory. */
async function loadFitting(
  source: Blob | ByteSource,
  onProgress: (share: number) => void,
  signal: AbortSignal,
): Promise<Model> {
  const open = () => (source instanceof Blob ? blobSource(source) : source);
  try {
    return await loadFrom(open(), { onProgress, signal });
  } catch (error) {
    if (!hasCode(error, 'memory/')) throw error;
    return loadFrom(open(), { contextLength: SMALL_CONTEXT, onProgress, signal }).catch((second: unknown) => {
      // The model's own context is smaller still.
      throw hasCode(second, 'option/') ? error : second;
    });
  }
}

function hasCode(error: unknown, start: string): boolean {
  return error instanceof BitnetError && error.code.startsWith(start);
}
