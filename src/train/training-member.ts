/** A thread of a team whose backend has the operations of training. */
import type { Kernels } from '../kernels/kernels.ts';
import type { Member } from '../kernels/team/member.ts';
import type { TrainingKernels } from '../kernels/training-kernels.ts';

/** See the head of this file. Backends are chosen so that every one has them (model/create.ts). */
export interface TrainingMember extends Member {
  readonly kernels: Kernels & TrainingKernels;
}

/** The member, with the operations that its backend is known to have. */
export function trainingMember(member: Member): TrainingMember {
  return member as TrainingMember;
}

/** Whether a backend has the operations of training. */
export function canTrain(kernels: Kernels): boolean {
  return kernels.gemm !== undefined;
}
