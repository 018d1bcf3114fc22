/** Detects the machine and, in about two seconds, measures the kernels that would run on it. */
import { hasSharedMemory, machineFacts, residentMemory } from '#platform';
import type { BackendName } from '../kernels/backend-name.ts';
import { usableVariants } from '../kernels/native/load.ts';
import { selectBackend } from '../kernels/select.ts';
import { defaultThreads } from '../kernels/team/default-threads.ts';
import type { SizeKernels } from '../model/loading/memory-plan.ts';
import type { Machine, MachineRates } from './fit.ts';
import { measureRates } from './measure-rates.ts';
import { fillPool } from './rehearsal.ts';

/** How to measure. */
export interface MeasureOptions {
  /** Default: the fastest that works here. */
  readonly backend?: BackendName | undefined;
  /** Numbers of threads; default the one that models run with by default. Empty: nothing is measured. */
  readonly threads?: readonly number[];
  /** Called with the share that is done. */
  readonly onProgress?: (share: number) => void;
  readonly signal?: AbortSignal;
}

/** A machine, and the kernels' sizes that plans are made with. */
export interface MeasuredMachine {
  readonly machine: Machine;
  readonly kernels: SizeKernels;
}

/** Weights that are read from memory: as many as those of a model of two billion, since larger spans are read more slowly. */
const POOL_BYTES = 420e6;
/** Of what is available, most that the measurement takes. */
const POOL_SHARE = 0.2;

/**
 * Detects and measures.
 *
 * @throws BitnetError `backend/…`, `memory/…`; the signal's reason
 */
export async function measureMachine(options: MeasureOptions = {}): Promise<MeasuredMachine> {
  const start = performance.now();
  const facts = machineFacts();
  const program = residentMemory();
  const numbers = options.threads ?? [defaultThreads()];
  const { backend } = await selectBackend(options.backend, hasSharedMemory);
  try {
    const addressableBytes = backend.heap.availableBytes;
    const rates: MachineRates[] = [];
    if (numbers.length > 0) {
      const most = POOL_SHARE * Math.min(facts.availableMemoryBytes ?? Infinity, addressableBytes);
      const poolBytes = Math.floor(Math.min(POOL_BYTES, Math.max(most, POOL_BYTES / 16)));
      const pool = fillPool(backend, poolBytes);
      for (const [index, threads] of numbers.entries()) {
        options.signal?.throwIfAborted();
        options.onProgress?.(index / numbers.length);
        const workers = hasSharedMemory ? threads : 0;
        rates.push({ ...(await measureRates(backend, workers, pool, poolBytes)), threads });
      }
    }
    const { kernels, name } = backend;
    const machine: Machine = {
      ...facts,
      instructionSets: facts.instructionSets.length > 0 ? facts.instructionSets : variants(),
      backend: name,
      addressableBytes,
      programBytes: program.bytes,
      programFileBytes: program.fileBytes,
      measuredSeconds: (performance.now() - start) / 1000,
      rates,
    };
    return { machine, kernels };
  } finally {
    backend.dispose();
  }
}

/** What the kernels found out about the processor, where the system does not tell. */
function variants(): string[] {
  const usable = usableVariants();
  return typeof usable === 'object' ? usable.map((name) => name.replace(/^native-/, '')) : [];
}
