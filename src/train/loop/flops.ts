/** How many floating-point operations training counts as: the usual convention, whatever the kernels really execute. */
import type { TrainingModel } from '../model/training-model.ts';

/**
 * Operations of a forward and backward pass for each position: 6 for each weight of a matrix that tokens are multiplied
 * with, and 12 * contextLength * width of attention for each layer (arXiv:2204.02311, appendix B), as if every position
 * saw all others. Looking up an embedding costs nothing; as a tied head it counts.
 */
export function flopsPerPosition({
  described: { config },
  parameters: { list },
}: Pick<TrainingModel, 'described' | 'parameters'>): number {
  const hasHead = list.some(({ role }) => role === 'head');
  let weights = 0;
  for (const { role, shape } of list) {
    if (shape.length === 2 && !(hasHead && role === 'embedding')) weights += shape[0] * shape[1];
  }
  const { blockCount, contextLength, headCount, headLength } = config;
  return 6 * weights + 12 * blockCount * contextLength * headCount * headLength;
}
