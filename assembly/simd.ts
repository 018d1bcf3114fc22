// Entry of the build for plain SIMD128.
export { activationBytes, quantize, ternaryMatmul } from './matmul/ternary-simd';
export * from './shared';
