/** How many threads compute where nobody says it, for inference and training alike. */
import { hardwareThreads, hasSharedMemory } from '#platform';

/** More share the memory bandwidth of one processor without gain, and take cores that others may want. */
const MOST_DEFAULT_THREADS = 8;

/** Worker threads of a team; 0, computing on the calling thread, where threads cannot share memory. */
export function defaultThreads(): number {
  return hasSharedMemory ? Math.min(hardwareThreads(), MOST_DEFAULT_THREADS) : 0;
}
