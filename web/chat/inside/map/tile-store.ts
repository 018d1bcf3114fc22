/**
 * The parts of a matrix that are at hand for its picture, at several levels of detail: squares of 256 x 256 blocks of `step` x
 * `step` weights, fetched as they are wanted, a few at a time, and forgotten when others were used since.
 */
import type { InsideSource, MatrixFacts, TileRequest } from '../../transport/inside-source.ts';
import type { Colour, MapColours } from './map-colours.ts';

/** Blocks along a side of a square. */
export const SIDE = 256;
const MOST_TILES = 64;
const MOST_REQUESTS = 3;

/** Where a square lies: of blocks of `step` weights, the one `across` and `down`. */
export interface TileKey {
  readonly step: number;
  readonly across: number;
  readonly down: number;
}

/** A square. */
export interface Tile {
  readonly request: TileRequest;
  readonly width: number;
  readonly height: number;
  /** Step 1: i8 weights; otherwise u8 pairs of shares. */
  readonly data: Int8Array | Uint8Array;
  image: HTMLCanvasElement | undefined;
}

/** See the file's header. */
export class TileStore {
  readonly matrix: MatrixFacts;
  readonly #source: InsideSource;
  readonly #modelId: string;
  readonly #arrived: () => void;
  readonly #failed: (sentence: string) => void;
  readonly #tiles = new Map<string, Tile>();
  readonly #underWay = new Set<string>();
  /** Not asked for again and again: these stay empty. */
  readonly #broken = new Set<string>();
  readonly #controller = new AbortController();
  #wanted: readonly TileKey[] = [];

  constructor(
    source: InsideSource,
    modelId: string,
    matrix: MatrixFacts,
    arrived: () => void,
    failed: (sentence: string) => void,
  ) {
    this.#source = source;
    this.#modelId = modelId;
    this.matrix = matrix;
    this.#arrived = arrived;
    this.#failed = failed;
  }

  /** A square that is at hand. */
  get(key: TileKey): Tile | undefined {
    const name = nameOf(key);
    const tile = this.#tiles.get(name);
    if (tile === undefined) return undefined;
    // The last ones used are the last ones in the map.
    this.#tiles.delete(name);
    this.#tiles.set(name, tile);
    return tile;
  }

  /** Says what is wanted now, the most wanted first; what was wanted before and has not begun is not any more. */
  want(keys: readonly TileKey[]): void {
    this.#wanted = keys;
    this.#fetchMore();
  }

  /** Colours have changed. */
  forgetImages(): void {
    for (const tile of this.#tiles.values()) tile.image = undefined;
  }

  /** Stops fetching. */
  dispose(): void {
    this.#wanted = [];
    this.#controller.abort();
  }

  #fetchMore(): void {
    for (const key of this.#wanted) {
      if (this.#underWay.size >= MOST_REQUESTS) return;
      const name = nameOf(key);
      if (this.#tiles.has(name) || this.#underWay.has(name) || this.#broken.has(name)) continue;
      this.#underWay.add(name);
      this.#fetch(key).then(
        (tile) => {
          this.#underWay.delete(name);
          this.#tiles.set(name, tile);
          const [oldest] = this.#tiles.keys();
          if (this.#tiles.size > MOST_TILES) this.#tiles.delete(oldest!);
          this.#arrived();
          this.#fetchMore();
        },
        (error: unknown) => {
          if (this.#controller.signal.aborted) return;
          this.#underWay.delete(name);
          this.#broken.add(name);
          this.#failed(error instanceof Error ? error.message : String(error));
        },
      );
    }
  }

  async #fetch({ step, across, down }: TileKey): Promise<Tile> {
    const { layer, name, rows, columns } = this.matrix;
    const row = down * SIDE * step;
    const column = across * SIDE * step;
    const request = {
      layer,
      name,
      row,
      rows: Math.min(SIDE * step, rows - row),
      column,
      columns: Math.min(SIDE * step, columns - column),
      step,
    };
    const { signal } = this.#controller;
    const data = await (step === 1
      ? this.#source.tile(this.#modelId, request, signal)
      : this.#source.shares(this.#modelId, request, signal));
    return {
      request,
      width: Math.ceil(request.columns / step),
      height: Math.ceil(request.rows / step),
      data,
      image: undefined,
    };
  }
}

/** A square as pixels, one for each block. */
export function imageOf(tile: Tile, { minus, zero, plus }: MapColours): HTMLCanvasElement {
  if (tile.image !== undefined) return tile.image;
  const { width, height, data, request } = tile;
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const pixels = new ImageData(width, height);
  const out = pixels.data;
  for (let i = 0; i < width * height; i++) {
    const isExact = request.step === 1;
    const below = isExact ? (data[i]! < 0 ? 1 : 0) : data[2 * i]! / 255;
    const above = isExact ? (data[i]! > 0 ? 1 : 0) : data[2 * i + 1]! / 255;
    mixInto(out, 4 * i, minus, zero, plus, below, above);
  }
  canvas.getContext('2d')!.putImageData(pixels, 0, 0);
  tile.image = canvas;
  return canvas;
}

function mixInto(
  out: Uint8ClampedArray,
  at: number,
  minus: Colour,
  zero: Colour,
  plus: Colour,
  below: number,
  above: number,
): void {
  const between = 1 - below - above;
  for (let channel = 0; channel < 3; channel++) {
    out[at + channel] = below * minus[channel]! + between * zero[channel]! + above * plus[channel]!;
  }
  out[at + 3] = 255;
}

function nameOf({ step, across, down }: TileKey): string {
  return `${step} ${down} ${across}`;
}
