/**
 * How fast f32 products of 512x512x2048 are, on one thread and on all, against the most multiply-adds that the same
 * instructions can do. Peak and products take turns, so that a machine that slows down slows all of them.
 */
import { Worker } from '#platform';
import { createRandom } from '../../base/random.ts';
import type { Backend } from '../../kernels/backend.ts';
import type { BackendName } from '../../kernels/backend-name.ts';
import { selectBackend } from '../../kernels/select.ts';
import { createTeam, type Team } from '../../kernels/team/team.ts';
import { GemmForm, PEAK_ROUND } from '../../kernels/training-kernels.ts';
import { median } from '../bench/results.ts';
import { BENCH_PROGRAMS, type GemmArgs } from './programs.ts';

/** The product that is measured: rows and columns of the result, and the length of the sums. */
export const GEMM_SHAPE = { M: 512, N: 512, K: 2048 } as const;

/** Rates on one number of threads, in 10^9 floating-point operations a second. */
export interface KernelRates {
  readonly threads: number;
  /** Of independent multiply-adds in registers, all threads together. */
  readonly peak: number;
  readonly gemm: Readonly<Record<keyof typeof GemmForm, number>>;
}

/** Rates of one backend. */
export interface KernelReport {
  /** The one that ran. */
  readonly backend: string;
  /** One thread first, then all where there are more. */
  readonly rates: readonly KernelRates[];
}

/** How long one measurement of the peak takes, about. */
const PEAK_SECONDS = 0.05;
/** Products that are timed as one. */
const TIMES = 3;

/**
 * Measures a backend.
 *
 * @param threads all of them; 0 or 1 measures one
 * @param runs how often each is measured; the medians count
 * @throws BitnetError `backend/…`; the signal's reason
 */
export async function measureKernels(
  requested: BackendName | undefined,
  threads: number,
  runs: number,
  signal: AbortSignal,
): Promise<KernelReport> {
  const { backend } = await selectBackend(requested, true);
  try {
    const kernels = backend.kernels;
    const operands = fillOperands(backend);
    const rates: KernelRates[] = [];
    for (const count of new Set([1, Math.max(1, threads)])) {
      const team = await createTeam({
        backend,
        workers: count === 1 ? 0 : count,
        spawn: () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' }),
        programs: BENCH_PROGRAMS,
        scratchBytes: kernels.gemmScratchBytes(),
      });
      try {
        rates.push(await measureTeam(team, count, operands, runs, signal));
      } finally {
        await team.dispose();
      }
    }
    return { backend: backend.name, rates };
  } finally {
    backend.dispose();
  }
}

/** Addresses of matrices that are large enough for every form. */
interface Operands {
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

function fillOperands({ heap }: Backend): Operands {
  const { M, N, K } = GEMM_SHAPE;
  const random = createRandom(1);
  const block = (elements: number) => {
    const address = heap.allocate(4 * elements);
    const values = heap.f32(address, elements);
    for (let i = 0; i < elements; i++) values[i] = random.next() - 0.5;
    return address;
  };
  const operands = { a: block(M * K), b: block(N * K), c: 0 };
  return { ...operands, c: heap.allocate(4 * M * N) };
}

async function measureTeam(
  team: Team,
  threads: number,
  operands: Operands,
  runs: number,
  signal: AbortSignal,
): Promise<KernelRates> {
  const { M, N, K } = GEMM_SHAPE;
  const forms = Object.entries(GemmForm) as [keyof typeof GemmForm, GemmForm][];
  const gemm = (form: GemmForm) => {
    const args: GemmArgs = { form, M, N, K, ...operands, times: TIMES };
    return seconds(() => team.run('gemm', args));
  };
  // Warms the kernels up, and tells how many rounds take long enough to be timed.
  const trial = 1000;
  await seconds(() => team.run('peak', { rounds: trial }));
  const trialSeconds = await seconds(() => team.run('peak', { rounds: trial }));
  const rounds = Math.max(trial, Math.round((trial * PEAK_SECONDS) / Math.max(trialSeconds, 1e-4)));
  for (const [, form] of forms) await gemm(form);

  const peaks: number[] = [];
  const rates = new Map(forms.map(([name]) => [name, [] as number[]]));
  for (let run = 0; run < runs; run++) {
    signal.throwIfAborted();
    const peakSeconds = await seconds(() => team.run('peak', { rounds }));
    peaks.push((2 * threads * rounds * PEAK_ROUND) / peakSeconds / 1e9);
    for (const [name, form] of forms)
      rates.get(name)!.push((2 * M * N * K * TIMES) / (await gemm(form)) / 1e9);
  }
  const of = (name: keyof typeof GemmForm) => median(rates.get(name)!);
  return { threads, peak: median(peaks), gemm: { NN: of('NN'), NT: of('NT'), TN: of('TN') } };
}

async function seconds(run: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await run();
  return (performance.now() - start) / 1000;
}
