/** What "can my machine run it?" is answered from, and the answer: plain data, the same in Node.js and in browsers. */
import type { KvCacheType } from '../engine/options.ts';
import type { ModelConfig } from '../model/config.ts';

/** A machine as far as it matters, detected and measured. All rates are of the kernels that would run. */
export interface Machine {
  /** Name of the processor where it is told. */
  readonly processor: string | undefined;
  readonly performanceCores: number | undefined;
  readonly efficiencyCores: number | undefined;
  /** What a container or the system allows to run at once; may be a fraction. */
  readonly usableThreads: number;
  /** Why that is less than the cores: `cgroup`, `affinity`. */
  readonly limitedBy: string | undefined;
  readonly instructionSets: readonly string[];
  readonly totalMemoryBytes: number | undefined;
  readonly availableMemoryBytes: number | undefined;
  readonly backend: string;
  readonly rates: readonly MachineRates[];
}

/** What the machine does with a number of threads. */
export interface MachineRates {
  readonly threads: number;
  /** Bytes a second of packed ternary weights that do not fit the caches, read by the product of one token. */
  readonly decodeBytesPerSecond: number;
  /** Bytes a second of plain reading. */
  readonly readBytesPerSecond: number;
  /** Integer multiply-adds a second in prefill. */
  readonly prefillMacsPerSecond: number;
  /** Seconds that a step costs beside its products, per layer. */
  readonly secondsPerLayer: number;
}

/** A model as far as speed and memory depend on it; taken from a file's header or from the catalogue. */
export interface FitModel {
  readonly name: string;
  readonly config: ModelConfig;
  readonly fileBytes: number | undefined;
  readonly embeddingType: string;
  readonly headType: string | undefined;
}

/** What is asked. */
export interface FitQuestion {
  readonly contextLength: number;
  readonly kvCache: KvCacheType;
  readonly threads: number;
  /** Of a typical prompt, for the time to the first token. */
  readonly promptTokens: number;
}

/** A value with the interval that it lies in with nine chances of ten, by the errors that were measured so far. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}
