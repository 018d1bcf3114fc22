/**
 * From the residual stream to final hidden states, and from those to logits. A full output multiplies the whole head. A
 * screened one asks for the largest logits only, and they are exact: a 4-bit plane of the head gives coarse scores of all
 * rows, the best of them are scored exactly, and so is every row whose coarse score is within a margin of those
 * (docs/numerics.md, "Screened head"). Where there is no room for all such rows, or a score is off by more than its
 * margin, the whole head is read after all.
 *
 * Every thread runs this, screens its own rows, and takes the same decisions from what all of them wrote.
 */
import { DenseFormat, rowStride } from '../../kernels/kernels.ts';
import { type Member, share } from '../../kernels/team/member.ts';
import {
  type Batch,
  type DenseMatrix,
  hasPlane,
  type Int4Plane,
  type ModelPlan,
  type ScreenedOutput,
} from '../plan.ts';
import { candidateSlot, candidateStride, MOST_SCREENED, type ScreenSpace } from '../screen-space.ts';
import { norm, prepare, project } from './operations.ts';

/** Standard errors of a coarse score that its margin is wide. */
const MARGIN = 8;

/**
 * Logits of the wanted tokens, the screened ones' in the model's screen space, the others' in work.logits; hidden states
 * that are wanted themselves in work.input.
 */
export function outputHead(member: Member, model: ModelPlan, batch: Batch): void {
  const { screened, full, states } = batch.outputs;
  const { work, head, screen } = model;
  pickStates(member, model, work.input, work.stateRows, states);
  // A member quantises the screened rows that it picked itself, so those are shared out on their own.
  pickStates(member, model, work.hidden, work.outputRows, screened.length);
  const skip = 4 * screened.length;
  pickStates(member, model, work.hidden + skip * rowStride(head.columns), work.outputRows + skip, full);
  if (screened.length === 0) {
    if (full === 0) return;
    prepare(member, model, [head], work.hidden, full);
    project(member, model, head, work.logits, work.hidden, full);
    return;
  }
  if (!hasPlane(head) || screen === undefined) {
    throw new Error('internal error: a screened output of a head without a plane');
  }
  const [t0, t1] = share(member, screened.length);
  member.kernels.quantize16(work.quantized, work.hidden, head.columns, t0, t1);
  member.barrier();
  new HeadScreen(member, model, head, head.plane, screen).run(screened, full);
}

/** out = norm(x) of this member's part of the `count` tokens that the i32 at `rows` name. */
function pickStates(member: Member, model: ModelPlan, out: number, rows: number, count: number): void {
  const { work, config, outputNorm } = model;
  const [r0, r1] = share(member, count);
  if (r0 === r1) return;
  // Picking rows of the residual stream is a look-up in a dense f32 table.
  member.kernels.embed(out, rows, work.x, DenseFormat.F32, 1, config.embeddingLength, r0, r1);
  norm(member, model, out, out, outputNorm, config.embeddingLength, count);
}

/** One member's work on the screened outputs of a step. */
class HeadScreen {
  readonly #member: Member;
  readonly #model: ModelPlan;
  readonly #head: DenseMatrix;
  readonly #plane: Int4Plane;
  readonly #screen: ScreenSpace;

  constructor(member: Member, model: ModelPlan, head: DenseMatrix, plane: Int4Plane, screen: ScreenSpace) {
    this.#member = member;
    this.#model = model;
    this.#head = head;
    this.#plane = plane;
    this.#screen = screen;
  }

  run(screened: readonly ScreenedOutput[], full: number): void {
    const { work } = this.#model;
    const { rows, columns } = this.#head;
    const { r0, r1 } = this.#slot(this.#member.index);
    const { kernels } = this.#member;
    const { address, scales } = this.#plane;
    if (full > 0) this.#readWhole(screened.length, full);
    kernels.int4Matmul(
      work.logits,
      rowStride(rows),
      work.quantized,
      address,
      scales,
      columns,
      screened.length,
      r0,
      r1,
    );
    for (const [o, output] of screened.entries()) this.#scoreBest(o, output);
    this.#member.barrier();
    for (const [o, output] of screened.entries()) this.#scoreCandidates(o, output);
    this.#member.barrier();
    for (const o of screened.keys()) if (isTooWide(this.#member, this.#model, o)) this.#readWhole(o, 1);
  }

  /** Exact scores of the best coarse ones among this member's rows, and of its part of the rows asked for by id. */
  #scoreBest(o: number, output: ScreenedOutput): void {
    const { index, kernels } = this.#member;
    const { includedIds, includedLogits } = this.#screen;
    const { ids, logits, count } = this.#best(o, output, index);
    const { r0 } = this.#slot(index);
    kernels.selectTop(ids, this.#scores(o), count, r0, r0 + this.#rowsBelow(index, output));
    this.#scoreExactly(o, logits, ids, 0, count);
    const [n0, n1] = share(this.#member, output.included);
    const skip = 4 * o * MOST_SCREENED;
    this.#scoreExactly(o, includedLogits + skip, includedIds + skip, n0, n1);
  }

  /** Exact scores of all of this member's rows that may be among the best. */
  #scoreCandidates(o: number, output: ScreenedOutput): void {
    const { index, kernels, heap } = this.#member;
    const { r0, start, capacity } = this.#slot(index);
    const { counts, members, ...screen } = this.#screen;
    const factor = this.#marginFactor(o);
    const threshold = this.#threshold(o, output, factor);
    let found = capacity + 1;
    if (threshold !== undefined) {
      const skip = 4 * (o * candidateStride(this.#head.rows) + start);
      const ids = screen.ids + skip;
      const r1 = r0 + this.#rowsBelow(index, output);
      const scores = this.#scores(o);
      found = kernels.selectAbove(ids, scores, this.#plane.errors, factor, threshold, capacity, r0, r1);
      if (found <= capacity) {
        this.#scoreExactly(o, screen.logits + skip, ids, 0, found);
        if (!this.#isWithinMargin(o, ids, screen.logits + skip, found, factor)) found = capacity + 1;
      }
    }
    heap.i32(counts, this.#model.work.outputs * members)[o * members + index] = found;
  }

  /**
   * The exact score that a row must be able to reach to be among the best; undefined when a coarse score is off by more
   * than its margin, so that none can be trusted.
   */
  #threshold(o: number, output: ScreenedOutput, factor: number): number | undefined {
    const { count: members, heap } = this.#member;
    const exact: number[] = [];
    for (let index = 0; index < members; index++) {
      const { ids, logits, count } = this.#best(o, output, index);
      if (!this.#isWithinMargin(o, ids, logits, count, factor)) return undefined;
      exact.push(...heap.f32(logits, count));
    }
    exact.sort((a, b) => b - a);
    return exact[Math.min(output.top, exact.length) - 1];
  }

  #isWithinMargin(o: number, ids: number, logits: number, count: number, factor: number): boolean {
    const { heap } = this.#member;
    const { rows } = this.#head;
    const scores = heap.f32(this.#scores(o), rows);
    const errors = heap.f32(this.#plane.errors, rows);
    const chosen = heap.i32(ids, count);
    const exact = heap.f32(logits, count);
    for (let i = 0; i < count; i++) {
      const score = scores[chosen[i]!]!;
      const margin = Math.fround(errors[chosen[i]!]! * factor);
      const logit = exact[i]!;
      if (!(logit <= Math.fround(score + margin) && logit >= Math.fround(score - margin))) return false;
    }
    return true;
  }

  /** What a row's error is multiplied with to give its margin: MARGIN * |h| / sqrt(K). */
  #marginFactor(o: number): number {
    const { columns: K } = this.#head;
    const hidden = this.#member.heap.f32(this.#hidden(o), K);
    let squares = 0;
    for (let k = 0; k < K; k++) squares += hidden[k]! * hidden[k]!;
    return Math.fround((MARGIN * Math.sqrt(squares)) / Math.sqrt(K));
  }

  /** Where a member's best coarse rows of an output lie, and how many there are. */
  #best(o: number, output: ScreenedOutput, index: number): { ids: number; logits: number; count: number } {
    const { topIds, topLogits, members } = this.#screen;
    const skip = 4 * (o * members + index) * MOST_SCREENED;
    const count = Math.min(output.top, this.#rowsBelow(index, output));
    return { ids: topIds + skip, logits: topLogits + skip, count };
  }

  /** How many of a member's rows are asked for at all. */
  #rowsBelow(index: number, { below }: ScreenedOutput): number {
    const { r0, r1 } = this.#slot(index);
    return Math.max(0, Math.min(r1, below) - r0);
  }

  #slot(index: number): ReturnType<typeof candidateSlot> {
    const { count, kernels } = this.#member;
    return candidateSlot({ index, count }, this.#head.rows, kernels);
  }

  #scoreExactly(o: number, out: number, ids: number, n0: number, n1: number): void {
    const { address, format, columns } = this.#head;
    this.#member.kernels.denseRows(out, this.#hidden(o), address, format, columns, ids, n0, n1);
  }

  /** This member's logits of `count` outputs, from the full-precision rows. */
  #readWhole(first: number, count: number): void {
    const { address, format, columns, rows } = this.#head;
    const { r0, r1 } = this.#slot(this.#member.index);
    const input = this.#hidden(first);
    const out = this.#scores(first);
    const stride = rowStride(rows);
    this.#member.kernels.denseMatmul(out, stride, input, address, format, columns, count, 0, r0, r1);
  }

  #scores(o: number): number {
    return this.#model.work.logits + 4 * o * rowStride(this.#head.rows);
  }

  #hidden(o: number): number {
    return this.#model.work.hidden + 4 * o * rowStride(this.#head.columns);
  }
}

/** Whether the whole head had to be read for a screened output: a member had no room, or met a score it cannot trust. */
export function isTooWide(
  {
    heap,
    kernels,
    count,
  }: Pick<Member, 'kernels' | 'count'> & { readonly heap: Pick<Member['heap'], 'i32'> },
  { screen, head, work }: ModelPlan,
  o: number,
): boolean {
  const { counts, members } = screen!;
  const found = heap.i32(counts, work.outputs * members).subarray(o * members, (o + 1) * members);
  return found.some((rows, index) => rows > candidateSlot({ index, count }, head.rows, kernels).capacity);
}
