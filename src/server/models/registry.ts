/**
 * Models by their names: loaded when first asked for (or at the start), shared by all who ask, kept for a while after the
 * last of them, and unloaded when another needs the place. Loading and unloading happen one after the other, so that memory
 * never holds more models than it may.
 */
import type { SchedulerOptions } from '../../engine/serving/scheduler.ts';
import { BitnetError, type LoadOptions, loadModel, type Model } from '../../index.ts';
import type { ConstraintCompiler } from '../constraint/constraint-compiler.ts';
import type { Log } from '../operations/log.ts';
import type { SequenceObserver } from '../operations/metrics.ts';
import { MeteredScheduler } from './metered-scheduler.ts';
import { type NamedModel, sourceFacts } from './model-entry.ts';
import type { Lease, ModelDescription, ModelRegistry, ServedModel } from './served-model.ts';

/** How a registry keeps its models. */
export interface RegistryOptions {
  readonly models: readonly NamedModel[];
  readonly load: LoadOptions;
  readonly scheduler: SchedulerOptions;
  /** Makes the compiler of a model's output formats. */
  readonly createConstraints: (model: Model) => ConstraintCompiler;
  /** Seconds for which a model stays loaded after its last request; below 0 for ever. */
  readonly keepAliveSeconds: number;
  /** Most models that are loaded at once; those that the caller loaded do not count. */
  readonly maxLoaded: number;
  readonly observer: SequenceObserver;
  readonly log: Log;
}

/** A model with what becomes of it. */
interface Slot extends NamedModel {
  readonly created: number;
  readonly fileBytes: number | undefined;
  loading: Promise<ServedModel> | undefined;
  loaded: ServedModel | undefined;
  leases: number;
  /** By performance.now(). */
  lastUsed: number;
  /** Whether it was loaded at the start, and so stays without being used. */
  isKept: boolean;
  /** Whether the caller loaded it, and unloads it. */
  readonly isForeign: boolean;
  expiresAt: number | undefined;
  expiry: ReturnType<typeof setTimeout> | undefined;
}

/** Longest delay of a timer, in milliseconds. */
const LONGEST_DELAY = 2 ** 31 - 1;

/** See the file's header. */
export class Models implements ModelRegistry {
  readonly #options: RegistryOptions;
  readonly #slots: readonly Slot[];
  readonly #ending = new AbortController();
  /** What loads or unloads; the next waits for it. */
  #turn: Promise<unknown> = Promise.resolve();

  /** Nothing is loaded yet. */
  constructor(options: RegistryOptions) {
    this.#options = options;
    const now = Math.floor(Date.now() / 1000);
    this.#slots = options.models.map(({ id, source }): Slot => {
      const { fileBytes, changed } = sourceFacts(source);
      return {
        id,
        source,
        created: changed ?? now,
        fileBytes,
        loading: undefined,
        loaded: undefined,
        leases: 0,
        lastUsed: 0,
        isKept: false,
        isForeign: typeof source === 'object' && !(source instanceof URL),
        expiresAt: undefined,
        expiry: undefined,
      };
    });
    for (const slot of this.#slots) {
      if (typeof slot.source !== 'object' || slot.source instanceof URL) continue;
      slot.loaded = this.#serve(slot, slot.source);
      slot.loading = Promise.resolve(slot.loaded);
    }
  }

  list(): readonly ModelDescription[] {
    return this.#slots.map(({ id, created, source, fileBytes, loaded, expiresAt }) => ({
      id,
      created,
      source: typeof source === 'string' || source instanceof URL ? String(source) : id,
      fileBytes,
      loaded,
      expiresAt,
    }));
  }

  /**
   * Loads models that then stay, whether they are used or not.
   *
   * @throws as {@link acquire}
   */
  async preload(names: readonly string[]): Promise<void> {
    for (const name of names) {
      this.#find(name).isKept = true;
      (await this.acquire(name)).release();
    }
  }

  async acquire(name: string | undefined, keepAliveSeconds?: number): Promise<Lease> {
    this.#ending.signal.throwIfAborted();
    const slot = this.#find(name);
    clearTimeout(slot.expiry);
    slot.expiresAt = undefined;
    slot.leases++;
    let isReleased = false;
    const release = () => {
      if (isReleased) return;
      isReleased = true;
      slot.lastUsed = performance.now();
      if (--slot.leases === 0) this.#expire(slot, keepAliveSeconds);
    };
    try {
      return { served: await this.#load(slot), release };
    } catch (error) {
      release();
      throw error;
    }
  }

  unload(name: string): void {
    const slot = this.#find(name);
    if (slot.leases === 0) this.#expire(slot, 0);
    // With requests under way, the last of them unloads it.
    else slot.expiresAt = Date.now();
  }

  async dispose(): Promise<void> {
    this.#ending.abort(new BitnetError('server/closed', 'the server ends'));
    for (const slot of this.#slots) clearTimeout(slot.expiry);
    await this.#inTurn(async () => {
      for (const slot of this.#slots) await this.#letGo(slot);
    });
  }

  #find(name: string | undefined): Slot {
    const slot = name === undefined ? this.#slots[0] : this.#slots.find(({ id }) => id === name);
    if (slot !== undefined) return slot;
    const known = this.#slots.map(({ id }) => id).join(', ');
    throw new BitnetError(
      'server/unknown-model',
      `there is no model "${String(name).slice(0, 100)}" here; the models are ${known}`,
    );
  }

  #load(slot: Slot): Promise<ServedModel> {
    slot.loading ??= this.#inTurn(async () => {
      this.#ending.signal.throwIfAborted();
      await this.#makeRoom();
      const model = await loadModel(slot.source as string | URL, {
        ...this.#options.load,
        signal: this.#ending.signal,
      });
      slot.loaded = this.#serve(slot, model);
      this.#options.log.write('info', 'model-loaded', {
        model: slot.id,
        seconds: Math.round(model.loadSeconds * 100) / 100,
        backend: model.backend,
        threads: model.threads,
        context: model.contextLength,
        ...(model.notes.length > 0 && { notes: model.notes }),
      });
      return slot.loaded;
    }).catch((error: unknown) => {
      slot.loading = undefined;
      throw error;
    });
    return slot.loading;
  }

  #serve({ id, created }: Slot, model: Model): ServedModel {
    const { scheduler, createConstraints, observer } = this.#options;
    return {
      id,
      created,
      model,
      scheduler: new MeteredScheduler(id, model, scheduler, observer),
      constraints: createConstraints(model),
    };
  }

  /** Unloads what was not used for the longest time until there is a place. */
  async #makeRoom(): Promise<void> {
    const { maxLoaded } = this.#options;
    for (;;) {
      const loaded = this.#slots.filter((slot) => slot.loaded !== undefined && !slot.isForeign);
      if (loaded.length < maxLoaded) return;
      const idle = loaded.filter(({ leases }) => leases === 0).sort((a, b) => a.lastUsed - b.lastUsed);
      if (idle[0] === undefined) {
        throw new BitnetError(
          'scheduler/full',
          `all ${maxLoaded} models that may be loaded at once are answering requests; try again later`,
        );
      }
      await this.#letGo(idle[0]);
    }
  }

  /** Unloads a model that nobody uses once its time is up. */
  #expire(slot: Slot, ownSeconds: number | undefined): void {
    if (slot.loaded === undefined || slot.isForeign || this.#ending.signal.aborted) return;
    const isDue = slot.expiresAt !== undefined;
    const usual = slot.isKept ? -1 : this.#options.keepAliveSeconds;
    const seconds = isDue ? 0 : (ownSeconds ?? usual);
    slot.expiresAt = undefined;
    if (!(seconds >= 0)) return;
    const delay = Math.min(seconds * 1000, LONGEST_DELAY);
    slot.expiresAt = Date.now() + delay;
    const unload = () =>
      this.#inTurn(async () => {
        if (slot.leases === 0) await this.#letGo(slot);
      });
    slot.expiry = setTimeout(() => void unload(), delay);
    slot.expiry.unref();
  }

  async #letGo(slot: Slot): Promise<void> {
    const { loaded } = slot;
    if (loaded === undefined) return;
    slot.loaded = undefined;
    slot.loading = undefined;
    slot.expiresAt = undefined;
    clearTimeout(slot.expiry);
    await loaded.scheduler.dispose();
    loaded.constraints.dispose();
    if (slot.isForeign) return;
    await loaded.model.dispose();
    this.#options.log.write('info', 'model-unloaded', { model: slot.id });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }
}
