/**
 * What the compiled AssemblyScript modules (assembly/relaxed.ts, assembly/simd.ts) export: the operations of
 * {@link Kernels}, some with further arguments at the end that bind.ts supplies.
 */
import type { Kernels } from '../kernels.ts';

type Same =
  | 'ternaryBytes'
  | 'activationBytes'
  | 'attentionScratchBytes'
  | 'packTernary'
  | 'embed'
  | 'embedInt8'
  | 'rmsNorm'
  | 'quantize'
  | 'rope'
  | 'storeKv'
  | 'gate'
  | 'add'
  | 'barrier';

type Extended<Name extends 'packInt8Rows' | 'ternaryMatmul' | 'denseMatmul'> = (
  ...args: [...Parameters<Kernels[Name]>, scratch: number]
) => void;

/** The functions of a module. Addresses are bytes; `scratch` belongs to the calling thread. */
export interface WasmExports extends Pick<Kernels, Same> {
  packInt8Rows: Extended<'packInt8Rows'>;
  ternaryMatmul: Extended<'ternaryMatmul'>;
  denseMatmul: Extended<'denseMatmul'>;
  /** `limit` is int8ActivationLimit(K), `bytes` activationBytes(K). */
  quantize16(q: number, x: number, K: number, limit: number, bytes: number, t0: number, t1: number): void;
  /** `bytes` is activationBytes(K). */
  int8Matmul(
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
  ): void;
  /** The fields of AttentionArgs in their order, then the range. */
  attention(...args: number[]): void;
  /** The same after `partials`. */
  attentionBlocks(partials: number, ...args: number[]): void;
  attentionFold(partials: number, ...args: number[]): void;
}
