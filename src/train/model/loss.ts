/** The end of a pass: output norm, head and loss, by as many tokens as there is room for logits of. */

import type { Member } from '../../kernels/team/member.ts';
import type { Sequences } from '../layers/attention.ts';
import { rowAt } from '../layers/embedding.ts';
import {
  headForward,
  headForwardFast,
  headInputGradient,
  headWeightGradient,
  lossOf,
} from '../layers/loss-head.ts';
import { normBackward, normForward } from '../layers/norm.ts';
import { type Chunk, forChunks, rowsOf } from './chunks.ts';
import { chunkTokens, type TrainingPlan } from './plan.ts';

/** losses [tokens], with the logits that inference gives; waits for all threads at the end. */
export function scoreTokens(member: Member, plan: TrainingPlan, sequences: Sequences): void {
  forWindows(plan, sequences, (start, end) => {
    forChunks(
      member,
      plan,
      sequences,
      (chunk) => {
        const { hidden, logits } = headRows(plan, chunk, start);
        normForward(
          member,
          plan.outputNorm,
          hidden,
          rowsOf(chunk, plan.work.x, plan.embeddingLength),
          chunk.n,
        );
        headForward(member, plan.head, logits, hidden, chunk.n);
        loss(member, plan, chunk, logits, 0);
      },
      start,
      end,
    );
    member.barrier();
  });
}

/** Logits of tokens [start, end), at most headTokens of them, into work.logits. */
export function logitsOfWindow(
  member: Member,
  plan: TrainingPlan,
  sequences: Sequences,
  start: number,
  end: number,
): void {
  const visit = (chunk: Chunk) => {
    const { hidden, logits } = headRows(plan, chunk, start);
    normForward(member, plan.outputNorm, hidden, rowsOf(chunk, plan.work.x, plan.embeddingLength), chunk.n);
    headForward(member, plan.head, logits, hidden, chunk.n);
  };
  forChunks(member, plan, sequences, visit, start, end);
}

/**
 * losses [tokens], and of scale * their sum the gradient of the head and, in work.dX, of the residual stream behind the
 * last layer; that of the output norm is left in partials. Waits for all threads at the end.
 */
export function lossBackward(member: Member, plan: TrainingPlan, sequences: Sequences, scale: number): void {
  const { work, outputNorm, head, embeddingLength } = plan;
  forWindows(plan, sequences, (start, end) => {
    const visit = (chunk: Chunk) => {
      const { hidden, logits } = headRows(plan, chunk, start);
      const x = rowsOf(chunk, work.x, embeddingLength);
      const dX = rowsOf(chunk, work.dX, embeddingLength);
      const [dHidden] = chunk.scratch;
      normForward(member, outputNorm, hidden, x, chunk.n);
      headForwardFast(member, head, logits, hidden, chunk.n);
      loss(member, plan, chunk, logits, scale);
      headInputGradient(member, head, dHidden, logits, chunk.n);
      normBackward(member, outputNorm, dX, dHidden, x, chunk.inverses, 0, chunk.index, chunk.n);
    };
    forChunks(member, plan, sequences, visit, start, end);
    member.barrier();
    headWeightGradient(member, head, work.logits, work.hidden, end - start);
    member.barrier();
  });
}

/** Calls `visit` with ranges of tokens, whole chunks, for which there is room for logits. */
export function forWindows(
  plan: Pick<TrainingPlan, 'headTokens'>,
  sequences: Sequences,
  visit: (start: number, end: number) => void,
): void {
  const tokens = sequences.count * sequences.length;
  const chunk = chunkTokens(sequences);
  const window = Math.floor(plan.headTokens / chunk) * chunk;
  for (let start = 0; start < tokens; start += window) visit(start, Math.min(start + window, tokens));
}

function loss(
  member: Member,
  { work, head }: TrainingPlan,
  { first, n }: Chunk,
  logits: number,
  scale: number,
): void {
  lossOf(member, head, work.losses + 4 * first, logits, work.targets + 4 * first, scale, n);
}

/** A chunk's rows of hidden states and logits in a window that begins at token `start`. */
function headRows(
  { work, head }: TrainingPlan,
  { first }: Chunk,
  start: number,
): { hidden: number; logits: number } {
  return {
    hidden: rowAt(work.hidden, first - start, head.columns),
    logits: rowAt(work.logits, first - start, head.rows),
  };
}
