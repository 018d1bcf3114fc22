/**
 * A model in training: latent f32 weights with their gradients and moments on the heap of a backend, and the passes over
 * them. What the optimiser and the loop know of the model is here; layers and kernels are below.
 */
import type { Backend } from '../../kernels/backend.ts';
import type { Team } from '../../kernels/team/team.ts';
import type { Described } from '../../model/config.ts';
import type { Precision } from '../config.ts';
import type { ParameterTable } from './parameters.ts';

/** What became of the codes of one ternary matrix when its weights were quantised. */
export interface TernaryCounts {
  /** Name of the parameter. */
  readonly name: string;
  /** mean |w|, what a code of 1 stands for */
  readonly scale: number;
  readonly weights: number;
  readonly zeros: number;
  /** Codes that differ from those of the last time. */
  readonly changed: number;
}

/** Sum of the losses of a pass, in nats, and how many targets they are of. */
export interface LossSum {
  readonly loss: number;
  readonly targets: number;
}

/** See the head of this file. Passes may not overlap. */
export interface TrainingModel {
  readonly described: Described;
  readonly precision: Precision;
  readonly parameters: ParameterTable;
  readonly backend: Backend;
  readonly team: Team;
  /** Addresses of f32 [parameters.elements], all laid out by {@link parameters}. */
  readonly weights: number;
  readonly gradients: number;
  readonly firstMoments: number;
  readonly secondMoments: number;
  /** Rows of tokens that a pass takes at most. */
  readonly microSequences: number;

  /** Random weights; the same for the same seed and shape, whatever the precision, backend and threads. */
  initialise(seed: number): void;
  /** Quantises the weights after they have changed; one entry for each ternary matrix, none in f32. */
  prepareWeights(): Promise<readonly TernaryCounts[]>;
  /** Gradients to zero. */
  clearGradients(): Promise<void>;
  /**
   * Forward and backward over `rows`, i32 [n][contextLength + 1] with NO_TOKEN for none; adds the gradients of
   * `scale` * the sum of the losses.
   */
  accumulateGradients(rows: Int32Array, scale: number): Promise<LossSum>;
  /** Forward only. */
  score(rows: Int32Array): Promise<LossSum>;
  /** f32 [tokens.length][vocabularySize] of one sequence of at most contextLength tokens. */
  logits(tokens: Int32Array): Promise<Float32Array>;
  /** Ends the threads and lets go of the heap. */
  dispose(): Promise<void>;
}
