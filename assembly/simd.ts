// Entry of the build for plain SIMD128.
export { activationBytes, quantize, ternaryMatmul } from './ternary/simd';
export * from './shared';
