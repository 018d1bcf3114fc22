/** What "can my machine run it?" is answered from, and the answer: plain data, the same in Node.js and in browsers. */
import type { KvCacheType } from '../engine/options.ts';
import type { ModelConfig } from '../model/config.ts';
import type { MemoryPlan } from '../model/loading/memory-plan.ts';
import type { DType } from '../tensor/dtype.ts';

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
  /** Bytes that the backend can address. */
  readonly addressableBytes: number;
  /** Bytes that the program takes before a model is loaded, its code included; undefined where that is not told. */
  readonly programBytes: number | undefined;
  /** Of those, its code and other files; undefined where that is not told. */
  readonly programFileBytes: number | undefined;
  /** Seconds that the measurement took. */
  readonly measuredSeconds: number;
  /** By number of threads; empty where nothing was measured. */
  readonly rates: readonly MachineRates[];
}

/** What the machine does with a number of threads. */
export interface MachineRates {
  readonly threads: number;
  /** Bytes a second of packed ternary weights that do not fit the caches, read by the product of one token. */
  readonly decodeBytesPerSecond: number;
  /** The same by how many bytes are read over and over, rising: caches make small models faster. */
  readonly decodeCurve: readonly RatePoint[];
  /** Bytes a second of the output head's 4-bit plane, likewise. */
  readonly headCurve: readonly RatePoint[];
  /** Bytes a second of plain reading. */
  readonly readBytesPerSecond: number;
  /** Integer multiply-adds a second in prefill. */
  readonly prefillMacsPerSecond: number;
  /** Seconds of a layer's norms, quantisation and activation in prefill, for each element and token. */
  readonly prefillSecondsPerElement: number;
  /** Floating-point multiply-adds a second of matrices that are not ternary, in prefill. */
  readonly denseMacsPerSecond: number;
  /** Seconds that a step costs beside its products, per layer. */
  readonly secondsPerLayer: number;
  /** And for each element that one thread norms and quantises while others wait. */
  readonly secondsPerElement: number;
  /** Seconds of a step beside its layers and its head. */
  readonly secondsPerStep: number;
  /** Seconds of an output's head beside reading it. */
  readonly secondsPerHead: number;
  readonly decodeAttention: Readonly<Record<'f16' | 'q8', AttentionCost>>;
  readonly prefillAttention: Readonly<Record<'f16' | 'q8', AttentionCost>>;
  /** Seconds that one byte of a file takes to load from memory, ternary weights and others. */
  readonly loadSecondsPerTernaryByte: number;
  readonly loadSecondsPerDenseByte: number;
}

/** A rate at a size. */
export interface RatePoint {
  readonly bytes: number;
  readonly bytesPerSecond: number;
}

/** Seconds of attention for each layer, token and position that it looks at. */
export interface AttentionCost {
  /** times elements of the heads of keys */
  readonly perKeyElement: number;
  /** times elements of the heads of queries */
  readonly perQueryElement: number;
}

/** A model as far as speed and memory depend on it; taken from a file's header or from the catalogue. */
export interface FitModel {
  readonly name: string;
  readonly config: ModelConfig;
  /** Bytes to download, or of the file. */
  readonly fileBytes: number | undefined;
  readonly embeddingType: DType;
  /** Undefined when the embedding is the head. */
  readonly headType: DType | undefined;
  /** How the projections lie in the file; default ternary. */
  readonly projections?: 'ternary' | 'dense';
  /** The file is one GGUF file on this machine or will be, so that its embedding can be used where it lies. Default true. */
  readonly isMappable?: boolean;
  /** Why it cannot run here whatever the machine is. */
  readonly unsupported?: string;
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

/**
 * How a speed was found: `measured` with a model of these very dimensions on this machine, `calibrated` by what other
 * models did here, `estimated` from the measurement of the machine alone.
 */
export type Confidence = 'measured' | 'calibrated' | 'estimated';

/** How fast a model would be. */
export interface SpeedForecast {
  /** Tokens a second of the prompt. */
  readonly prefill: Estimate;
  /** Tokens a second that are generated behind the prompt. */
  readonly generation: Estimate;
  /** The same at the end of a full context. */
  readonly generationAtEnd: Estimate;
  /** From a prompt to its first token. */
  readonly firstTokenSeconds: Estimate;
  /** When the file is in the memory of the system already. */
  readonly loadSeconds: Estimate;
  readonly confidence: Confidence;
}

/** What a model takes. */
export interface MemoryForecast {
  readonly plan: MemoryPlan;
  /** Of the plan, what stays in the file and is read from it where it is needed. */
  readonly mappedBytes: number;
  /** The program itself and its threads. */
  readonly programBytes: number;
  /** What the process will have in physical memory at most, the context full. */
  readonly residentBytes: number;
  /** The head is held as int8 rows, since nothing else fits. */
  readonly isInt8Head: boolean;
}

/** `yes`; `tight`: only when the system takes from others; `no`. */
export type Verdict = 'yes' | 'tight' | 'no';

/** What would help, and by how much, computed like the answer itself. */
export interface Advice {
  readonly kind: 'context' | 'kv-cache' | 'free-memory' | 'head' | 'other-model' | 'backend';
  readonly sentence: string;
}

/** The answer. */
export interface FitAnswer {
  readonly model: FitModel;
  readonly question: FitQuestion;
  readonly verdict: Verdict;
  /** Why not, or why only just; undefined when it runs. */
  readonly reason: string | undefined;
  readonly memory: MemoryForecast | undefined;
  /** Undefined where the machine was not measured, or the model cannot run. */
  readonly speed: SpeedForecast | undefined;
  readonly advice: readonly Advice[];
}
