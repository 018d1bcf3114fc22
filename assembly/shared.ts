// What both builds have.
export { attention, attentionBlocks, attentionFold, attentionScratchBytes } from './attention/attention';
export { barrier, take } from './barrier';
export { codeMask, halfMask, halfScale, lowHalfMask } from './constants';
export { storeKv } from './attention/kv';
export { denseMatmul, denseRows } from './matmul/dense';
export { int8Matmul } from './matmul/int8';
export { packInt8Rows, packTernary, ternaryBytes } from './pack';
export { readWords } from './read';
export { rope } from './attention/rope';
export { add, embed, embedInt8, gate, rmsNorm } from './rows';
export { int4Bytes, packInt4Rows, selectAbove, selectTop } from './head/screen';
export { gemm, gemmScratchBytes } from './training/gemm';
export { multiplyAddPeak } from './training/madd';
export { embedBackward, gateBackward, rmsNormBackward, rmsNormWeightGradient } from './training/rows';
export { causalSoftmax, causalSoftmaxBackward, crossEntropy } from './training/softmax';
export { absSums, adamw, quantizeWeights, sumSquares } from './training/weights';
