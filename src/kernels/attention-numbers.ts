/** The arguments of attention as compiled kernels take them: plain numbers. */
import type { AttentionArgs } from './kernels.ts';

/** The fields in their order. */
export function attentionNumbers(args: AttentionArgs): number[] {
  return [
    args.out,
    args.outStride,
    args.q,
    args.blocks,
    args.keys,
    args.values,
    args.format,
    args.scratch,
    args.scale,
    args.heads,
    args.kvHeads,
    args.headLength,
    args.position,
    args.tokens,
  ];
}
