/**
 * The picture of a matrix: a canvas that is moved and zoomed by pointer, wheel and keys, from the mixed colours of the whole to
 * single weights with their values written in them. It draws what tile-store.ts has, in its own frame, and tells what the
 * pointer is on. The page hears of a weight that was picked and gives it back by {@link WeightMap.mark}.
 */
import type { InsideSource, MatrixFacts } from '../../transport/inside-source.ts';
import type { Cell } from '../look.ts';
import { drawCorner } from './corner.ts';
import { Gestures } from './gestures.ts';
import { coloursOf, cssOf, type MapColours, onThemeChange } from './map-colours.ts';
import { imageOf, SIDE, type Tile, type TileKey, TileStore } from './tile-store.ts';
import { READABLE, View } from './view.ts';

/** What lies at a place of the picture: one weight, or a block of them. */
export interface Seen extends Cell {
  readonly rows: number;
  readonly columns: number;
  /** Of one weight, where it is at hand. */
  readonly value: number | undefined;
  /** Of a block. */
  readonly shares: { readonly minusOne: number; readonly plusOne: number } | undefined;
}

/** What the page wants to know. */
export interface MapListener {
  onPick(cell: Cell): void;
  /** undefined: the pointer has left. */
  onHover(seen: Seen | undefined): void;
  /** One sentence. */
  onFault(sentence: string): void;
}

/** From this size on a weight is a tile of its own, and its value is written in it. */
const TILE_SIZE = 7;
const TEXT_SIZE = 20;
const TEXTS = ['−1', '0', '+1'];
/** Squares that are coloured in one frame: each takes a few milliseconds once. */
const IMAGES_A_FRAME = 4;

/** See the file's header. */
export class WeightMap {
  readonly #canvas: HTMLCanvasElement;
  readonly #context: CanvasRenderingContext2D;
  readonly #source: InsideSource;
  readonly #modelId: string;
  readonly #listener: MapListener;
  readonly #view = new View();
  readonly #observer: ResizeObserver;
  readonly #endTheme: () => void;
  readonly #gestures: Gestures;
  #colours: MapColours;
  #store: TileStore | undefined;
  #cell: Cell = { row: 0, column: 0 };
  /** Where it hovers, in CSS pixels. */
  #pointer: { readonly x: number; readonly y: number } | undefined;
  #frame = 0;
  /** Squares that may still be coloured in this frame. */
  #images = 0;
  #ratio = 1;

  constructor(canvas: HTMLCanvasElement, source: InsideSource, modelId: string, listener: MapListener) {
    this.#canvas = canvas;
    this.#context = canvas.getContext('2d', { alpha: false })!;
    this.#source = source;
    this.#modelId = modelId;
    this.#listener = listener;
    this.#colours = coloursOf(canvas);
    this.#observer = new ResizeObserver(() => this.#resize());
    this.#observer.observe(canvas);
    this.#endTheme = onThemeChange(() => {
      this.#colours = coloursOf(canvas);
      this.#store?.forgetImages();
      this.#changed();
    });
    this.#gestures = new Gestures(canvas, {
      pan: (x, y) => this.#move(() => this.#view.pan(x, y)),
      zoom: (factor, x, y) => this.#move(() => this.#view.zoom(factor, x, y)),
      pick: (x, y) => listener.onPick(this.#cellAt(x, y)),
      hover: (x, y) => {
        this.#pointer = { x, y };
        this.#tell();
      },
      leave: () => {
        this.#pointer = undefined;
        this.#tell();
      },
      key: (event) => this.#key(event),
      focus: () => this.#move(() => {}),
    });
  }

  /** Shows another matrix, as close as the one before; the first one so close that its values can be read. */
  show(matrix: MatrixFacts): void {
    const isFirst = this.#store === undefined;
    const wasWhole = this.#view.isWhole;
    this.#store?.dispose();
    this.#store = new TileStore(
      this.#source,
      this.#modelId,
      matrix,
      () => this.#changed(),
      (sentence) => this.#listener.onFault(sentence),
    );
    Object.assign(this.#view, { rows: matrix.rows, columns: matrix.columns });
    this.#resize();
    if (isFirst) this.single();
    else if (wasWhole) this.whole();
    else this.#move(() => this.#view.clamp());
  }

  /** Marks the weight that was picked. */
  mark(cell: Cell): void {
    this.#cell = cell;
    this.#changed();
  }

  /** About the picked weight if it is seen, or else about the middle. */
  zoom(factor: number): void {
    const { left, top, scale, width, height } = this.#view;
    const x = (this.#cell.column + 0.5 - left) * scale;
    const y = (this.#cell.row + 0.5 - top) * scale;
    const isSeen = x >= 0 && x <= width && y >= 0 && y <= height;
    this.#move(() => this.#view.zoom(factor, isSeen ? x : width / 2, isSeen ? y : height / 2));
  }

  /** The whole matrix. */
  whole(): void {
    this.#move(() => this.#view.whole());
  }

  /** Weights with their values, about the picked one. */
  single(): void {
    this.#move(() => {
      this.#view.scale = READABLE;
      this.#view.centre(this.#cell.row, this.#cell.column);
    });
  }

  /** Ends everything that it began. */
  dispose(): void {
    cancelAnimationFrame(this.#frame);
    this.#gestures.dispose();
    this.#observer.disconnect();
    this.#endTheme();
    this.#store?.dispose();
  }

  #move(change: () => void): void {
    change();
    // A finger that goes up or down scrolls the page, unless the picture was tapped and has more to show.
    const isOwn = document.activeElement === this.#canvas && !this.#view.isWhole;
    this.#canvas.style.touchAction = isOwn ? 'none' : 'pan-y';
    this.#changed();
  }

  #resize(): void {
    const { clientWidth, clientHeight } = this.#canvas;
    this.#ratio = devicePixelRatio;
    const width = Math.max(1, Math.round(clientWidth * this.#ratio));
    const height = Math.max(1, Math.round(clientHeight * this.#ratio));
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    const wasWhole = this.#view.isWhole;
    Object.assign(this.#view, { width: clientWidth || 1, height: clientHeight || 1 });
    if (wasWhole) this.#view.whole();
    else this.#view.clamp();
    this.#changed();
  }

  #changed(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => this.#draw());
  }

  #key(event: KeyboardEvent): boolean {
    const { row, column } = this.#cell;
    const stride = event.shiftKey ? 10 : Math.max(1, Math.round(6 / this.#view.scale));
    const screen = Math.max(1, Math.floor(this.#view.height / this.#view.scale) - 1);
    const places: Readonly<Record<string, Cell>> = {
      ArrowLeft: { row, column: column - stride },
      ArrowRight: { row, column: column + stride },
      ArrowUp: { row: row - stride, column },
      ArrowDown: { row: row + stride, column },
      PageUp: { row: row - screen, column },
      PageDown: { row: row + screen, column },
      Home: { row, column: 0 },
      End: { row, column: this.#view.columns - 1 },
    };
    const place = places[event.key];
    if (place !== undefined) {
      // From now on the keys say what is looked at.
      this.#pointer = undefined;
      this.#tell();
      this.#listener.onPick(place);
      this.#move(() => this.#view.reveal(this.#clamped(place).row, this.#clamped(place).column));
      return true;
    }
    if (event.key === '+' || event.key === '=') this.zoom(1.5);
    else if (event.key === '-') this.zoom(1 / 1.5);
    else if (event.key === '0') this.whole();
    else return false;
    return true;
  }

  #clamped({ row, column }: Cell): Cell {
    const { rows, columns } = this.#view;
    return {
      row: Math.min(Math.max(row, 0), rows - 1),
      column: Math.min(Math.max(column, 0), columns - 1),
    };
  }

  #cellAt(x: number, y: number): Cell {
    const { left, top, scale } = this.#view;
    return this.#clamped({ row: Math.floor(top + y / scale), column: Math.floor(left + x / scale) });
  }

  #seenAt(x: number, y: number): Seen | undefined {
    const { left, top, scale, rows, columns } = this.#view;
    const row = Math.floor(top + y / scale);
    const column = Math.floor(left + x / scale);
    if (row < 0 || column < 0 || row >= rows || column >= columns) return undefined;
    const step = this.#step;
    const tile = this.#store?.get(keyAt(step, row, column));
    if (step === 1)
      return { row, column, rows: 1, columns: 1, value: weightOf(tile, row, column), shares: undefined };
    return (
      blockOf(tile, row, column) ?? { row, column, rows: 1, columns: 1, value: undefined, shares: undefined }
    );
  }

  /** Weights along the side of a block that is a pixel or a little more. */
  get #step(): number {
    return stepFor(1 / (this.#view.scale * this.#ratio));
  }

  #draw(): void {
    const store = this.#store;
    if (store === undefined) return;
    const context = this.#context;
    const view = this.#view;
    this.#images = IMAGES_A_FRAME;
    context.setTransform(this.#ratio, 0, 0, this.#ratio, 0, 0);
    context.fillStyle = this.#colours.ground;
    context.fillRect(0, 0, view.width, view.height);
    const coarse = stepFor(Math.max(view.rows, view.columns) / SIDE);
    const step = Math.min(this.#step, coarse);
    const keys = this.#keys(step);
    // Until the details are there, the whole in coarse blocks.
    const backdrop = { step: coarse, across: 0, down: 0 };
    if (step === 1 && view.scale >= TILE_SIZE) {
      this.#image(backdrop);
      for (const key of keys) this.#tiles(store.get(key));
    } else for (const key of [backdrop, ...keys]) this.#image(key);
    this.#mark();
    drawCorner(context, view, store.get(backdrop), this.#colours);
    store.want([backdrop, ...keys]);
    // Under a pointer at rest lies something else now.
    if (this.#pointer !== undefined) this.#tell();
  }

  #tell(): void {
    const { x, y } = this.#pointer ?? {};
    this.#listener.onHover(x === undefined || y === undefined ? undefined : this.#seenAt(x, y));
  }

  /** Squares that are seen, those in the middle first. */
  #keys(step: number): TileKey[] {
    const { left, top, scale, width, height, rows, columns } = this.#view;
    const side = SIDE * step;
    const first = (start: number) => Math.max(0, Math.floor(start / side));
    const last = (end: number, length: number) => Math.floor((Math.min(end, length) - 1e-6) / side);
    const keys: TileKey[] = [];
    for (let down = first(top); down <= last(top + height / scale, rows); down++) {
      for (let across = first(left); across <= last(left + width / scale, columns); across++) {
        keys.push({ step, across, down });
      }
    }
    const middle = { column: left + width / scale / 2, row: top + height / scale / 2 };
    const far = ({ across, down }: TileKey) =>
      Math.abs((across + 0.5) * side - middle.column) + Math.abs((down + 0.5) * side - middle.row);
    return keys.sort((a, b) => far(a) - far(b));
  }

  #image(key: TileKey): void {
    const tile = this.#store?.get(key);
    if (tile === undefined) return;
    if (tile.image === undefined && this.#images-- <= 0) {
      this.#changed();
      return;
    }
    const { left, top, scale } = this.#view;
    const { row, column, step } = tile.request;
    const context = this.#context;
    // Single weights are crisp once they are larger than a few pixels.
    context.imageSmoothingEnabled = step > 1 || scale * this.#ratio < 3;
    context.drawImage(
      imageOf(tile, this.#colours),
      (column - left) * scale,
      (row - top) * scale,
      tile.width * step * scale,
      tile.height * step * scale,
    );
  }

  /** Weights as tiles of their own. */
  #tiles(tile: Tile | undefined): void {
    if (tile === undefined) return;
    const { left, top, scale, width, height } = this.#view;
    const { row, column } = tile.request;
    const context = this.#context;
    const r0 = Math.max(Math.floor(top) - row, 0);
    const r1 = Math.min(Math.ceil(top + height / scale) - row, tile.height);
    const c0 = Math.max(Math.floor(left) - column, 0);
    const c1 = Math.min(Math.ceil(left + width / scale) - column, tile.width);
    if (r1 <= r0 || c1 <= c0) return;
    const x0 = (column - left) * scale;
    const y0 = (row - top) * scale;
    context.fillStyle = this.#colours.ground;
    context.fillRect(x0 + c0 * scale, y0 + r0 * scale, (c1 - c0) * scale, (r1 - r0) * scale);
    const gap = scale >= 14 ? 2 : 1;
    const round = (value: number) => Math.round(value * this.#ratio) / this.#ratio;
    const { minus, zero, plus, ink } = this.#colours;
    context.font = `${Math.round(scale * 0.4)}px system-ui, sans-serif`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    for (const [index, colour] of [minus, zero, plus].entries()) {
      const cells: [x: number, y: number][] = [];
      for (let r = r0; r < r1; r++) {
        for (let c = c0; c < c1; c++) {
          if (tile.data[r * tile.width + c] === index - 1) cells.push([x0 + c * scale, y0 + r * scale]);
        }
      }
      context.fillStyle = cssOf(colour);
      for (const [x, y] of cells) {
        const left = round(x);
        const top = round(y);
        context.fillRect(left, top, round(x + scale) - left - gap, round(y + scale) - top - gap);
      }
      if (scale < TEXT_SIZE) continue;
      context.fillStyle = ink[index]!;
      for (const [x, y] of cells) {
        context.fillText(TEXTS[index]!, x + (scale - gap) / 2, y + (scale - gap) / 2 + scale * 0.02);
      }
    }
  }

  /** The picked weight, and its row, with which a product can be worked out. */
  #mark(): void {
    const { left, top, scale, columns } = this.#view;
    const { row, column } = this.#cell;
    const context = this.#context;
    const y = (row - top) * scale;
    const start = Math.max(-left * scale, 0);
    const end = Math.min((columns - left) * scale, this.#view.width);
    context.strokeStyle = this.#colours.mark;
    context.lineWidth = 1;
    context.globalAlpha = 0.55;
    const gap = scale >= 14 ? 2 : scale >= TILE_SIZE ? 1 : 0;
    const height = Math.max(scale - gap, 1);
    context.strokeRect(start - 0.5, y - 1, end - start + 1, height + 2);
    context.globalAlpha = 1;
    context.lineWidth = 2;
    const size = Math.max(scale - gap, 5);
    const x = (column - left) * scale - (size - Math.max(scale - gap, 0)) / 2;
    context.strokeRect(x - 1, y - 1 - (size - height) / 2, size + 2, size + 2);
  }
}

/** The power of 2 that is not below `size`, and at least 1. */
function stepFor(size: number): number {
  return 2 ** Math.max(0, Math.ceil(Math.log2(size)));
}

function keyAt(step: number, row: number, column: number): TileKey {
  return { step, across: Math.floor(column / (SIDE * step)), down: Math.floor(row / (SIDE * step)) };
}

function weightOf(tile: Tile | undefined, row: number, column: number): number | undefined {
  if (tile === undefined) return undefined;
  return tile.data[(row - tile.request.row) * tile.width + (column - tile.request.column)];
}

function blockOf(tile: Tile | undefined, row: number, column: number): Seen | undefined {
  if (tile === undefined) return undefined;
  const { request, width, data } = tile;
  const { step } = request;
  const y = Math.floor((row - request.row) / step);
  const x = Math.floor((column - request.column) / step);
  return {
    row: request.row + y * step,
    column: request.column + x * step,
    rows: Math.min(step, request.rows - y * step),
    columns: Math.min(step, request.columns - x * step),
    value: undefined,
    shares: { minusOne: data[2 * (y * width + x)]! / 255, plusOne: data[2 * (y * width + x) + 1]! / 255 },
  };
}
