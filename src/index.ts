/**
 * bitnet.ts: 1-bit (ternary, BitNet b1.58) language models on ordinary CPUs, in Node.js and in the browser. This is the
 * public API, the same in both.
 */
export type { ByteSource, SourceFolder } from './base/byte-source.ts';
export { BitnetError, ContextLengthExceeded } from './base/errors.ts';
export type { Chat, ChatOptions } from './engine/generation/chat.ts';
export type {
  FinishReason,
  GeneratedToken,
  GenerateOptions,
  GenerationResult,
  OverflowPolicy,
  Piece,
} from './engine/generation/generate.ts';
export type { Generation } from './engine/generation/generation.ts';
export type { SamplingOptions, TokenProbability } from './engine/generation/sampler.ts';
export {
  type EmbedOptions,
  type LoadOptions,
  loadModel,
  type Model,
  type TokenizeOptions,
} from './engine/model.ts';
export type { Pooling } from './engine/serving/sequence.ts';
export type { ModelSource } from './engine/source.ts';
export { blobFolder } from './formats/sources/blob.ts';
export type { LocalModel, PullOptions, PullProgress } from './hub/hub.ts';
export { listModels, pullModel, removeModel } from './hub/models.ts';
export type { BackendName } from './kernels/backend-name.ts';
export type { ModelConfig } from './model/config.ts';
export type { ChatMessage } from './tokenizer/chat/chat-template.ts';
export type { EncodeOptions, Tokenizer } from './tokenizer/tokenizer.ts';
export type { DataProgress } from './train/data/prepare-data.ts';
export type {
  CheckpointMetrics,
  EvaluationMetrics,
  Metrics,
  StepMetrics,
  WeightMetrics,
} from './train/loop/metrics.ts';
export { createMemoryRunFolder, type MemoryRunFolder } from './train/memory-run-folder.ts';
export type { RunFolder } from './train/run-folder.ts';
export type { TrainingSession } from './train/session.ts';
export { openTraining, type TrainingOptions, type TrainingText } from './train/train-texts.ts';
