// Entry of the build that uses relaxed SIMD; runs only where a numeric self-test proves its dot product right.
export { int4Matmul, quantize16 } from './head/int4-relaxed';
export { activationBytes, dequantize, quantize, ternaryMatmul } from './matmul/ternary-relaxed';
export * from './shared';
