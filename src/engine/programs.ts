/** The programs that every thread of a model's team knows: loading, and the forward pass over the model it was told of. */
import type { Member, Program } from '../kernels/team/member.ts';
import { forward } from '../model/forward.ts';
import { LOAD_PROGRAMS } from '../model/loading/load-programs.ts';
import type { Batch, ModelPlan } from '../model/plan.ts';

/** A fresh set; each thread has its own, since it remembers the model. */
export function createPrograms(): Readonly<Record<string, Program>> {
  let model: ModelPlan | undefined;
  return {
    ...LOAD_PROGRAMS,
    /** Remembers the plan, so that a step need not send it. */
    useModel(_member: Member, plan: ModelPlan) {
      model = plan;
    },
    forward(member: Member, batch: Batch) {
      forward(member, model!, batch);
    },
  };
}
