/**
 * One step of AdamW (arXiv:1711.05101) over a model's flat arrays, after its gradients were clipped by their global norm.
 * Matrices decay, the embedding included; norms do not. The moments are the model's; this keeps only scratch.
 */
import { SQUARES_BLOCK } from '../../kernels/training-kernels.ts';
import type { OptimizerConfig } from '../config.ts';
import type { ParameterTable } from '../model/parameters.ts';
import type { TrainingModel } from '../model/training-model.ts';
import type { AdamwArgs, DecaySpan, SumSquaresArgs } from './programs.ts';
import type { Rates } from './schedule.ts';

/** What the optimiser needs of a model. */
export type OptimisedModel = Pick<
  TrainingModel,
  'parameters' | 'backend' | 'team' | 'weights' | 'gradients' | 'firstMoments' | 'secondMoments'
>;

/** An optimiser of one model; its team has to know OPTIMISER_PROGRAMS. */
export interface Optimiser {
  /** Euclidean norm of all gradients; not finite when one of them is not, or when they overflow. */
  gradientNorm(): Promise<number>;
  /**
   * Changes weights and moments by the gradients, scaled down to the largest norm that the config allows.
   *
   * @param step    from 1, for the correction of the moments
   * @param norm    of {@link gradientNorm}, finite
   */
  apply(step: number, rates: Rates, norm: number): Promise<void>;
  /** Gives its scratch back. */
  dispose(): void;
}

/** An optimiser with its scratch on the model's heap. */
export function createOptimiser(model: OptimisedModel, config: OptimizerConfig): Optimiser {
  const { parameters, backend, team } = model;
  const { elements } = parameters;
  const blocks = Math.ceil(elements / SQUARES_BLOCK);
  const sums = backend.heap.allocate(4 * blocks);
  const spans = decaySpans(parameters);
  const { beta1, beta2, epsilon, clipNorm } = config;
  return {
    async gradientNorm() {
      const args: SumSquaresArgs = { sums, x: model.gradients, count: elements };
      await team.run('sumSquares', args);
      // In the order of the blocks and in double precision: the same whoever summed which block.
      return Math.sqrt(backend.heap.f32(sums, blocks).reduce((sum, block) => sum + block, 0));
    },
    async apply(step, { learningRate, weightDecay }, norm) {
      const args: AdamwArgs = {
        weights: model.weights,
        firstMoments: model.firstMoments,
        secondMoments: model.secondMoments,
        gradients: model.gradients,
        elements,
        spans,
        learningRate,
        beta1,
        beta2,
        epsilon,
        weightDecay,
        gradientScale: Math.min(1, clipNorm / (norm + 1e-6)),
        correction1: 1 - power(beta1, step),
        correction2: 1 - power(beta2, step),
      };
      await team.run('adamw', args);
    },
    dispose() {
      backend.heap.free(sums);
    },
  };
}

/** base^exponent from products alone, since ECMAScript leaves the last bits of ** to the engine. */
function power(base: number, exponent: number): number {
  let result = 1;
  for (let factor = base, rest = exponent; rest > 0; rest = Math.floor(rest / 2), factor *= factor) {
    if (rest % 2 === 1) result *= factor;
  }
  return result;
}

/** The parameters in their order, neighbours that are treated alike as one. */
export function decaySpans({ list }: Pick<ParameterTable, 'list'>): readonly DecaySpan[] {
  const spans: DecaySpan[] = [];
  for (const { offset, elements, shape } of list) {
    const decays = shape.length === 2;
    const end = offset + elements;
    const last = spans.at(-1);
    if (last?.decays === decays) spans[spans.length - 1] = { ...last, end };
    else spans.push({ start: offset, end, decays });
  }
  return spans;
}
