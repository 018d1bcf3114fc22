/** What a machine tells of itself; machine-node.ts and machine-browser.ts ask it. */

/** Facts that no measurement is needed for; undefined where nobody tells. */
export interface MachineFacts {
  /** Name of the processor. */
  readonly processor: string | undefined;
  /** Cores of the fast kind; all of them where there is one kind. */
  readonly performanceCores: number | undefined;
  readonly efficiencyCores: number | undefined;
  /** Threads that this process may run at once; a fraction under a quota. */
  readonly usableThreads: number;
  /** Why that is less than what the machine has: `cgroup` or `affinity`. */
  readonly limitedBy: string | undefined;
  /** Names as the system writes them, of those that kernels here use or could use. */
  readonly instructionSets: readonly string[];
  readonly totalMemoryBytes: number | undefined;
  /** Bytes that a new program can have without others being pushed out. */
  readonly availableMemoryBytes: number | undefined;
}

/** Physical memory of this process; undefined where nobody tells. */
export interface ResidentMemory {
  readonly bytes: number | undefined;
  /** Of those, pages of files (code, mapped models), which the system takes back when it needs them. */
  readonly fileBytes: number | undefined;
}
