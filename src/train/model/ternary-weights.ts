/**
 * Absmean quantisation (arXiv:2402.17764) of all projections of a model after its weights have changed, by the threads of
 * a team: scale = max(mean|w|, 1e-5), code = clamp(round(w / scale), -1, 1). Codes go into the backend's packed form for
 * the forward pass, and as values into f32 for the way back.
 */
import { type HeapView, type Member, share } from '../../kernels/team/member.ts';
import type { ProjectionPlan } from '../layers/projection.ts';
import type { TernaryCounts } from './training-model.ts';

/** Smallest scale: a matrix of zeros has one, too. */
const LEAST_SCALE = 1e-5;

/** Quantises projections; each thread takes rows of every matrix. */
export function quantizeProjections(member: Member, projections: readonly ProjectionPlan[]): void {
  const { kernels, heap, index } = member;
  for (const { ternary, weights, rows, columns } of projections) {
    if (ternary === undefined) continue;
    const [r0, r1] = share(member, rows, kernels.rowStep);
    kernels.absSums(ternary.sums, weights, columns, r0, r1);
  }
  member.barrier();
  for (const projection of projections) {
    const { ternary, weights, values, rows, columns } = projection;
    if (ternary === undefined) continue;
    const scale = scaleOf(heap, projection);
    if (index === 0) heap.f32(ternary.scale, 1)[0] = scale;
    const [r0, r1] = share(member, rows, kernels.rowStep);
    if (r0 === r1) continue;
    kernels.quantizeWeights(ternary.codes, values, ternary.counts, weights, scale, columns, r0, r1);
    kernels.packTernary(ternary.packed, ternary.codes + r0 * columns, columns, r0, r1);
  }
}

/** What {@link quantizeProjections} found of one matrix. */
export function countsOf(heap: HeapView, name: string, projection: ProjectionPlan): TernaryCounts {
  const { ternary, rows, columns } = projection;
  const counts = heap.i32(ternary!.counts, 2 * rows);
  let changed = 0;
  let zeros = 0;
  for (let r = 0; r < rows; r++) {
    changed += counts[2 * r]!;
    zeros += counts[2 * r + 1]!;
  }
  return { name, scale: heap.f32(ternary!.scale, 1)[0]!, weights: rows * columns, zeros, changed };
}

/** f32 of the mean magnitude, from the sums of rows in double precision and in their order. */
function scaleOf(heap: HeapView, { ternary, rows, columns }: ProjectionPlan): number {
  let sum = 0;
  for (const magnitude of heap.f32(ternary!.sums, rows)) sum += magnitude;
  return Math.fround(Math.max(sum / (rows * columns), LEAST_SCALE));
}
