/**
 * What the page and its worker say to each other. The worker knows the engine, the page only shows: everything here is plain
 * data, and the page's script stays small.
 */

/** A value with the interval around it; unit by field. */
export interface Interval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** What the browser tells of the device before anything is measured. */
export interface DeviceFacts {
  /** Logical cores. */
  readonly cores: number;
  /** Threads that a model would be computed on. */
  readonly threads: number;
  /** The backend that would run, as in `wasm-relaxed`. */
  readonly backend: string;
}

/** What was measured, on the threads of {@link DeviceFacts}. */
export interface DeviceRates {
  readonly threads: number;
  readonly decodeBytesPerSecond: number;
  readonly prefillMacsPerSecond: number;
}

/** What the answers are for. */
export interface Asked {
  readonly contextLength: number;
  readonly kvCache: 'f16' | 'f32' | 'q8';
}

/** What is said of one model. */
export interface ModelAnswer {
  readonly name: string;
  readonly title: string;
  /** Licence, kind and the like, in words; also searched by the filter. */
  readonly about: string;
  readonly verdict: 'yes' | 'tight' | 'no' | 'unsupported';
  /** Why it does not run, one sentence. */
  readonly reason: string | undefined;
  /** Tokens of context that the answer is for: not more than the model has. */
  readonly contextLength: number;
  readonly memoryBytes: number | undefined;
  readonly downloadBytes: number | undefined;
  /** Tokens a second; undefined until it was measured. */
  readonly generation: Interval | undefined;
  /** Seconds. */
  readonly firstToken: Interval | undefined;
  /** What would make it fit or faster, one sentence each. */
  readonly help: readonly string[];
  /** True for the file that the user chose. */
  readonly isOwn: boolean;
}

/** To the worker. */
export type ToWorker =
  | { readonly kind: 'ask'; readonly asked: Asked }
  | { readonly kind: 'measure' }
  | { readonly kind: 'file'; readonly file: File };

/** From the worker. */
export type FromWorker =
  | { readonly kind: 'device'; readonly facts: DeviceFacts }
  | { readonly kind: 'progress'; readonly share: number }
  | { readonly kind: 'measured'; readonly rates: DeviceRates }
  | { readonly kind: 'answers'; readonly answers: readonly ModelAnswer[]; readonly promptTokens: number }
  /** One sentence; `of` says what did not work. */
  | { readonly kind: 'failed'; readonly of: 'measure' | 'file' | 'answers'; readonly sentence: string };
