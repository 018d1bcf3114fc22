/**
 * The programs that every thread of a training team knows: passes over the model it was told of, and what is done to
 * weights and gradients between them.
 */
import { type Member, type Program, share } from '../kernels/team/member.ts';
import type { Sequences } from './layers/attention.ts';
import { backward } from './model/backward.ts';
import { forward } from './model/forward.ts';
import { logitsOfWindow, scoreTokens } from './model/loss.ts';
import type { TrainingPlan } from './model/plan.ts';
import { quantizeProjections } from './model/ternary-weights.ts';
import { OPTIMISER_PROGRAMS } from './optimise/programs.ts';

/** A fresh set; each thread has its own, since it remembers the model. */
export function createTrainingPrograms(): Readonly<Record<string, Program>> {
  let plan: TrainingPlan | undefined;
  return {
    ...OPTIMISER_PROGRAMS,
    /** Remembers the plan, so that a pass need not send it. */
    useModel(_member: Member, model: TrainingPlan) {
      plan = model;
    },
    /** Quantises the projections of a ternary model. */
    prepareWeights(member: Member) {
      const projections = plan!.layers.flatMap(({ q, k, v, o, gate, up, down }) => [
        ...[q, k, v, o],
        ...[gate, up, down],
      ]);
      quantizeProjections(member, projections);
    },
    /** Zeroes f32 [elements]. */
    clear(member: Member, { address, elements }: { readonly address: number; readonly elements: number }) {
      const [from, to] = share(member, elements, 16);
      member.heap.f32(address + 4 * from, to - from).fill(0);
    },
    /** Forward and backward; gradients are added to. */
    accumulate(member: Member, { scale, ...sequences }: Sequences & { readonly scale: number }) {
      forward(member, plan!, sequences);
      backward(member, plan!, sequences, scale);
    },
    /** Forward, and the losses. */
    score(member: Member, sequences: Sequences) {
      forward(member, plan!, sequences);
      scoreTokens(member, plan!, sequences);
    },
    /** Forward alone. */
    forward(member: Member, sequences: Sequences) {
      forward(member, plan!, sequences);
    },
    /** After it: logits of some tokens. */
    logits(
      member: Member,
      { start, end, ...sequences }: Sequences & { readonly start: number; readonly end: number },
    ) {
      logitsOfWindow(member, plan!, sequences, start, end);
    },
  };
}
