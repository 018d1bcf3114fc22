/**
 * What a training run is made from: one JSON file (a recipe), checked as a whole before anything is computed. Paths in it
 * are relative to the file; resolving them is the caller's business.
 */

/** Bytes of a name in UTF-8; file systems take 255 with what comes behind it. */
const LONGEST_NAME = 100;

/** Whether a model can be called so: its name begins the names of files, on every system. */
export function isModelName(name: string): boolean {
  if (!/^[\p{L}\p{N}][\p{L}\p{N}._ -]*$/u.test(name) || /[. ]$/.test(name)) return false;
  return new TextEncoder().encode(name).byteLength <= LONGEST_NAME;
}

/** Ternary weights and int8 activations in the forward pass, or the same model in f32 to compare with. */
export type Precision = 'ternary' | 'f32';

/** A recipe with every default filled in. */
export interface TrainConfig {
  /** Of the model; also names the exported files. */
  readonly name: string;
  readonly data: DataConfig;
  readonly tokenizer: TokenizerConfig;
  readonly model: ModelShape;
  readonly precision: Precision;
  readonly optimizer: OptimizerConfig;
  readonly batch: BatchConfig;
  /** Optimiser steps in all. */
  readonly steps: number;
  /** Of the initial weights and of the order of the data. */
  readonly seed: number;
  readonly evaluation: EvaluationConfig;
  readonly checkpoint: CheckpointConfig;
}

/** Where the text is. */
export interface DataConfig {
  /** Text files (.txt, .md), JSONL files ({"text"} or {"messages"} a line) or folders of them. */
  readonly train: readonly string[];
  /** The same, held out; where empty, every `validationEvery`th document of the training text is held out. */
  readonly validation: readonly string[];
  readonly validationEvery: number;
}

/** A tokenizer to train on the text, or one that exists (tokenizer.json). */
export type TokenizerConfig =
  | {
      readonly vocabularySize: number;
      /** Control tokens; the first begins a text, the second ends one. */
      readonly specialTokens: readonly string[];
      /** Path of a Jinja chat template that goes into the model. */
      readonly chatTemplate?: string;
    }
  | { readonly file: string; readonly chatTemplate?: string };

/** Dims in GGUF's names; every length but the vocabulary's is a multiple of 16. */
export interface ModelShape {
  /** `bitnet-b1.58` (relu², sub-norms), `bitnet` (SiLU, sub-norms) or `llama` (SiLU). */
  readonly architecture: string;
  readonly contextLength: number;
  readonly embeddingLength: number;
  readonly blockCount: number;
  readonly feedForwardLength: number;
  readonly headCount: number;
  readonly headCountKv: number;
  readonly headLength: number;
  readonly ropeFreqBase: number;
  readonly layerNormRmsEpsilon: number;
  /** Whether the output head is the embedding. */
  readonly tiedHead: boolean;
}

/** AdamW and the two-stage schedule of "The Era of 1-bit LLMs: Training Tips, Code and FAQ". */
export interface OptimizerConfig {
  /** Peak of the first stage, reached after the warm-up and then falling in a line. */
  readonly learningRate: number;
  /** What the rate falls to at the change of stage, from where it falls in a line to `finalLearningRate`. */
  readonly secondLearningRate: number;
  readonly finalLearningRate: number;
  readonly warmUpSteps: number;
  /** Share of the steps that the first stage takes; weight decay is 0 from there on. */
  readonly stageOneShare: number;
  readonly weightDecay: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Largest global norm of the gradients. */
  readonly clipNorm: number;
}

/** Rows of tokens for a step. */
export interface BatchConfig {
  /** In one step. */
  readonly sequences: number;
  /** Of them at once on the heap; divides `sequences`. */
  readonly microSequences: number;
}

/** When held-out text is scored. */
export interface EvaluationConfig {
  readonly everySteps: number;
  /** Rows of tokens, at most. */
  readonly sequences: number;
}

/** When the state is saved. */
export interface CheckpointConfig {
  readonly everySteps: number;
  /** Newest ones that are kept. */
  readonly keep: number;
}
