/** Makes a {@link TrainingModel}: chooses a backend, starts the team, allocates, and runs passes over it. */
import { Worker } from '#platform';
import { assert } from '../../base/assert.ts';
import type { BackendName } from '../../kernels/backend-name.ts';
import { rowStride } from '../../kernels/kernels.ts';
import { selectBackend } from '../../kernels/select.ts';
import type { HeapView } from '../../kernels/team/member.ts';
import { createTeam, type Team } from '../../kernels/team/team.ts';
import type { Described, ModelConfig } from '../../model/config.ts';
import type { Precision } from '../config.ts';
import type { Sequences } from '../layers/attention.ts';
import { createTrainingPrograms } from '../programs.ts';
import { initialiseParameter } from './initialise.ts';
import { forWindows } from './loss.ts';
import { makePlan, projectionsOf } from './make-plan.ts';
import { layOutParameters } from './parameters.ts';
import type { TrainingPlan, WorkSpace } from './plan.ts';
import { checkTrainingFits, planTrainingMemory, scratchBytes, spaceOf } from './space.ts';
import { countsOf } from './ternary-weights.ts';
import type { LossSum, TrainingModel } from './training-model.ts';

/** What a model is made from. */
export interface TrainingModelOptions {
  /** Every length in it but the vocabulary's is a multiple of 16. */
  readonly described: Described;
  readonly tiedHead: boolean;
  readonly precision: Precision;
  /** Rows of tokens that a pass takes at most. */
  readonly microSequences: number;
  /** The fastest that works here, by default. */
  readonly backend?: BackendName | undefined;
  /** Worker threads; 0 computes on the calling thread. */
  readonly threads: number;
}

/**
 * A model with all of its weights zero: they are to be initialised, or read from a checkpoint.
 *
 * @throws BitnetError `backend/…`, `memory/…`
 */
export async function createTrainingModel(options: TrainingModelOptions): Promise<TrainingModel> {
  const { described, tiedHead, precision, microSequences, threads } = options;
  const { config, architecture } = described;
  checkLengths(described);
  const { backend } = await selectBackend(options.backend, threads > 0);
  let team: Team | undefined;
  try {
    const { heap, kernels } = backend;
    team = await createTeam({
      backend,
      workers: threads,
      spawn: () => new Worker(new URL('../worker.js', import.meta.url), { type: 'module' }),
      programs: createTrainingPrograms(),
      scratchBytes: scratchBytes(kernels, config).all,
    });
    const parameters = layOutParameters(config, architecture, tiedHead);
    const space = spaceOf(config, precision, microSequences);
    checkTrainingFits(planTrainingMemory(kernels, parameters, space), heap);
    const array = () => heap.allocate(4 * parameters.elements);
    const arrays = {
      weights: array(),
      gradients: array(),
      firstMoments: array(),
      secondMoments: array(),
    };
    const plan = makePlan({ described, parameters, precision, microSequences, heap, kernels, ...arrays });
    fillPositions(
      heap.i32(plan.rotary.positions, microSequences * config.contextLength),
      config.contextLength,
    );
    await team.run('useModel', plan);
    const parts = { described, precision, parameters, backend, team, microSequences, ...arrays };
    return runningModel(parts, plan);
  } catch (error) {
    await team?.dispose();
    backend.dispose();
    throw error;
  }
}

/** What a {@link TrainingModel} has beside its methods. */
type Parts = Omit<
  TrainingModel,
  'initialise' | 'prepareWeights' | 'clearGradients' | 'accumulateGradients' | 'score' | 'logits' | 'dispose'
>;

function runningModel(parts: Parts, plan: TrainingPlan): TrainingModel {
  const { backend, team, parameters } = parts;
  const { config } = parts.described;
  const { heap } = backend;
  const { work } = plan;
  return {
    ...parts,
    initialise(seed) {
      for (const parameter of parameters.list) {
        const out = heap.f32(parts.weights + 4 * parameter.offset, parameter.elements);
        initialiseParameter(out, parameter, config, seed);
      }
    },
    async prepareWeights() {
      if (parts.precision === 'f32') return [];
      await team.run('prepareWeights', undefined);
      return projectionsOf(plan, parameters).map(({ name, projection }) => countsOf(heap, name, projection));
    },
    async clearGradients() {
      await team.run('clear', { address: parts.gradients, elements: parameters.elements });
    },
    async accumulateGradients(rows, scale) {
      const sequences = takeRows(parts, work, rows);
      await team.run('accumulate', { ...sequences, scale });
      return sumLosses(heap, work, sequences);
    },
    async score(rows) {
      const sequences = takeRows(parts, work, rows);
      await team.run('score', sequences);
      return sumLosses(heap, work, sequences);
    },
    logits: (tokens) => logitsOf(parts, plan, tokens),
    async dispose() {
      await team.dispose();
      backend.dispose();
    },
  };
}

/** Puts inputs and targets on the heap. */
function takeRows(
  { described: { config }, backend: { heap }, microSequences }: Parts,
  work: WorkSpace,
  rows: Int32Array,
): Sequences {
  const length = config.contextLength;
  const count = rows.length / (length + 1);
  assert(Number.isInteger(count) && count >= 1 && count <= microSequences, `${count} rows of tokens`);
  checkIds(rows, config);
  const ids = heap.i32(work.ids, count * length);
  const targets = heap.i32(work.targets, count * length);
  for (let s = 0; s < count; s++) {
    const from = s * (length + 1);
    for (let t = 0; t < length; t++) {
      // Padding is at the end, where no other token sees it: as an input it may be any token.
      ids[s * length + t] = Math.max(rows[from + t]!, 0);
      targets[s * length + t] = rows[from + t + 1]!;
    }
  }
  return { count, length };
}

function sumLosses(heap: HeapView, work: WorkSpace, { count, length }: Sequences): LossSum {
  const losses = heap.f32(work.losses, count * length);
  let targets = 0;
  for (const target of heap.i32(work.targets, count * length)) if (target >= 0) targets++;
  return { loss: losses.reduce((sum, loss) => sum + loss, 0), targets };
}

async function logitsOf(
  { described: { config }, backend: { heap }, team }: Parts,
  plan: TrainingPlan,
  tokens: Int32Array,
): Promise<Float32Array> {
  const { contextLength, vocabularySize } = config;
  const { work } = plan;
  const length = tokens.length;
  assert(length >= 1 && length <= contextLength, `${length} tokens in a context of ${contextLength}`);
  assert(
    tokens.every((id) => id >= 0),
    'padding among the tokens',
  );
  checkIds(tokens, config);
  heap.i32(work.ids, length).set(tokens);
  const sequences = { count: 1, length };
  await team.run('forward', sequences);
  const logits = new Float32Array(length * vocabularySize);
  const windows: (readonly [start: number, end: number])[] = [];
  forWindows(plan, sequences, (start, end) => windows.push([start, end]));
  const stride = rowStride(vocabularySize);
  for (const [start, end] of windows) {
    await team.run('logits', { ...sequences, start, end });
    const found = heap.f32(work.logits, (end - start) * stride);
    for (let t = start; t < end; t++) {
      const from = (t - start) * stride;
      logits.set(found.subarray(from, from + vocabularySize), t * vocabularySize);
    }
  }
  return logits;
}

function checkIds(ids: Int32Array, { vocabularySize }: ModelConfig): void {
  assert(
    ids.every((id) => id < vocabularySize),
    `a token beyond the vocabulary of ${vocabularySize}`,
  );
}

function checkLengths({ config }: Described): void {
  const { embeddingLength, feedForwardLength, headLength, contextLength } = config;
  for (const length of [embeddingLength, feedForwardLength, headLength, contextLength]) {
    assert(length % 16 === 0, `a length of ${length}, not a multiple of 16`);
  }
}

/** 0, 1, … for each sequence. */
function fillPositions(positions: Int32Array, contextLength: number): void {
  for (let t = 0; t < positions.length; t++) positions[t] = t % contextLength;
}
