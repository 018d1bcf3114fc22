// Entry of the build for plain SIMD128.
export { int4Matmul, quantize16 } from './head/int4-simd';
export { activationBytes, dequantize, quantize, ternaryMatmul } from './matmul/ternary-simd';
export * from './shared';
