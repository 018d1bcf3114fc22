/** A model that the server answers with, and where it is found by its name. */
import type { Scheduler } from '../../engine/serving/scheduler.ts';
import type { Model } from '../../index.ts';
import type { ConstraintCompiler } from '../constraint/constraint-compiler.ts';

/** A loaded model with what requests to it share. */
export interface ServedModel {
  /** The name that requests use. */
  readonly id: string;
  /** Unix time in seconds of the file's last change, or of loading. */
  readonly created: number;
  readonly model: Model;
  readonly scheduler: Scheduler;
  readonly constraints: ConstraintCompiler;
}

/** What is known of a model without loading it. */
export interface ModelDescription {
  readonly id: string;
  readonly created: number;
  /** Path or URL as given. */
  readonly source: string;
  readonly fileBytes: number | undefined;
  readonly loaded: ServedModel | undefined;
  /** When it will be unloaded if nobody uses it, in milliseconds since 1970; undefined for never or not loaded. */
  readonly expiresAt: number | undefined;
}

/** A model for the time of a request: it is not unloaded before {@link release}. */
export interface Lease {
  readonly served: ServedModel;
  release(): void;
}

/** The models of a server. */
export interface ModelRegistry {
  /** In the order of the command line; the first is the default. */
  list(): readonly ModelDescription[];
  /**
   * The model of a name, loaded if need be; the only or first one for undefined.
   *
   * @param keepAliveSeconds how long it stays loaded after this request; below 0 for ever; default the server's
   * @throws BitnetError `server/unknown-model`; as loadModel
   */
  acquire(name: string | undefined, keepAliveSeconds?: number): Promise<Lease>;
  /** Unloads a model as soon as nobody uses it. */
  unload(name: string): void;
  dispose(): Promise<void>;
}
