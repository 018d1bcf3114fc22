/** What this process takes of its machine, for `/stats` and `/metrics`: processor time so far, and what it could have. */
import { machineFacts } from '#platform';

/** What a process may have of its machine; containers get less than all of it. */
export interface MachineBounds {
  /** Threads that can run at once; a fraction under a quota. */
  readonly threads: number;
  /** Undefined where the system does not tell. */
  readonly memoryBytes: number | undefined;
}

let bounds: MachineBounds | undefined;

/** Asked of the system once: on some it takes a program to find out. */
export function machineBounds(): MachineBounds {
  if (bounds === undefined) {
    const { usableThreads, totalMemoryBytes } = machineFacts();
    bounds = { threads: usableThreads, memoryBytes: totalMemoryBytes };
  }
  return bounds;
}

/** Seconds of all threads of this process on a processor, since it began. */
export function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
