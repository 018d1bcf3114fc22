/**
 * The programs that every thread of a model's team knows: loading, the forward pass over the model it was told of, and
 * what measurements need.
 */
import { type Profile, profile } from '../kernels/profile.ts';
import { type Member, type Program, share } from '../kernels/team/member.ts';
import { forward } from '../model/forward/forward.ts';
import { type TracePlan, traced } from '../model/forward/trace.ts';
import { FILE_PROGRAMS } from '../model/loading/file-programs.ts';
import { PACK_PROGRAMS } from '../model/loading/load-programs.ts';
import type { Batch, ModelPlan } from '../model/plan.ts';

/** A fresh set; each thread has its own, since it remembers the model. */
export function createPrograms(): Readonly<Record<string, Program>> {
  let model: ModelPlan | undefined;
  let profiled: Profile | undefined;
  return {
    ...PACK_PROGRAMS,
    ...FILE_PROGRAMS,
    /** Remembers the plan, so that a step need not send it. */
    useModel(_member: Member, plan: ModelPlan) {
      model = plan;
    },
    forward(member: Member, batch: Batch) {
      forward(profiled?.member ?? member, model!, batch);
    },
    /** The same with a look at one of its products. */
    tracedForward(member: Member, { batch, trace }: { readonly batch: Batch; readonly trace: TracePlan }) {
      forward(traced(member, trace), model!, batch);
    },
    /** From here on, forward passes are timed operation by operation. */
    startProfile(member: Member) {
      profiled = profile(member);
    },
    /** Ends that; `times` is f64 [threads][operations]. */
    takeProfile(member: Member, { times }: { readonly times: number }) {
      const own = profiled!.times;
      const view = member.heap.u8(times + member.index * own.byteLength, own.byteLength);
      view.set(new Uint8Array(own.buffer));
      profiled = undefined;
    },
    /** Reads spans of the heap, each shared among all threads as the rows of a matrix are. */
    readSpans(member: Member, spans: readonly (readonly [address: number, bytes: number])[]) {
      for (const [address, bytes] of spans) {
        const [from, to] = share(member, bytes, 64);
        if (to > from) member.kernels.readWords(address + from, to - from);
      }
    },
  };
}
