/**
 * What the compiled AssemblyScript modules (assembly/relaxed.ts, assembly/simd.ts) export: the operations of
 * {@link Kernels} and {@link TrainingKernels}, some with further arguments at the end that bind.ts supplies.
 */
import type { Kernels } from '../kernels.ts';
import type { TrainingKernels } from '../training-kernels.ts';

type Same =
  | 'ternaryBytes'
  | 'int4Bytes'
  | 'activationBytes'
  | 'attentionScratchBytes'
  | 'packTernary'
  | 'embed'
  | 'embedInt8'
  | 'rmsNorm'
  | 'quantize'
  | 'denseRows'
  | 'selectTop'
  | 'selectAbove'
  | 'rope'
  | 'storeKv'
  | 'gate'
  | 'add'
  | 'readWords'
  | 'take'
  | 'barrier';

type Extended<Name extends 'packInt8Rows' | 'ternaryMatmul' | 'denseMatmul'> = (
  ...args: [...Parameters<Kernels[Name]>, scratch: number]
) => void;

/** `bytes` is activationBytes(K). */
type RowsMatmul = (
  out: number,
  outStride: number,
  q: number,
  bytes: number,
  w: number,
  scales: number,
  K: number,
  T: number,
  r0: number,
  r1: number,
) => void;

/** The functions of a module. Addresses are bytes; `scratch` belongs to the calling thread. */
export interface WasmExports extends Pick<Kernels, Same>, TrainingKernels {
  packInt8Rows: Extended<'packInt8Rows'>;
  ternaryMatmul: Extended<'ternaryMatmul'>;
  denseMatmul: Extended<'denseMatmul'>;
  /** `limit` is int8ActivationLimit(K), `bytes` activationBytes(K). */
  quantize16(q: number, x: number, K: number, limit: number, bytes: number, t0: number, t1: number): void;
  /** The factors are those of int4ErrorFactors(K). */
  packInt4Rows(
    w: number,
    scales: number,
    errors: number,
    source: number,
    format: number,
    K: number,
    row0: number,
    row1: number,
    rounding: number,
    activation: number,
    alignment: number,
    scratch: number,
  ): void;
  int8Matmul: RowsMatmul;
  int4Matmul: RowsMatmul;
  /** The fields of AttentionArgs in their order, then the range. */
  attention(...args: number[]): void;
  /** The same after `partials`. */
  attentionBlocks(partials: number, ...args: number[]): void;
  attentionFold(partials: number, ...args: number[]): void;
}
