/** The loss of a model on held-out rows: always the same ones, spread evenly over all that there are. */
import type { TokenRows } from '../data/token-rows.ts';
import type { LossSum, TrainingModel } from '../model/training-model.ts';

/**
 * Scores at most `sequences` rows.
 *
 * @returns the sum of the losses in nats, and how many targets it is of
 */
export async function evaluate(
  model: Pick<TrainingModel, 'score' | 'microSequences'>,
  rows: TokenRows,
  sequences: number,
): Promise<LossSum> {
  const count = Math.min(sequences, rows.rows);
  const out = new Int32Array(model.microSequences * rows.rowLength);
  let loss = 0;
  let targets = 0;
  for (let first = 0; first < count; first += model.microSequences) {
    const length = Math.min(model.microSequences, count - first);
    const indexes = Array.from({ length }, (_, i) => Math.floor(((first + i) * rows.rows) / count));
    const batch = out.subarray(0, length * rows.rowLength);
    await rows.read(indexes, batch);
    const sum = await model.score(batch);
    loss += sum.loss;
    targets += sum.targets;
  }
  return { loss, targets };
}
