/**
 * What a step computes. The next tokens of sequences that generate go first, since someone watches each of them; the room
 * that is left is shared out among those that begin, in even parts, and what a short one does not need falls to the longer
 * ones: a long prompt holds up nobody, and gets on in every step.
 */

/** What has to be known of a sequence. */
export interface Plannable {
  readonly number: number;
  /** Tokens that are not computed yet, at least 1. */
  readonly remaining: number;
  /** Whether all that is missing is the token that was generated last. */
  readonly isGenerating: boolean;
  /** The number of the last step that it was part of, or that had begun when it was admitted. */
  readonly lastStep: number;
  /** How many of the next `most` tokens can be computed with so many outputs. */
  countFor(most: number, outputs: number): number;
  /** How many outputs the next `count` tokens need. */
  outputsOf(count: number): number;
}

/** The next `count` tokens of a sequence. */
export interface Chunk<T> {
  readonly task: T;
  readonly count: number;
}

/** What a step has room for. */
export interface StepRoom {
  readonly tokens: number;
  readonly outputs: number;
}

/** @param step number of the step that is planned */
export function planStep<T extends Plannable>(tasks: readonly T[], room: StepRoom, step: number): Chunk<T>[] {
  const byTurn = tasks.toSorted((a, b) => a.lastStep - b.lastStep || a.number - b.number);
  const generating = byTurn.filter((task) => task.isGenerating);
  const beginning = byTurn.filter((task) => !task.isGenerating);
  const places = Math.min(room.tokens, room.outputs);
  const chunks: Chunk<T>[] = generating
    .slice(0, places - placesKept(places, generating, beginning))
    .map((task) => ({ task, count: 1 }));
  let tokens = room.tokens - chunks.length;
  let outputs = room.outputs - chunks.reduce((sum, { task }) => sum + task.outputsOf(1), 0);
  const order = beginning.toSorted((a, b) => turnOf(a, step) - turnOf(b, step) || a.remaining - b.remaining);
  for (const [i, task] of order.entries()) {
    const left = order.length - i;
    const count = task.countFor(share(tokens, left), share(outputs, left));
    if (count === 0) continue;
    tokens -= count;
    outputs -= task.outputsOf(count);
    chunks.push({ task, count });
  }
  return chunks;
}

/** Places of those that generate which are kept for who begins, lest it never does when there are few. */
function placesKept(
  places: number,
  generating: readonly Plannable[],
  beginning: readonly Plannable[],
): number {
  const [first] = beginning;
  if (first === undefined || generating.length < places) return 0;
  // With a single place they take turns.
  return places > 1 || first.lastStep < generating[0]!.lastStep ? 1 : 0;
}

/** Those that a step had no room for go first in the next one, the longest neglected before the others. */
function turnOf({ lastStep }: Plannable, step: number): number {
  return Math.min(lastStep, step - 1);
}

function share(room: number, left: number): number {
  return Math.min(room, Math.max(1, Math.floor(room / left)));
}
