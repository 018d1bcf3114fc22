/** Makes a {@link TrainingModel}: chooses a backend, starts the team, allocates, and runs passes over it. */
import { Worker } from '#platform';
import { assert } from '../../base/assert.ts';
import type { Backend } from '../../kernels/backend.ts';
import type { BackendName } from '../../kernels/backend-name.ts';
import { rowStride } from '../../kernels/kernels.ts';
import { selectBackend } from '../../kernels/select.ts';
import { createTeam, type Team } from '../../kernels/team/team.ts';
import type { Described } from '../../model/config.ts';
import type { Precision } from '../config.ts';
import { createTrainingPrograms } from '../programs.ts';
import { initialiseParameter } from './initialise.ts';
import { forWindows } from './loss.ts';
import { makePlan, projectionsOf } from './make-plan.ts';
import { layOutParameters, type ParameterTable } from './parameters.ts';
import type { TrainingPlan } from './plan.ts';
import { checkTrainingFits, planTrainingMemory, scratchBytes, spaceOf } from './space.ts';
import { countsOf } from './ternary-weights.ts';
import type { LossSum, TernaryCounts, TrainingModel } from './training-model.ts';

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
    return new RunningModel(parts, plan);
  } catch (error) {
    await team?.dispose();
    backend.dispose();
    throw error;
  }
}

/** What a {@link TrainingModel} has beside its methods. */
type Parts = Pick<
  TrainingModel,
  | 'described'
  | 'precision'
  | 'parameters'
  | 'backend'
  | 'team'
  | 'weights'
  | 'gradients'
  | 'firstMoments'
  | 'secondMoments'
  | 'microSequences'
>;

class RunningModel implements TrainingModel {
  readonly described: Described;
  readonly precision: Precision;
  readonly parameters: ParameterTable;
  readonly backend: Backend;
  readonly team: Team;
  readonly weights: number;
  readonly gradients: number;
  readonly firstMoments: number;
  readonly secondMoments: number;
  readonly microSequences: number;
  readonly #plan: TrainingPlan;

  constructor(parts: Parts, plan: TrainingPlan) {
    this.described = parts.described;
    this.precision = parts.precision;
    this.parameters = parts.parameters;
    this.backend = parts.backend;
    this.team = parts.team;
    this.weights = parts.weights;
    this.gradients = parts.gradients;
    this.firstMoments = parts.firstMoments;
    this.secondMoments = parts.secondMoments;
    this.microSequences = parts.microSequences;
    this.#plan = plan;
  }

  initialise(seed: number): void {
    for (const parameter of this.parameters.list) {
      const out = this.backend.heap.f32(this.weights + 4 * parameter.offset, parameter.elements);
      initialiseParameter(out, parameter, this.described.config, seed);
    }
  }

  async prepareWeights(): Promise<readonly TernaryCounts[]> {
    if (this.precision === 'f32') return [];
    await this.team.run('prepareWeights', undefined);
    return projectionsOf(this.#plan, this.parameters).map(({ name, projection }) =>
      countsOf(this.backend.heap, name, projection),
    );
  }

  async clearGradients(): Promise<void> {
    await this.team.run('clear', { address: this.gradients, elements: this.parameters.elements });
  }

  async accumulateGradients(rows: Int32Array, scale: number): Promise<LossSum> {
    const sequences = this.#takeRows(rows);
    await this.team.run('accumulate', { ...sequences, scale });
    return this.#sumLosses(sequences.count * sequences.length);
  }

  async score(rows: Int32Array): Promise<LossSum> {
    const sequences = this.#takeRows(rows);
    await this.team.run('score', sequences);
    return this.#sumLosses(sequences.count * sequences.length);
  }

  async logits(tokens: Int32Array): Promise<Float32Array> {
    const { contextLength, vocabularySize } = this.described.config;
    const length = tokens.length;
    assert(length >= 1 && length <= contextLength, `${length} tokens in a context of ${contextLength}`);
    const { heap } = this.backend;
    const { work } = this.#plan;
    assert(
      tokens.every((id) => id >= 0),
      'padding among the tokens',
    );
    this.#checkIds(tokens);
    heap.i32(work.ids, length).set(tokens);
    const sequences = { count: 1, length };
    await this.team.run('forward', sequences);
    const logits = new Float32Array(length * vocabularySize);
    const windows: (readonly [start: number, end: number])[] = [];
    forWindows(this.#plan, sequences, (start, end) => windows.push([start, end]));
    const stride = rowStride(vocabularySize);
    for (const [start, end] of windows) {
      await this.team.run('logits', { ...sequences, start, end });
      const found = heap.f32(work.logits, (end - start) * stride);
      for (let t = start; t < end; t++) {
        const from = (t - start) * stride;
        logits.set(found.subarray(from, from + vocabularySize), t * vocabularySize);
      }
    }
    return logits;
  }

  async dispose(): Promise<void> {
    await this.team.dispose();
    this.backend.dispose();
  }

  /** Puts inputs and targets on the heap. */
  #takeRows(rows: Int32Array): { count: number; length: number } {
    const length = this.described.config.contextLength;
    const count = rows.length / (length + 1);
    assert(Number.isInteger(count) && count >= 1 && count <= this.microSequences, `${count} rows of tokens`);
    this.#checkIds(rows);
    const { heap } = this.backend;
    const ids = heap.i32(this.#plan.work.ids, count * length);
    const targets = heap.i32(this.#plan.work.targets, count * length);
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

  #checkIds(ids: Int32Array): void {
    const { vocabularySize } = this.described.config;
    assert(
      ids.every((id) => id < vocabularySize),
      `a token beyond the vocabulary of ${vocabularySize}`,
    );
  }

  #sumLosses(tokens: number): LossSum {
    const { work } = this.#plan;
    const losses = this.backend.heap.f32(work.losses, tokens);
    let targets = 0;
    for (const target of this.backend.heap.i32(work.targets, tokens)) if (target >= 0) targets++;
    return { loss: losses.reduce((sum, loss) => sum + loss, 0), targets };
  }
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
