/** From chunks of sequences to a step of the engine, and from its outputs to what their readers are told. */
import type { Engine, StepItem } from '../engine.ts';
import type { TokenLogits } from '../step-outputs.ts';
import type { SequenceTask } from './sequence-task.ts';
import type { Chunk } from './step-plan.ts';

/** See the file's header. */
export class StepRunner {
  /** Steps that have begun. */
  steps = 0;
  readonly #engine: Engine;
  /** Half a megabyte each for a large vocabulary: made once, where all logits are asked for. */
  readonly #buffers: Float32Array[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Computes the chunks. A fault of one sequence ends that one alone; those that ended meanwhile are passed over.
   *
   * @returns how many tokens were generated
   * @throws as Engine.step; no sequence has moved then
   */
  async run(planned: readonly Chunk<SequenceTask>[]): Promise<number> {
    const chunks: Chunk<SequenceTask>[] = [];
    const items: StepItem[] = [];
    for (const chunk of planned) {
      try {
        items.push(chunk.task.item(chunk.count));
        chunks.push(chunk);
      } catch (error) {
        chunk.task.fail(error, false);
      }
    }
    if (items.length === 0) return 0;
    this.steps++;
    for (const { task } of chunks) task.begin(this.steps);
    let rows: readonly TokenLogits[];
    try {
      rows = await this.#engine.step(items, this.#buffersFor(items));
    } finally {
      for (const { task } of chunks) task.isInStep = false;
    }
    return handOut(chunks, items, rows);
  }

  #buffersFor(items: readonly StepItem[]): readonly Float32Array[] {
    const outputs = items.flatMap((item) => item.outputs);
    if (this.#engine.headKind === 'fast' && outputs.every(({ top }) => top !== undefined)) return [];
    while (this.#buffers.length < outputs.length) {
      this.#buffers.push(new Float32Array(this.#engine.config.vocabularySize));
    }
    return this.#buffers;
  }
}

/** @returns how many tokens were generated */
function handOut(
  chunks: readonly Chunk<SequenceTask>[],
  items: readonly StepItem[],
  rows: readonly TokenLogits[],
): number {
  let first = 0;
  let generated = 0;
  for (const [i, { task, count }] of chunks.entries()) {
    const own = rows.slice(first, first + items[i]!.outputs.length);
    first += own.length;
    if (task.state === 'ended') continue;
    const before = task.progress.generatedTokens;
    try {
      task.advance(count, own);
    } catch (error) {
      task.fail(error, false);
    }
    generated += task.progress.generatedTokens - before;
  }
  return generated;
}
