/** What the threads of `bitnet train --bench` run to measure kernels: products of matrices, rows shared among them. */
import { rowStride } from '../../kernels/kernels.ts';
import { type Member, type Program, share } from '../../kernels/team/member.ts';
import { type GemmForm, PEAK_ROUND } from '../../kernels/training-kernels.ts';

/** c f32 [M][rowStride(N)] = op(a) · op(b), so many times. */
export interface GemmArgs {
  readonly form: GemmForm;
  readonly M: number;
  readonly N: number;
  readonly K: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly times: number;
}

/** Rows of a product are shared in steps of this, so that every thread has whole tiles of the kernel. */
const ROW_STEP = 16;

function gemm(member: Member, { form, M, N, K, a, b, c, times }: GemmArgs): void {
  const kernels = member.kernels;
  const lda = rowStride(form === 2 ? M : K);
  const ldb = rowStride(form === 1 ? K : N);
  const [from, to] = share(member, M, ROW_STEP);
  for (let i = 0; i < times; i++) {
    kernels.gemm(c, rowStride(N), a, lda, b, ldb, form, N, K, 0, member.scratch, from, to);
    member.barrier();
  }
}

/** Rounds of multiply-adds on every thread at once. */
function peak(member: Member, { rounds }: { readonly rounds: number }): void {
  const kernels = member.kernels;
  const result = kernels.multiplyAddPeak(rounds);
  if (Number.isNaN(result)) throw new Error(`${rounds} rounds of ${PEAK_ROUND} multiply-adds gave no number`);
}

/** See the head of this file. */
export const BENCH_PROGRAMS: Readonly<Record<string, Program>> = { gemm, peak };
