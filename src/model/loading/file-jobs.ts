/** The calling thread's side of file-programs.ts: has the team read weights, tells how far it is, and heeds an abort. */
import type { Backend } from '../../kernels/backend.ts';
import type { Team } from '../../kernels/team/team.ts';
import type { FileJob, ReadWeightsArgs } from './file-programs.ts';

/** How often progress is told. */
const PROGRESS_MS = 50;

/** Who reads, and who is told. */
export interface FileJobOptions {
  readonly backend: Backend;
  readonly team: Team;
  readonly onBytes: (bytes: number) => void;
  readonly signal: AbortSignal | undefined;
}

/**
 * Has the team do all jobs, in one run.
 *
 * @throws BitnetError as the program readWeights; the signal's reason, and then the team may still be at work
 */
export async function runFileJobs(
  jobs: readonly FileJob[],
  { backend, team, onBytes, signal }: FileJobOptions,
): Promise<void> {
  signal?.throwIfAborted();
  if (jobs.length === 0) return;
  const progress = backend.heap.allocate(4 * team.count);
  const run = team.run('readWeights', { jobs, progress } satisfies ReadWeightsArgs);
  let told = 0;
  const report = () => {
    const megabytes = backend.heap.f32(progress, team.count).reduce((sum, part) => sum + part, 0);
    onBytes(megabytes * 2 ** 20 - told);
    told = megabytes * 2 ** 20;
  };
  const timer = setInterval(report, PROGRESS_MS);
  try {
    await Promise.race([run, rejectionOf(signal)]);
  } finally {
    clearInterval(timer);
  }
  report();
  signal?.throwIfAborted();
  backend.heap.free(progress);
}

/** A promise that is rejected with the signal's reason when it is aborted, and never settled otherwise. */
function rejectionOf(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
