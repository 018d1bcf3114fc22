/** One instance of a compiled module on a memory, as {@link Kernels}, for the calling thread. */
import { attentionNumbers } from '../attention-numbers.ts';
import { int4ErrorFactors, int8ActivationLimit, type Kernels } from '../kernels.ts';
import type { WasmExports } from './exports.ts';

/** Bytes of scratch that each thread's instance needs: 16 partial sums, then one expanded row. */
export function wasmScratchBytes(longestRow: number): number {
  return 64 + 4 * (longestRow + 16);
}

/**
 * @param scratch address of {@link wasmScratchBytes} that no other thread uses
 */
export function bindWasm(
  name: 'wasm-relaxed' | 'wasm-simd',
  module: WebAssembly.Module,
  memory: WebAssembly.Memory,
  scratch: number,
): Kernels {
  const wasm = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as WasmExports;
  return {
    name,
    rowStep: 4,
    // A wasm i32 comes back signed.
    ternaryBytes: (M, K) => wasm.ternaryBytes(M, K) >>> 0,
    int4Bytes: (M, K) => wasm.int4Bytes(M, K) >>> 0,
    activationBytes: wasm.activationBytes,
    attentionScratchBytes: wasm.attentionScratchBytes,
    packTernary: wasm.packTernary,
    packInt8Rows: (w, scales, source, format, K, row0, row1) =>
      wasm.packInt8Rows(w, scales, source, format, K, row0, row1, scratch + 64),
    packInt4Rows: (w, scales, errors, source, format, K, row0, row1) => {
      const { rounding, activation, alignment } = int4ErrorFactors(K);
      const own = scratch + 64;
      wasm.packInt4Rows(
        w,
        scales,
        errors,
        source,
        format,
        K,
        row0,
        row1,
        rounding,
        activation,
        alignment,
        own,
      );
    },
    embed: wasm.embed,
    embedInt8: wasm.embedInt8,
    rmsNorm: wasm.rmsNorm,
    quantize: wasm.quantize,
    quantize16: (q, x, K, t0, t1) =>
      wasm.quantize16(q, x, K, int8ActivationLimit(K), wasm.activationBytes(K), t0, t1),
    ternaryMatmul: (out, outStride, q, w, weightScale, K, T, accumulate, r0, r1) =>
      wasm.ternaryMatmul(out, outStride, q, w, weightScale, K, T, accumulate, r0, r1, scratch),
    denseMatmul: (out, outStride, x, w, format, K, T, accumulate, r0, r1) =>
      wasm.denseMatmul(out, outStride, x, w, format, K, T, accumulate, r0, r1, scratch + 64),
    int8Matmul: (out, outStride, q, w, scales, K, T, r0, r1) =>
      wasm.int8Matmul(out, outStride, q, wasm.activationBytes(K), w, scales, K, T, r0, r1),
    int4Matmul: (out, outStride, q, w, scales, K, T, r0, r1) =>
      wasm.int4Matmul(out, outStride, q, wasm.activationBytes(K), w, scales, K, T, r0, r1),
    denseRows: wasm.denseRows,
    selectTop: wasm.selectTop,
    selectAbove: wasm.selectAbove,
    rope: wasm.rope,
    storeKv: wasm.storeKv,
    attention: (args, i0, i1) => wasm.attention(...attentionNumbers(args), i0, i1),
    attentionBlocks: (partials, args, i0, i1) =>
      wasm.attentionBlocks(partials, ...attentionNumbers(args), i0, i1),
    attentionFold: (partials, args, i0, i1) =>
      wasm.attentionFold(partials, ...attentionNumbers(args), i0, i1),
    gate: wasm.gate,
    add: wasm.add,
    gemmScratchBytes: wasm.gemmScratchBytes,
    gemm: wasm.gemm,
    absSums: wasm.absSums,
    quantizeWeights: wasm.quantizeWeights,
    dequantize: wasm.dequantize,
    rmsNormBackward: wasm.rmsNormBackward,
    rmsNormWeightGradient: wasm.rmsNormWeightGradient,
    gateBackward: wasm.gateBackward,
    embedBackward: wasm.embedBackward,
    causalSoftmax: wasm.causalSoftmax,
    causalSoftmaxBackward: wasm.causalSoftmaxBackward,
    crossEntropy: wasm.crossEntropy,
    sumSquares: wasm.sumSquares,
    adamw: wasm.adamw,
    multiplyAddPeak: wasm.multiplyAddPeak,
    readWords: wasm.readWords,
    take: wasm.take,
    barrier: wasm.barrier,
  };
}
