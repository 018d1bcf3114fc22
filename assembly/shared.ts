// What both builds have.
export { attention, attentionScratchBytes } from './attention';
export { barrier } from './barrier';
export { codeMask, halfMask, halfScale } from './constants';
export { denseMatmul } from './matmul/dense';
export { int8Matmul } from './matmul/int8';
export { packInt8Rows, packTernary, ternaryBytes } from './pack';
export { quantize16 } from './quantize';
export { readWords } from './read';
export { rope, storeKv } from './rope';
export { add, embed, embedInt8, gate, rmsNorm } from './rows';
