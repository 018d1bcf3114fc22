/** How busy whatever runs the models is, at one moment. Totals only grow, so two readings make a rate. */
export interface MachineReading {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly runtime: { readonly backend: string | undefined; readonly threads: number | undefined };
  /** Share of all cores that this process keeps busy, 0 to 1; undefined where nobody tells. */
  readonly cpuShare: number | undefined;
  readonly memory: {
    /** Of the process, or of the page's WebAssembly. */
    readonly usedBytes: number;
    /** Of the machine, or most that a page may have; undefined where nobody tells. */
    readonly totalBytes: number | undefined;
  };
  readonly queue: { readonly running: number; readonly waiting: number };
  readonly kvCache: {
    /** Held by sequences under way. */
    readonly usedBytes: number;
    /** Those and what is kept for later prompts. */
    readonly heldBytes: number;
    readonly totalBytes: number;
  };
  readonly totals: {
    /** Tokens that were computed of prompts, and those found in the cache. */
    readonly promptTokens: number;
    readonly cachedTokens: number;
    readonly generatedTokens: number;
  };
}
