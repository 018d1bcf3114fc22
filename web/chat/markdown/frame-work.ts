/**
 * Work that the page does beside everything else: a few milliseconds in each frame, for all texts together, so that neither a
 * long answer nor many of them stop scrolling or typing. Where the page is not seen there are no frames, and timers take over.
 */

/** Something that goes on until it is done. */
export interface FrameTask {
  /** @returns false when it wants to go on in the next frame */
  run(deadline: number): boolean;
}

const FRAME_BUDGET_MS = 4;
const UNSEEN_INTERVAL_MS = 200;
const waiting = new Set<FrameTask>();
let isScheduled = false;
let spentUntil = 0;

/** Has a task run in the next frames. */
export function runInFrames(task: FrameTask): void {
  waiting.add(task);
  schedule();
}

/** Forgets a task. */
export function stopInFrames(task: FrameTask): void {
  waiting.delete(task);
}

/** Until when work may be done at once; all that ask before the next frame share one budget. */
export function immediateDeadline(): number {
  const now = performance.now();
  if (now > spentUntil + FRAME_BUDGET_MS) spentUntil = now + FRAME_BUDGET_MS;
  return spentUntil;
}

function schedule(): void {
  if (isScheduled) return;
  isScheduled = true;
  if (document.hidden) setTimeout(runAll, UNSEEN_INTERVAL_MS);
  else requestAnimationFrame(runAll);
}

function runAll(): void {
  isScheduled = false;
  const deadline = performance.now() + FRAME_BUDGET_MS;
  for (const task of [...waiting]) {
    if (performance.now() > deadline) break;
    // At the end of the line, so that each has its turn.
    waiting.delete(task);
    if (!task.run(deadline)) waiting.add(task);
  }
  if (waiting.size > 0) schedule();
}
