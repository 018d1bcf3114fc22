/**
 * A look inside a loaded model: its ternary weights as the kernels hold them, how many have which value, and one row's
 * product with the activations of a text. It reads the heap of the engine and changes nothing; long work is done in slices,
 * so that whoever runs on the same thread (a server) goes on. docs/inside.md has the formulas.
 */
import { BitnetError } from '../base/errors.ts';
import type { Model } from '../engine/model.ts';
import { checkTokens } from '../engine/session.ts';
import { countWeights, type PackedLayout, packedLayout, WeightReader } from '../kernels/packed-weights.ts';
import type { TernaryMatrix } from '../model/forward/trace.ts';
import { tokenDisplay } from '../tokenizer/tokenizer.ts';
import type { DotProduct, InsideOverview, MatrixPlace, TileRequest, ValueCounts } from './inside-facts.ts';
import { factsOf, ternaryMatrices, ternaryMatrix } from './matrices.ts';
import { Slices } from './slices.ts';

/** Most entries of a tile. */
export const MOST_TILE_ENTRIES: number = 2 ** 20;
/** Most characters and tokens of a text whose activations are looked at. */
export const MOST_TEXT_CHARACTERS = 2000;
const MOST_TEXT_TOKENS = 512;

/** Bytes, or weights, that are looked at between two looks at the clock. */
const GRAIN = 2 ** 16;

/** What is used of a model. */
export type LookedAt = Pick<Model, 'engine' | 'backend' | 'tokenizer'>;

/** See the file's header. One for a model: it remembers what it has counted. */
export class Inside {
  readonly #model: LookedAt;
  readonly #counts = new Map<TernaryMatrix, Promise<Omit<ValueCounts, keyof MatrixPlace>>>();
  #lastTrace: Promise<unknown> = Promise.resolve();

  constructor(model: LookedAt) {
    this.#model = model;
  }

  /**
   * The matrices, and what they take.
   *
   * @param modelId the name that whoever asks has for it
   * @throws BitnetError `model/disposed`
   */
  overview(modelId: string): InsideOverview {
    return factsOf(this.#model, modelId);
  }

  /**
   * Counts the weights of all ternary matrices, layer by layer.
   *
   * @throws BitnetError `model/disposed`; the signal's reason
   */
  async *counts(signal?: AbortSignal): AsyncGenerator<ValueCounts, void, undefined> {
    for (const { layer, name, matrix } of ternaryMatrices(this.#loaded.plan)) {
      signal?.throwIfAborted();
      let counted = this.#counts.get(matrix);
      if (counted === undefined) {
        counted = this.#count(matrix);
        this.#counts.set(matrix, counted);
        // A model that was disposed of meanwhile; whoever asks next is told so.
        counted.catch(() => this.#counts.delete(matrix));
      }
      yield { layer, name, ...(await counted) };
    }
  }

  /**
   * Weights of a rectangle.
   *
   * @returns i8 [ceil(rows / step)][ceil(columns / step)] of -1, 0, +1
   * @throws BitnetError `inside/…` where there is none of these, or too much; `model/disposed`; the signal's reason
   */
  async tile(request: TileRequest, signal?: AbortSignal): Promise<Int8Array> {
    const { matrix, height, width } = this.#checkTile(request);
    const { row, column, columns, step } = request;
    const reader = new WeightReader(this.#layout, matrix.columns, column, columns, step);
    const out = new Int8Array(height * width);
    const slices = new Slices(GRAIN, signal);
    for (let y = 0; y < height; y++) {
      await slices.spend(width);
      reader.read(this.#bytesOf(matrix), row + y * step, out, y * width);
    }
    return out;
  }

  /**
   * What a rectangle looks like from afar: of every block of `step` x `step` weights (fewer at the ends), the shares of -1
   * and of +1, times 255.
   *
   * @returns u8 [ceil(rows / step)][ceil(columns / step)][2]
   * @throws as {@link tile}
   */
  async shares(request: TileRequest, signal?: AbortSignal): Promise<Uint8Array> {
    const { matrix, height, width } = this.#checkTile(request);
    const { row, rows, column, columns, step } = request;
    const reader = new WeightReader(this.#layout, matrix.columns, column, columns, 1);
    const weights = new Int8Array(columns);
    const out = new Uint8Array(2 * height * width);
    const slices = new Slices(GRAIN, signal);
    for (let y = 0; y < height; y++) {
      const from = y * step;
      const to = Math.min(from + step, rows);
      const minus = new Uint32Array(width);
      const plus = new Uint32Array(width);
      for (let r = from; r < to; r++) {
        await slices.spend(columns);
        reader.read(this.#bytesOf(matrix), row + r, weights);
        addRow(weights, step, minus, plus);
      }
      for (let x = 0; x < width; x++) {
        const size = (to - from) * (Math.min((x + 1) * step, columns) - x * step);
        out[2 * (y * width + x)] = Math.round((255 * minus[x]!) / size);
        out[2 * (y * width + x) + 1] = Math.round((255 * plus[x]!) / size);
      }
    }
    return out;
  }

  /**
   * One row's product with what a text's last token brings into the matrix, from a forward pass over the text.
   *
   * @param text its tokens are those of a prompt of generate
   * @throws BitnetError `inside/…`, `tokens/empty`, `memory/…`, `model/disposed`; ContextLengthExceeded; the signal's reason
   */
  async dot(place: MatrixPlace, row: number, text: string, signal?: AbortSignal): Promise<DotProduct> {
    const matrix = ternaryMatrix(this.#loaded.plan, place);
    if (!Number.isSafeInteger(row) || row < 0 || row >= matrix.rows) {
      throw refusal('row', `row ${row} is asked for, and rows go from 0 to ${matrix.rows - 1}`);
    }
    const tokens = this.#tokensOf(text);
    // One after the other, so that a crowd of them holds no more than one KV cache.
    const traced = this.#lastTrace.then(() => this.#traceLast(tokens, matrix, signal));
    this.#lastTrace = traced.catch(() => {});
    const trace = await traced;
    const weights = new Int8Array(matrix.columns);
    new WeightReader(this.#layout, matrix.columns, 0, matrix.columns, 1).read(
      this.#bytesOf(matrix),
      row,
      weights,
    );
    const { input, quantised, scale, output } = trace;
    let sum = 0;
    let unrounded = 0;
    for (const [k, weight] of weights.entries()) {
      sum += weight * quantised[k]!;
      unrounded += weight * input[k]!;
    }
    const factor = Math.fround(matrix.scale / scale);
    let leastSum = 0;
    let mostSum = 0;
    for (const [r, value] of output.entries()) {
      const ofRow = factor === 0 ? 0 : Math.round(value / factor);
      if (r === 0 || ofRow < leastSum) leastSum = ofRow;
      if (r === 0 || ofRow > mostSum) mostSum = ofRow;
    }
    return {
      layer: place.layer,
      name: place.name,
      row,
      tokens: tokens.map((id) => tokenDisplay(this.#model.tokenizer, id)),
      input,
      quantised,
      activationScale: scale,
      weights,
      weightScale: matrix.scale,
      sum,
      result: output[row]!,
      unrounded: unrounded * matrix.scale,
      leastSum,
      mostSum,
    };
  }

  get #loaded(): Model['engine']['loaded'] {
    return this.#model.engine.loaded;
  }

  get #layout(): PackedLayout {
    return packedLayout(this.#model.backend);
  }

  /** Taken anew every time: the heap may grow, or be gone. */
  #bytesOf({ address }: TernaryMatrix): (offset: number, length: number) => Uint8Array {
    const { heap } = this.#loaded;
    return (offset, length) => heap.u8(address + offset, length);
  }

  async #count(matrix: TernaryMatrix): Promise<Omit<ValueCounts, keyof MatrixPlace>> {
    const bytes = this.#loaded.kernels.ternaryBytes(matrix.rows, matrix.columns);
    const occurrences = new Uint32Array(256);
    const slices = new Slices(GRAIN, undefined);
    for (let offset = 0; offset < bytes; offset += GRAIN) {
      await slices.spend(GRAIN);
      const part = this.#bytesOf(matrix)(offset, Math.min(GRAIN, bytes - offset));
      for (let i = 0; i < part.length; i++) occurrences[part[i]!]!++;
    }
    return countWeights(this.#layout, matrix.rows, matrix.columns, occurrences);
  }

  #tokensOf(text: string): number[] {
    if (text.length > MOST_TEXT_CHARACTERS) {
      throw refusal('text', `the text has ${text.length} characters, and may have ${MOST_TEXT_CHARACTERS}`);
    }
    const tokens = this.#model.tokenizer.encode(text, { addEos: false });
    if (tokens.length > MOST_TEXT_TOKENS) {
      throw refusal('text', `the text has ${tokens.length} tokens, and may have ${MOST_TEXT_TOKENS}`);
    }
    checkTokens(this.#model.engine, tokens);
    return tokens;
  }

  async #traceLast(
    tokens: readonly number[],
    matrix: TernaryMatrix,
    signal: AbortSignal | undefined,
  ): Promise<Awaited<ReturnType<Model['engine']['trace']>>> {
    const { engine } = this.#model;
    signal?.throwIfAborted();
    const cache = engine.allocateCache();
    try {
      let position = 0;
      for (; tokens.length - position > engine.batchTokens; position += engine.batchTokens) {
        signal?.throwIfAborted();
        const chunk = tokens.slice(position, position + engine.batchTokens);
        await engine.step([{ cache, position, tokens: chunk, outputs: [] }]);
      }
      signal?.throwIfAborted();
      return await engine.trace({ cache, position, tokens: tokens.slice(position) }, matrix);
    } finally {
      engine.freeCache(cache);
    }
  }

  #checkTile(request: TileRequest): { matrix: TernaryMatrix; height: number; width: number } {
    const matrix = ternaryMatrix(this.#loaded.plan, request);
    const { row, rows, column, columns, step } = request;
    const numbers = { row, rows, column, columns, step };
    for (const [name, value] of Object.entries(numbers)) {
      const least = name === 'row' || name === 'column' ? 0 : 1;
      if (!Number.isSafeInteger(value) || value < least) {
        throw refusal('tile', `${name} is ${value}, and must be a whole number from ${least} on`);
      }
    }
    if (row + rows > matrix.rows || column + columns > matrix.columns) {
      throw refusal(
        'tile',
        `rows ${row} to ${row + rows - 1} and columns ${column} to ${column + columns - 1} are asked for, and the matrix has ${matrix.rows} rows and ${matrix.columns} columns`,
      );
    }
    const height = Math.ceil(rows / step);
    const width = Math.ceil(columns / step);
    if (height * width > MOST_TILE_ENTRIES) {
      throw refusal(
        'tile',
        `${height} x ${width} entries are asked for, and may be ${MOST_TILE_ENTRIES}; ask for less, or a larger step`,
      );
    }
    return { matrix, height, width };
  }
}

/** Adds the weights of one row to the counts of the blocks that it goes through. */
function addRow(weights: Int8Array, step: number, minus: Uint32Array, plus: Uint32Array): void {
  for (let x = 0, k = 0; x < minus.length; x++) {
    const end = Math.min(k + step, weights.length);
    let below = 0;
    let above = 0;
    for (; k < end; k++) {
      const weight = weights[k]!;
      below += weight >>> 31;
      above += -weight >>> 31;
    }
    minus[x]! += below;
    plus[x]! += above;
  }
}

function refusal(what: string, message: string): BitnetError {
  return new BitnetError(`inside/${what}`, message);
}
