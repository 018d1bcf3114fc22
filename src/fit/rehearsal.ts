/**
 * Runs the engine's own forward pass over models that have dims and no content, to learn what steps cost without a file:
 * the real kernels, threads and barriers, over a pool of memory that the layers' weights share. What such a model answers
 * means nothing. Speed does not depend on the weights' values but for the rows of the head that are scored exactly, which
 * the caller adds.
 */
import { Worker } from '#platform';
import { createRandom } from '../base/random.ts';
import { Engine } from '../engine/engine.ts';
import { createPrograms } from '../engine/programs.ts';
import type { Backend } from '../kernels/backend.ts';
import { DenseFormat, denseBytes, KvFormat, rowStride } from '../kernels/kernels.ts';
import { createTeam, type Team } from '../kernels/team/team.ts';
import { ARCHITECTURES, LAYER_TENSORS, type LayerMatrix } from '../model/architecture.ts';
import type { ModelConfig } from '../model/config.ts';
import { matrixDims } from '../model/loading/model-shape.ts';
import type { DenseMatrix, LayerPlan, Matrix, ModelPlan } from '../model/plan.ts';
import { ropeTableBytes } from '../model/rope-table.ts';
import { allocateScreenSpace } from '../model/screen-space.ts';
import { allocateWorkSpace } from '../model/work-space.ts';

/** Most tokens of a step: what prefill computes at once. */
export const CHUNK_TOKENS = 64;
/** Positions that caches have room for. */
const CONTEXT = 1024;
const LONGEST_VECTOR = 16384;
/** Larger than any base-3 byte is never written: five trits are at most 242. */
const TRIT_BYTES = 243;
/** Steps of less are timed several at once: clocks of browsers are coarse. */
const LEAST_TIMED_MS = 1;
const LEAST_SAMPLES = 3;
/** Rows of a rehearsed head that are scored exactly. */
const FOUND_ROWS = 16;

/** A step to be timed. */
export interface RehearsedStep {
  readonly tokens: number;
  /** Positions that the cache holds before it. */
  readonly position: number;
  /** The logits of a token, of a head with a plane; or nothing but the layers. */
  readonly hasLogits: boolean;
}

/** One number of threads on one backend. */
export class Rehearsal {
  readonly #backend: Backend;
  readonly #team: Team;
  readonly #pool: number;
  readonly #poolBytes: number;
  readonly #ones: number;
  readonly #ropeTable: number;

  private constructor(backend: Backend, team: Team, pool: number, poolBytes: number) {
    this.#backend = backend;
    this.#team = team;
    this.#pool = pool;
    this.#poolBytes = poolBytes;
    this.#ones = backend.heap.allocate(4 * LONGEST_VECTOR);
    backend.heap.f32(this.#ones, LONGEST_VECTOR).fill(1);
    this.#ropeTable = backend.heap.allocate(ropeTableBytes(CONTEXT, 256));
  }

  /** Starts the threads. `pool` is of {@link fillPool}. */
  static async start(backend: Backend, threads: number, pool: number, poolBytes: number): Promise<Rehearsal> {
    const { kernels } = backend;
    const team = await createTeam({
      backend,
      workers: threads,
      spawn: () => new Worker(new URL('../engine/worker.js', import.meta.url), { type: 'module' }),
      programs: createPrograms(),
      scratchBytes: kernels.attentionScratchBytes(64, 64, 256),
    });
    return new Rehearsal(backend, team, pool, poolBytes);
  }

  /**
   * A model of these dims; with `headRows`, a head with a plane in place of layers.
   *
   * @param isInt8Cache whether keys and values are 8-bit
   */
  async model(config: ModelConfig, headRows = 0, isInt8Cache = false): Promise<RehearsedModel> {
    const { heap } = this.#backend;
    const head = headRows === 0 ? this.#table(64, config.embeddingLength) : this.#head(headRows, config);
    const sized = { ...config, vocabularySize: head.rows };
    const plan: ModelPlan = {
      config: sized,
      embedding: this.#table(64, config.embeddingLength),
      embeddingScale: 1,
      layers: headRows === 0 ? this.#layers(sized) : [],
      outputNorm: this.#ones,
      head,
      ropeTable: this.#ropeTable,
      work: allocateWorkSpace(this.#backend, sized, CHUNK_TOKENS, 1, CONTEXT),
      screen: headRows === 0 ? undefined : allocateScreenSpace({ heap }, sized, 1, this.#team.count),
    };
    await this.#team.run('useModel', plan);
    const engine = new Engine({
      backend: this.#backend,
      team: this.#team,
      plan,
      contextLength: CONTEXT,
      kvFormat: isInt8Cache ? KvFormat.Q8 : KvFormat.F16,
      backendNotes: [],
      warnings: [],
    });
    return new RehearsedModel(engine);
  }

  /** Seconds of reading a span of the pool with all threads. */
  async readSeconds(bytes: number): Promise<number> {
    const spans = [[this.#pool, Math.floor(Math.min(bytes, this.#poolBytes) / 64) * 64]];
    return typicalSeconds(() => this.#team.run('readSpans', spans), 30);
  }

  /** Threads that compute. */
  get threads(): number {
    return this.#team.count;
  }

  /** Ends the threads. */
  dispose(): Promise<void> {
    return this.#team.dispose();
  }

  /** Layers one behind the other in the pool, from its start again where it ends. */
  #layers(config: ModelConfig): LayerPlan[] {
    const { kernels } = this.#backend;
    const dims = matrixDims(config);
    const { vectors } = ARCHITECTURES.get(config.architecture)!;
    let next = 0;
    return Array.from({ length: config.blockCount }, () => {
      const layer = LAYER_TENSORS.map((tensor): [string, Matrix | number] => {
        if (!(tensor in dims)) return [tensor, vectors.includes(tensor) ? this.#ones : 0];
        const [rows, columns] = dims[tensor as LayerMatrix];
        const bytes = Math.ceil(kernels.ternaryBytes(rows, columns) / 64) * 64;
        if (next + bytes > this.#poolBytes) next = 0;
        const address = this.#pool + next;
        next += bytes;
        return [tensor, { kind: 'ternary', address, scale: 1e-3, rows, columns }];
      });
      return Object.fromEntries(layer) as unknown as LayerPlan;
    });
  }

  /** A table of zeros but for its first row of ones. */
  #table(rows: number, columns: number): DenseMatrix {
    const { heap } = this.#backend;
    const address = heap.allocate(denseBytes(DenseFormat.F32, rows, columns));
    heap.f32(address, columns).fill(1);
    return { kind: 'dense', address, format: DenseFormat.F32, rows, columns };
  }

  /**
   * A head whose screening finds its first rows and no others: those are rows of ones with wide margins, and as half of
   * them have scales below zero, one has a coarse score above all others; the rest are zeros, as their coarse scores are
   * but for less than their margins. The plane's codes are those of the pool.
   */
  #head(rows: number, { embeddingLength }: ModelConfig): DenseMatrix {
    const { heap } = this.#backend;
    const address = heap.allocate(denseBytes(DenseFormat.F16, rows, embeddingLength));
    // 0x3c3c is 1.06 as a half; untouched rows are zeros and take no memory.
    heap.u8(address, 2 * FOUND_ROWS * rowStride(embeddingLength)).fill(0x3c);
    const scales = heap.allocate(4 * rows);
    const errors = heap.allocate(4 * rows);
    const random = createRandom(2);
    heap.f32(scales, rows).set(Float32Array.from({ length: rows }, () => 1e-7 * (1 + random.below(64))));
    heap.f32(errors, rows).fill(0.05);
    for (let row = 0; row < FOUND_ROWS; row++) {
      heap.f32(scales, rows)[row] = row % 2 === 0 ? 1e-3 : -1e-3;
      heap.f32(errors, rows)[row] = 1e6;
    }
    const plane = { address: this.#pool, scales, errors };
    return { kind: 'dense', address, format: DenseFormat.F16, rows, columns: embeddingLength, plane };
  }
}

/** A model without content that can be stepped. */
export class RehearsedModel {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** Seconds of a step, of as many as fit into some milliseconds. */
  async seconds(step: RehearsedStep, milliseconds: number): Promise<number> {
    const { position, tokens, hasLogits } = step;
    const { pool } = this.#engine.loaded;
    const cache = this.#engine.allocateCache();
    try {
      pool.reserve([{ cache, position: 0, count: position }]);
      const ids = new Array<number>(tokens).fill(0);
      const output = { index: tokens - 1, ...(hasLogits ? { top: 1 } : { state: true as const }) };
      return await typicalSeconds(
        () => this.#engine.step([{ cache, position, tokens: ids, outputs: [output] }]),
        milliseconds,
      );
    } finally {
      this.#engine.freeCache(cache);
    }
  }

  /** Whether the head was screened as it was meant to be. */
  get fallbacks(): number {
    return this.#engine.headStatistics.fallbacks;
  }
}

/** Fills a pool with bytes that could be weights of any backend; the same bytes over and over would be as good for time. */
export function fillPool({ heap }: Backend, bytes: number): number {
  const address = heap.allocate(bytes);
  const random = createRandom(1);
  const piece = Uint8Array.from({ length: 2 ** 18 }, () => random.below(TRIT_BYTES));
  for (let done = 0; done < bytes; done += piece.length) {
    const length = Math.min(piece.length, bytes - done);
    heap.u8(address + done, length).set(piece.subarray(0, length));
  }
  return address;
}

/**
 * Median seconds of an operation, after one run that does not count: what else the machine does belongs to it, a single
 * pause does not.
 */
export async function typicalSeconds(run: () => Promise<unknown>, milliseconds: number): Promise<number> {
  const time = async (times: number) => {
    const start = performance.now();
    for (let i = 0; i < times; i++) await run();
    return (performance.now() - start) / times;
  };
  await run();
  const first = await time(1);
  const times = Math.max(1, Math.ceil(LEAST_TIMED_MS / Math.max(first, 1e-3)));
  const samples: number[] = [];
  const start = performance.now();
  while (samples.length < LEAST_SAMPLES || performance.now() - start < milliseconds) {
    samples.push(await time(times));
  }
  return samples.sort((a, b) => a - b)[samples.length >> 1]! / 1000;
}
