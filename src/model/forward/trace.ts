/**
 * A look at one product of a forward pass: a member whose kernels, on their way, keep what enters one ternary matrix for
 * the batch's last token and what comes out of it. The pass itself is the ordinary one, bit for bit; ordinary members stay
 * as they are.
 */
import { type Kernels, rowStride } from '../../kernels/kernels.ts';
import type { Member } from '../../kernels/team/member.ts';
import type { Matrix } from '../plan.ts';

/** A matrix that a trace can be taken of. */
export type TernaryMatrix = Matrix & { readonly kind: 'ternary' };

/** Which matrix, and where on the heap its trace goes. */
export interface TracePlan {
  readonly matrix: TernaryMatrix;
  /** f32 [rowStride(columns)]: the activations before they are rounded */
  readonly input: number;
  /** f32 [rowStride(columns)]: the rounded ones over their scale (Kernels.dequantize) */
  readonly rounded: number;
  /** f32 [16], of which the first is the scale */
  readonly scale: number;
  /** f32 [rowStride(rows)]: the product */
  readonly output: number;
}

/** Bytes of the parts of a trace. */
export function traceBytes({
  rows,
  columns,
}: TernaryMatrix): Record<Exclude<keyof TracePlan, 'matrix'>, number> {
  return {
    input: 4 * rowStride(columns),
    rounded: 4 * rowStride(columns),
    scale: 64,
    output: 4 * rowStride(rows),
  };
}

/** A member that does what `member` does and takes the trace. */
export function traced(member: Member, trace: TracePlan): Member {
  const { kernels, heap } = member;
  const { address, rows, columns: K } = trace.matrix;
  /** Rows of activations that were quantised last. */
  let quantised = 0;
  const quantize: Kernels['quantize'] = (q, x, length, t0, t1) => {
    quantised = x;
    kernels.quantize(q, x, length, t0, t1);
  };
  const ternaryMatmul: Kernels['ternaryMatmul'] = (...args) => {
    kernels.ternaryMatmul(...args);
    const [, , q, w, weightScale, , T, , r0, r1] = args;
    if (w !== address) return;
    const last = q + (T - 1) * kernels.activationBytes(K);
    // Once more for that token alone, since the pass may add the product to something.
    kernels.ternaryMatmul(trace.output, rowStride(rows), last, w, weightScale, K, 1, 0, r0, r1);
    if (r0 > 0 || r1 === 0) return;
    const stride = rowStride(K);
    heap.f32(trace.input, stride).set(heap.f32(quantised + 4 * (T - 1) * stride, stride));
    heap.f32(trace.scale, 1).set(heap.f32(last, 1));
    kernels.dequantize(trace.rounded, last, K, 0, 1);
  };
  return { ...member, kernels: { ...kernels, quantize, ternaryMatmul } };
}
