/** Texts as vectors, as every dialect has them: which pooling a model wants, and how many texts go together. */
import type { Pooling } from '../../engine/serving/sequence.ts';
import type { Tokenizer } from '../../index.ts';
import type { ServedModel } from '../models/served-model.ts';

/** Most texts of a request. */
export const MOST_INPUTS = 2048;
/** Texts of one request in the scheduler at a time, so that a long list leaves room for others. */
const TOGETHER = 8;

/**
 * One vector for each prompt, not normalised.
 *
 * @param pooling by default the one that suits the model
 * @throws as Scheduler.embed
 */
export async function embedPrompts(
  { scheduler, model }: ServedModel,
  prompts: readonly (readonly number[])[],
  signal: AbortSignal,
  pooling: Pooling = poolingOf(model.tokenizer),
): Promise<Float32Array[]> {
  const vectors: Float32Array[] = [];
  for (let start = 0; start < prompts.length; start += TOGETHER) {
    const group = prompts.slice(start, start + TOGETHER);
    vectors.push(...(await Promise.all(group.map((prompt) => scheduler.embed(prompt, pooling, { signal })))));
  }
  return vectors;
}

/** Models that put an end-of-text token behind every text were trained to have its vector stand for the text. */
function poolingOf({ addsEos }: Tokenizer): Pooling {
  return addsEos ? 'last' : 'mean';
}
