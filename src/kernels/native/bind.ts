/** A variant's operations as {@link Kernels}, for the calling thread. */
import { BitnetError } from '../../base/errors.ts';
import { attentionNumbers } from '../attention-numbers.ts';
import type { NativeVariant } from '../backend-name.ts';
import type { Kernels } from '../kernels.ts';
import type { NativeExports, RegionHandle } from './exports.ts';

/** Code of the error of a thread that waited for one that will not come; that one's own error says why. */
export const BROKEN_BARRIER = 'team/broken';

/** @param region the region that all addresses are in */
export function bindNative(name: NativeVariant, native: NativeExports, region: RegionHandle): Kernels {
  const operations = native.kernels(name);
  return {
    ...operations,
    name,
    rowStep: 16,
    attention: (args, i0, i1) => operations.attention(...attentionNumbers(args), i0, i1),
    attentionBlocks: (partials, args, i0, i1) =>
      operations.attentionBlocks(partials, ...attentionNumbers(args), i0, i1),
    attentionFold: (partials, args, i0, i1) =>
      operations.attentionFold(partials, ...attentionNumbers(args), i0, i1),
    barrier(barrier, count) {
      try {
        native.barrier(region, barrier, count);
      } catch (cause) {
        throw new BitnetError(BROKEN_BARRIER, 'another compute thread has ended', { cause });
      }
    },
  };
}
