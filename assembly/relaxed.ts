// Entry of the build that uses relaxed SIMD; runs only where a numeric self-test proves its dot product right.
export { activationBytes, quantize, ternaryMatmul } from './ternary/relaxed';
export * from './shared';
