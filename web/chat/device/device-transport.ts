/**
 * This device as a {@link Transport}: bitnet.ts in a worker, on WebAssembly alone, with threads where the page is cross-origin
 * isolated. The page's own part of it; device/worker.ts does the work.
 */
import type { InsideSource } from '../transport/inside-source.ts';
import type { MachineReading } from '../transport/machine-reading.ts';
import type {
  ModelChoice,
  ModelStore,
  Progress,
  ReplyDelta,
  ReplyEnd,
  ReplyRequest,
  Runtime,
  Transport,
} from '../transport/transport.ts';
import { DeviceInside } from './device-inside.ts';
import { WorkerLink } from './worker-link.ts';

/** See the file's header. */
export class DeviceTransport implements Transport {
  readonly kind = 'device';
  readonly inside: InsideSource;
  readonly store: ModelStore;
  readonly #link: WorkerLink;

  /** @param page the folder of the page */
  constructor(page: URL) {
    const link = new WorkerLink(page);
    this.#link = link;
    this.inside = new DeviceInside(link);
    this.store = {
      async add(file, onProgress, signal) {
        // So that the browser does not clear it away when space runs low; some ask the user, most decide by themselves.
        void navigator.storage?.persist?.().catch(() => false);
        return link.call('add', file, signal, onProgress);
      },
      remove: (modelId) => link.call('remove', modelId, new AbortController().signal),
    };
  }

  models(signal: AbortSignal): Promise<readonly ModelChoice[]> {
    return this.#link.call('models', undefined, signal);
  }

  load(modelId: string, onProgress: (progress: Progress) => void, signal: AbortSignal): Promise<Runtime> {
    return this.#link.call('load', modelId, signal, onProgress);
  }

  reply(request: ReplyRequest, signal: AbortSignal): AsyncGenerator<ReplyDelta, ReplyEnd, undefined> {
    return this.#link.stream('reply', request, signal);
  }

  machine(signal: AbortSignal): Promise<MachineReading> {
    return this.#link.call('machine', undefined, signal);
  }
}
