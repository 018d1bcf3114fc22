/**
 * What the threads of a team run for the optimiser: sums of squares over all gradients, and AdamW over all weights. Both
 * work on the flat arrays of ParameterTable, pads included, which are zero and stay so.
 */

import { type Member, type Program, share } from '../../kernels/team/member.ts';
import { SQUARES_BLOCK } from '../../kernels/training-kernels.ts';

/** Arguments of sumSquares: x f32 [count], sums f32 [ceil(count / SQUARES_BLOCK)]. */
export interface SumSquaresArgs {
  readonly sums: number;
  readonly x: number;
  readonly count: number;
}

function sumSquares(member: Member, { sums, x, count }: SumSquaresArgs): void {
  const [from, to] = share(member, Math.ceil(count / SQUARES_BLOCK));
  if (to > from) member.kernels.sumSquares(sums, x, count, from, to);
}

/** Elements [start, end) of the flat arrays, and whether they decay. */
export interface DecaySpan {
  readonly start: number;
  readonly end: number;
  readonly decays: boolean;
}

/** Arguments of adamw: addresses of f32 arrays, and the numbers of TrainingKernels.adamw. */
export interface AdamwArgs {
  readonly weights: number;
  readonly firstMoments: number;
  readonly secondMoments: number;
  readonly gradients: number;
  readonly elements: number;
  /** In order, without holes. */
  readonly spans: readonly DecaySpan[];
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  readonly gradientScale: number;
  readonly correction1: number;
  readonly correction2: number;
}

function adamw(member: Member, args: AdamwArgs): void {
  const [from, to] = share(member, args.elements, 16);
  for (const { start, end, decays } of args.spans) {
    const first = Math.max(start, from);
    const last = Math.min(end, to);
    if (first >= last) continue;
    member.kernels.adamw(
      args.weights,
      args.firstMoments,
      args.secondMoments,
      args.gradients,
      args.learningRate,
      args.beta1,
      args.beta2,
      args.epsilon,
      decays ? args.weightDecay : 0,
      args.gradientScale,
      args.correction1,
      args.correction2,
      first,
      last,
    );
  }
}

/** By the names that adamw.ts calls them. */
export const OPTIMISER_PROGRAMS: Readonly<Record<string, Program>> = { sumSquares, adamw };
