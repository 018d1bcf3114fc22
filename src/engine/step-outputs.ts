/**
 * What a step can be asked for, and what it answers: all logits of a token, or, from a head that has a 4-bit plane, the
 * largest and some chosen ones without reading all of the head, or the final hidden state without the head. A step's outputs are arranged here for the forward pass
 * and read off the heap after it.
 */
import { assert } from '../base/assert.ts';
import type { Heap } from '../kernels/heap.ts';
import { type Kernels, rowStride } from '../kernels/kernels.ts';
import { isTooWide } from '../model/forward/output-head.ts';
import { type BatchOutputs, hasPlane, type ModelPlan, type ScreenedOutput } from '../model/plan.ts';
import { candidateSlot, candidateStride, MOST_SCREENED } from '../model/screen-space.ts';

/** Which of a token's logits are wanted. */
export interface LogitsRequest {
  /** How many of the largest; undefined for all logits. */
  readonly top?: number;
  /** Ids whose logits are wanted whatever they are. */
  readonly include?: readonly number[];
  /** Ids from here on need not be among the largest; default all may be. */
  readonly below?: number;
}

/** An output of a step. */
export interface OutputRequest extends LogitsRequest {
  /** Index into the item's tokens. */
  readonly index: number;
  /** Asks for the final hidden state (behind the output norm, what the head reads) in place of logits. */
  readonly state?: true;
}

/** Logits of one token: all of them, or the wanted ones and some others. They have the same bits either way. */
export interface TokenLogits {
  /** Empty where the hidden state was asked for. */
  readonly logits: Float32Array;
  /** Rising, `logits[i]` is that of token `ids[i]`; undefined when `logits[i]` is that of token i. */
  readonly ids?: Int32Array;
  /** The largest were asked for, and all of the head had to be read. */
  readonly isFallback?: true;
  /** f32 [embeddingLength], where it was asked for; the caller's to change. */
  readonly state?: Float32Array;
}

/** Outputs in the order of a pass, screened ones first and hidden states last. */
export interface ArrangedOutputs {
  readonly batch: BatchOutputs;
  /** Which of the requests each is. */
  readonly requests: readonly number[];
}

/** An output with the token of the batch that it belongs to, in place of an item's. */
export type BatchOutput = Omit<OutputRequest, 'index'> & { readonly row: number };

/**
 * Orders a step's outputs, and puts the tokens that they belong to and the ids that they name where the forward pass finds
 * them.
 */
export function arrangeOutputs(
  heap: Heap,
  plan: ModelPlan,
  outputs: readonly BatchOutput[],
): ArrangedOutputs {
  const { screen, config, work } = plan;
  const order = [...outputs.keys()];
  const withLogits = order.filter((o) => !outputs[o]!.state);
  const states = order.filter((o) => outputs[o]!.state);
  const isScreened = (o: number) => screen !== undefined && canScreen(outputs[o]!);
  const withHead = [...withLogits.filter(isScreened), ...withLogits.filter((o) => !isScreened(o))];
  assert(withHead.length <= work.outputs, `a step of ${withHead.length} outputs with logits`);
  assert(states.length <= work.tokens, `a step of ${states.length} hidden states`);
  const rowsOf = (requests: readonly number[]) => requests.map((o) => outputs[o]!.row);
  heap.i32(work.outputRows, withHead.length).set(rowsOf(withHead));
  heap.i32(work.stateRows, states.length).set(rowsOf(states));
  const screened: ScreenedOutput[] = [];
  for (const o of withLogits.filter(isScreened)) {
    const { top, include = [], below = config.vocabularySize } = outputs[o]!;
    heap.i32(screen!.includedIds + 4 * screened.length * MOST_SCREENED, include.length).set(include);
    screened.push({ top: top!, below, included: include.length });
  }
  const full = withHead.length - screened.length;
  return { batch: { screened, full, states: states.length }, requests: [...withHead, ...states] };
}

function canScreen({ top, include = [], below = Number.POSITIVE_INFINITY }: LogitsRequest): boolean {
  if (top === undefined) return false;
  assert(Number.isInteger(top) && top >= 1, `a request for the ${top} largest logits`);
  return top <= MOST_SCREENED && include.length <= MOST_SCREENED && below >= 1;
}

/** What the output that is number `o` of a pass asked for. */
export function readOutput(
  heap: Heap,
  kernels: Kernels,
  plan: ModelPlan,
  { screened, full }: BatchOutputs,
  o: number,
  into: Float32Array | undefined,
): TokenLogits {
  const before = screened.length + full;
  if (o >= before) return { logits: NONE, state: readState(heap, plan, o - before) };
  const output = screened[o];
  const isFallback =
    output !== undefined && isTooWide({ heap, kernels, count: plan.screen!.members }, plan, o);
  if (output !== undefined && !isFallback) return readScreened(heap, kernels, plan, output, o);
  const { vocabularySize } = plan.config;
  const logits = into ?? new Float32Array(vocabularySize);
  logits.set(heap.f32(plan.work.logits + 4 * o * rowStride(vocabularySize), vocabularySize));
  return isFallback ? { logits, isFallback } : { logits };
}

const NONE = new Float32Array(0);

function readState(heap: Heap, { work, config }: ModelPlan, s: number): Float32Array {
  const { embeddingLength: n } = config;
  return heap.f32(work.input + 4 * s * rowStride(n), n).slice();
}

function readScreened(
  heap: Heap,
  kernels: Kernels,
  { head, screen, work }: ModelPlan,
  { included }: ScreenedOutput,
  o: number,
): TokenLogits {
  assert(hasPlane(head) && screen !== undefined, 'a screened output of a head without a plane');
  const { members } = screen;
  const counts = heap.i32(screen.counts, work.outputs * members).subarray(o * members, (o + 1) * members);
  const skip = 4 * o * MOST_SCREENED;
  const named = heap.i32(screen.includedIds + skip, included);
  const namedLogits = heap.f32(screen.includedLogits + skip, included);
  const rest = new Map(Array.from(named, (id, i) => [id, namedLogits[i]!]));
  const most = counts.reduce((sum, count) => sum + count, rest.size);
  const ids = new Int32Array(most);
  const logits = new Float32Array(most);
  let length = 0;
  for (let index = 0; index < members; index++) {
    const { start } = candidateSlot({ index, count: members }, head.rows, kernels);
    const at = 4 * (o * candidateStride(head.rows) + start);
    ids.set(heap.i32(screen.ids + at, counts[index]!), length);
    logits.set(heap.f32(screen.logits + at, counts[index]!), length);
    length += counts[index]!;
  }
  for (let i = 0; i < length && rest.size > 0; i++) rest.delete(ids[i]!);
  insertSorted(
    ids,
    logits,
    length,
    [...rest].sort(([a], [b]) => a - b),
  );
  length += rest.size;
  return { logits: logits.subarray(0, length), ids: ids.subarray(0, length) };
}

/** Merges entries of rising ids into the first `length` ones, which have rising ids as well and none of theirs. */
function insertSorted(
  ids: Int32Array,
  logits: Float32Array,
  length: number,
  entries: readonly (readonly [id: number, logit: number])[],
): void {
  let from = length - 1;
  for (let next = entries.length - 1; next >= 0; next--) {
    const [id, logit] = entries[next]!;
    for (; from >= 0 && ids[from]! > id; from--) {
      ids[from + next + 1] = ids[from]!;
      logits[from + next + 1] = logits[from]!;
    }
    ids[from + next + 1] = id;
    logits[from + next + 1] = logit;
  }
}
