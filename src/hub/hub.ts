/**
 * From a model of the hub to verified local files. Rank 2 and the same in Node.js and browsers: files are kept through
 * {@link HubStore}, which is the cache of Hugging Face on disk, or the Origin Private File System.
 */
import type { ByteSource, SourceFolder } from '../base/byte-source.ts';
import type { HubModel } from './model-name.ts';

/** A model whose files are all here and verified. */
export interface LocalModel {
  readonly repository: string;
  /** Commit that the files are of. */
  readonly revision: string;
  /** The GGUF file, relative to the repository; undefined for a folder. */
  readonly file: string | undefined;
  /** Path of the file or folder; undefined in browsers. */
  readonly path: string | undefined;
  readonly bytes: number;
  /** Opens it for reading. */
  open(): Promise<ByteSource | SourceFolder>;
}

/** How far a download is; never runs backwards. */
export interface PullProgress {
  /** Bytes of the whole model that are here and verified, and those that are under way. */
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** File that is fetched just now. */
  readonly file: string;
  /** `resuming` when an interrupted download is gone on with. */
  readonly phase: 'listing' | 'downloading' | 'verifying' | 'resuming' | 'waiting' | 'done';
}

/** How to fetch. */
export interface PullOptions {
  /** Take nothing from the network; default: HF_HUB_OFFLINE. */
  readonly offline?: boolean;
  /** Ask the hub for a newer commit of the branch even if the model is here; default false. */
  readonly update?: boolean;
  /** Connections at once; default 4. */
  readonly connections?: number;
  /** Default: HF_ENDPOINT, or https://huggingface.co. */
  readonly endpoint?: string;
  /** Default: HF_TOKEN, or the file of `hf auth login`. */
  readonly token?: string;
  readonly onProgress?: (progress: PullProgress) => void;
  readonly signal?: AbortSignal;
}

/** Whom to ask about a model, and how. */
export type LookOptions = Pick<PullOptions, 'endpoint' | 'token' | 'signal'>;

/** A model that lies on the hub. */
export interface RemoteModel {
  /** The GGUF file that a pull would take; undefined for a folder. */
  readonly file: string | undefined;
  /** What a pull would download. */
  readonly bytes: number;
  /** Opens it for reading over the network: headers, not all weights. */
  open(): Promise<ByteSource | SourceFolder>;
}

/** A download that was interrupted; {@link Hub.pull} of the same model goes on with it. */
export interface UnfinishedDownload {
  readonly repository: string;
  /** Commit that it is of. */
  readonly revision: string;
  /** File of the repository that is not whole yet. */
  readonly file: string;
  /** Bytes of it that have arrived. */
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** The cache of models and the way to fill it. */
export interface Hub {
  /**
   * The model's files, of which those that are missing are downloaded.
   *
   * @throws BitnetError `hub/not-found`, `hub/gated`, `hub/unauthorized`, `hub/offline`, `hub/no-space`, `hub/damaged`,
   *   `hub/unreachable`, `hub/rate-limited`, `hub/refused`, `hub/bad-answer`, `hub/no-model` (a repository without a file
   *   that can be run), `hub/locked`; the signal's reason when aborted
   */
  pull(model: HubModel, options?: PullOptions): Promise<LocalModel>;
  /**
   * The model where it lies, to read headers of.
   *
   * @throws BitnetError as {@link Hub.pull} before it downloads
   */
  look(model: HubModel, options?: LookOptions): Promise<RemoteModel>;
  /** The model if all of it is here; never touches the network. */
  find(model: HubModel): Promise<LocalModel | undefined>;
  /** Everything in the cache that this package could run, also what others have downloaded. */
  list(): Promise<readonly LocalModel[]>;
  /** Removes the model's files as far as no other revision needs them. @returns bytes that are free now */
  remove(model: LocalModel): Promise<number>;
  /** Downloads of this package that were interrupted, or are under way in another process. */
  unfinished(): Promise<readonly UnfinishedDownload[]>;
  /**
   * Removes what has arrived of an interrupted download.
   *
   * @returns bytes that are free now
   * @throws BitnetError `hub/locked` when another process is just downloading it
   */
  discard(download: UnfinishedDownload): Promise<number>;
}
