/**
 * Finds the rates of a backend with a number of threads, each from the rehearsals that differ in little else: models with
 * next to no weights tell what layers and steps cost, ever larger ones how fast weights are read from each cache and from
 * memory, long caches what attention costs.
 */
import type { Backend } from '../kernels/backend.ts';
import { DenseFormat, denseBytes } from '../kernels/kernels.ts';
import { ARCHITECTURES } from '../model/architecture.ts';
import type { ModelConfig } from '../model/config.ts';
import { matrixDims } from '../model/loading/model-shape.ts';
import type { AttentionCost, MachineRates, RatePoint } from './fit.ts';
import { CHUNK_TOKENS, Rehearsal } from './rehearsal.ts';
import { elementsOfLayer } from './step-costs.ts';

/** Where attention is measured; its cost grows with the positions. */
const FAR = 896;
const ARCHITECTURE = 'bitnet-b1.58';
/** Milliseconds that a measurement takes at least, short and long ones. */
const SHORT = 20;
const LONG = 100;
/** What is read from memory takes longer: bursts are faster than what a machine keeps up. */
const SUSTAINED = 250;
/** How often costs of microseconds are measured, whose difference counts: in turns, for what else the machine does. */
const REPEATS = 5;
/** Caches are not faster than memory by more than this, nor is more than this of a step beside its products. */
const MOST_CACHE_GAIN = 4;
const MOST_BESIDE = 0.6;

/** Heads that share keys by fours, and heads that do not. */
const GROUPED = { headCount: 16, headCountKv: 4, headLength: 128 };
const SINGLE = { headCount: 12, headCountKv: 12, headLength: 64 };

const TINY: ModelConfig = dims(128, 128, 24, { headCount: 2, headCountKv: 2, headLength: 64 });
const SMALL: ModelConfig = dims(768, 3072, 1, SINGLE);
const LARGE: ModelConfig = dims(2048, 5632, 1, GROUPED);

function dims(
  embeddingLength: number,
  feedForwardLength: number,
  blockCount: number,
  heads: Pick<ModelConfig, 'headCount' | 'headCountKv' | 'headLength'>,
): ModelConfig {
  const { activation, ggufRope } = ARCHITECTURES.get(ARCHITECTURE)!;
  return {
    architecture: ARCHITECTURE,
    vocabularySize: 64,
    contextLength: 2048,
    embeddingLength,
    feedForwardLength,
    blockCount,
    ...heads,
    ropeFreqBase: 10000,
    layerNormRmsEpsilon: 1e-5,
    activation,
    ropeStyle: ggufRope,
  };
}

/** Measures everything. `pool` is of fillPool. */
export async function measureRates(
  backend: Backend,
  threads: number,
  pool: number,
  poolBytes: number,
): Promise<MachineRates> {
  const rehearsal = await Rehearsal.start(backend, threads, pool, poolBytes);
  try {
    return await new RateFinder(backend, rehearsal, poolBytes).find(threads);
  } finally {
    await rehearsal.dispose();
  }
}

/** What a step costs that does not depend on its weights. */
interface FixedCosts {
  readonly secondsPerStep: number;
  readonly secondsPerLayer: number;
  readonly secondsPerElement: number;
}

class RateFinder {
  readonly #backend: Backend;
  readonly #rehearsal: Rehearsal;
  readonly #poolBytes: number;

  constructor(backend: Backend, rehearsal: Rehearsal, poolBytes: number) {
    this.#backend = backend;
    this.#rehearsal = rehearsal;
    this.#poolBytes = poolBytes;
  }

  async find(threads: number): Promise<MachineRates> {
    // The first passes are slow: their code is not compiled yet.
    await (await this.#rehearsal.model(TINY)).seconds({ tokens: 1, position: 1, hasLogits: false }, 100);
    const fixed = await this.#fixedCosts();
    const decodeCurve = await this.#decodeCurve(fixed);
    const head = await this.#head(fixed, decodeCurve);
    return {
      threads,
      ...fixed,
      decodeCurve,
      ...head,
      decodeBytesPerSecond: decodeCurve.at(-1)!.bytesPerSecond,
      readBytesPerSecond: this.#poolBytes / (await this.#rehearsal.readSeconds(this.#poolBytes)),
      ...(await this.#prefill()),
      ...(await this.#attention()),
      ...this.#loading(threads),
    };
  }

  /** From models whose weights hardly count: one layer and many of them tell a layer from a step. */
  async #fixedCosts(): Promise<FixedCosts> {
    const [one, many] = await inTurns(
      () => this.#decode({ ...TINY, blockCount: 1 }, SHORT / 2),
      () => this.#decode(TINY, SHORT / 2),
    );
    const secondsPerElement = this.#secondsPerElement();
    const perLayer = (many - one) / (TINY.blockCount - 1);
    return {
      secondsPerStep: Math.max(0, one - perLayer),
      secondsPerLayer: Math.max(0, perLayer - elementsOfLayer(TINY) * secondsPerElement),
      secondsPerElement,
    };
  }

  /** Norm and quantisation of a token's row, which one thread does. */
  #secondsPerElement(): number {
    const { heap, kernels } = this.#backend;
    const n = 4096;
    const [x, ones, out] = [heap.allocate(4 * n), heap.allocate(4 * n), heap.allocate(4 * n)];
    const q = heap.allocate(kernels.activationBytes(n));
    heap.f32(x, n).fill(0.5);
    heap.f32(ones, n).fill(1);
    const seconds = fastestSeconds(() => {
      kernels.rmsNorm(out, x, ones, 1e-5, n, 0, 1);
      kernels.quantize(q, out, n, 0, 1);
    });
    for (const address of [x, ones, out, q]) heap.free(address);
    return seconds / n;
  }

  async #decodeCurve(fixed: FixedCosts): Promise<RatePoint[]> {
    const points: RatePoint[] = [];
    const point = async (config: ModelConfig, layers: number) => {
      const bytes = layers * this.#layerBytes(config);
      const seconds = await this.#decode(
        { ...config, blockCount: layers },
        config === LARGE ? SUSTAINED : SHORT,
      );
      const rest =
        fixed.secondsPerStep +
        layers * (fixed.secondsPerLayer + elementsOfLayer(config) * fixed.secondsPerElement);
      points.push({ bytes, bytesPerSecond: bytes / Math.max(seconds - rest, (1 - MOST_BESIDE) * seconds) });
    };
    for (const megabytes of [4, 12, 20, 28, 40]) {
      await point(SMALL, Math.max(1, Math.round((megabytes * 1e6) / this.#layerBytes(SMALL))));
    }
    const most = Math.floor(this.#poolBytes / this.#layerBytes(LARGE));
    for (const share of [0.2, 1]) await point(LARGE, Math.max(1, Math.floor(most * share)));
    return points.sort((a, b) => a.bytes - b.bytes);
  }

  /** A small head and a large one; between them the curve follows that of the layers. */
  async #head(
    fixed: FixedCosts,
    decodeCurve: readonly RatePoint[],
  ): Promise<Pick<MachineRates, 'headCurve' | 'secondsPerHead'>> {
    const width = SMALL.embeddingLength;
    const { kernels } = this.#backend;
    const time = async (config: ModelConfig, rows: number, milliseconds: number) => {
      const model = await this.#rehearsal.model(config, rows);
      return model.seconds({ tokens: 1, position: 1, hasLogits: true }, milliseconds);
    };
    const fewRows = 512;
    const smallRows = 8192;
    const [few, small] = await inTurns(
      () => time(SMALL, fewRows, SHORT / 2),
      () => time(SMALL, smallRows, SHORT / 2),
    );
    const smallBytes = kernels.int4Bytes(smallRows, width);
    const fewBytes = kernels.int4Bytes(fewRows, width);
    const largeRows = Math.floor((0.4 * this.#poolBytes) / kernels.int4Bytes(16, LARGE.embeddingLength)) * 16;
    const large = await time(LARGE, largeRows, SUSTAINED);
    const largeBytes = kernels.int4Bytes(largeRows, LARGE.embeddingLength);
    const largePerByte = (large - Math.min(few, large / 2)) / (largeBytes - fewBytes);
    const largeRate = 1 / largePerByte;
    const perByte = Math.max((small - few) / (smallBytes - fewBytes), largePerByte / MOST_CACHE_GAIN);
    const secondsPerHead = Math.max(0, few - fewBytes * perByte - fixed.secondsPerStep);
    const [near, far] = [decodeCurve[0]!, decodeCurve.at(-1)!];
    // Where the layers' curve falls from the caches' rate to that of memory, this one does.
    const headCurve = decodeCurve.map(({ bytes, bytesPerSecond }) => {
      const range = 1 / far.bytesPerSecond - 1 / near.bytesPerSecond;
      const share = range === 0 ? 0 : (1 / bytesPerSecond - 1 / near.bytesPerSecond) / range;
      const depth = Math.min(1, Math.max(0, share));
      return { bytes, bytesPerSecond: 1 / ((1 - depth) * perByte + depth / largeRate) };
    });
    return { headCurve, secondsPerHead };
  }

  /** Two widths tell products, which grow with its square, from norms, which grow with it. */
  async #prefill(): Promise<
    Pick<MachineRates, 'prefillMacsPerSecond' | 'prefillSecondsPerElement' | 'denseMacsPerSecond'>
  > {
    const perToken = async (config: ModelConfig, layers: number, milliseconds: number) => {
      const model = await this.#rehearsal.model({ ...config, blockCount: layers });
      const step = { tokens: CHUNK_TOKENS, position: 0, hasLogits: false };
      return (await model.seconds(step, milliseconds)) / CHUNK_TOKENS / layers;
    };
    const [small, large] = [await perToken(SMALL, 4, LONG), await perToken(LARGE, 2, LONG)];
    const [m1, m2, e1, e2] = [macsOf(SMALL), macsOf(LARGE), elementsOfLayer(SMALL), elementsOfLayer(LARGE)];
    const perMac = (large * e1 - small * e2) / (m2 * e1 - m1 * e2);
    const isSound = perMac > 0 && small > m1 * perMac;
    return {
      prefillMacsPerSecond: isSound ? 1 / perMac : m2 / large,
      prefillSecondsPerElement: isSound ? (small - m1 * perMac) / e1 : 0,
      denseMacsPerSecond: this.#denseRate(),
    };
  }

  /** Multiply-adds a second of f16 rows on all threads, from one thread's. */
  #denseRate(): number {
    const { heap, kernels } = this.#backend;
    const [K, M, T] = [1024, 256, CHUNK_TOKENS];
    const w = heap.allocate(denseBytes(DenseFormat.F16, M, K));
    const [x, out] = [heap.allocate(4 * T * K), heap.allocate(4 * T * M)];
    const seconds = fastestSeconds(() => kernels.denseMatmul(out, M, x, w, DenseFormat.F16, K, T, 0, 0, M));
    for (const address of [w, x, out]) heap.free(address);
    return (K * M * T * this.#rehearsal.threads) / seconds;
  }

  async #attention(): Promise<Pick<MachineRates, 'decodeAttention' | 'prefillAttention'>> {
    const of = async (tokens: number) => ({
      f16: await this.#attentionCost(tokens, false),
      q8: await this.#attentionCost(tokens, true),
    });
    return { decodeAttention: await of(1), prefillAttention: await of(CHUNK_TOKENS) };
  }

  /** Two ways of sharing keys tell what keys cost from what queries cost. */
  async #attentionCost(tokens: number, isInt8: boolean): Promise<AttentionCost> {
    const layers = tokens === 1 ? 4 : 1;
    const perPosition = async (heads: typeof GROUPED) => {
      const model = await this.#rehearsal.model({ ...TINY, ...heads, blockCount: layers }, 0, isInt8);
      const far = await model.seconds({ tokens, position: FAR, hasLogits: false }, SHORT);
      const near = await model.seconds({ tokens, position: 64, hasLogits: false }, SHORT);
      return Math.max(0, far - near) / (FAR - 64) / layers / tokens / heads.headLength;
    };
    const [grouped, single] = [await perPosition(GROUPED), await perPosition(SINGLE)];
    const [a, b] = [GROUPED, SINGLE];
    const determinant = a.headCountKv * b.headCount - b.headCountKv * a.headCount;
    const perKey = (grouped * b.headCount - single * a.headCount) / determinant;
    const perQuery = (a.headCountKv * single - b.headCountKv * grouped) / determinant;
    if (perKey < 0) return { perKeyElement: 0, perQueryElement: grouped / a.headCount };
    if (perQuery < 0) return { perKeyElement: grouped / a.headCountKv, perQueryElement: 0 };
    return { perKeyElement: perKey, perQueryElement: perQuery };
  }

  /** Packing of rows, by one thread: loading does little else where the file is in memory. */
  #loading(threads: number): Pick<MachineRates, 'loadSecondsPerTernaryByte' | 'loadSecondsPerDenseByte'> {
    const { heap, kernels } = this.#backend;
    const [M, K] = [64, 2048];
    const codes = heap.allocate(M * K);
    const w = heap.allocate(kernels.ternaryBytes(M, K));
    const packed = fastestSeconds(() => kernels.packTernary(w, codes, K, 0, M));
    const rows = heap.allocate(denseBytes(DenseFormat.F16, M, K));
    const plane = heap.allocate(kernels.int4Bytes(M, K));
    const [scales, errors] = [heap.allocate(4 * M), heap.allocate(4 * M)];
    const planed = fastestSeconds(() =>
      kernels.packInt4Rows(plane, scales, errors, rows, DenseFormat.F16, K, 0, M),
    );
    for (const address of [codes, w, rows, plane, scales, errors]) heap.free(address);
    const members = Math.max(1, threads);
    // A file's ternary weights take a quarter of a byte each.
    return {
      loadSecondsPerTernaryByte: packed / ((M * K) / 4) / members,
      loadSecondsPerDenseByte: planed / (2 * M * K) / members,
    };
  }

  async #decode(config: ModelConfig, milliseconds: number): Promise<number> {
    const model = await this.#rehearsal.model(config);
    return model.seconds({ tokens: 1, position: 1, hasLogits: false }, milliseconds);
  }

  #layerBytes(config: ModelConfig): number {
    const { kernels } = this.#backend;
    return Object.values(matrixDims(config)).reduce(
      (sum, [rows, columns]) => sum + kernels.ternaryBytes(rows, columns),
      0,
    );
  }
}

/** Medians of two measurements that take turns. */
async function inTurns(
  first: () => Promise<number>,
  second: () => Promise<number>,
): Promise<[first: number, second: number]> {
  const [a, b]: [number[], number[]] = [[], []];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    a.push(await first());
    b.push(await second());
  }
  const median = (values: number[]) => values.sort((x, y) => x - y)[REPEATS >> 1]!;
  return [median(a), median(b)];
}

function macsOf(config: ModelConfig): number {
  return Object.values(matrixDims(config)).reduce((sum, [rows, columns]) => sum + rows * columns, 0);
}

/** Seconds of an operation on the calling thread: the least of several, after some that do not count. */
function fastestSeconds(run: () => void): number {
  let best = Infinity;
  for (let sample = 0; sample < 6; sample++) {
    const start = performance.now();
    let times = 0;
    while (performance.now() - start < 1.5) {
      run();
      times++;
    }
    best = Math.min(best, (performance.now() - start) / times);
  }
  return best / 1000;
}
