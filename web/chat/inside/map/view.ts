/** Which part of a matrix is seen, and how large: from the whole of it to a few weights. */

/** Largest side of a weight, in CSS pixels. */
const LARGEST = 44;
/** Side of a weight where single ones are asked for: their values are written in them. */
export const READABLE = 30;

/** See the file's header. */
export class View {
  /** Column and row at the top left corner; below 0 where the matrix is smaller than the picture. */
  left = 0;
  top = 0;
  /** CSS pixels of a weight's side. */
  scale = 1;
  width = 1;
  height = 1;
  rows = 1;
  columns = 1;

  /** The scale at which the whole matrix is seen. */
  get wholeScale(): number {
    return Math.min(this.width / this.columns, this.height / this.rows, LARGEST);
  }

  /** Whether all of it is seen. */
  get isWhole(): boolean {
    return this.scale <= this.wholeScale * 1.001;
  }

  /** Shows all of it. */
  whole(): void {
    this.scale = this.wholeScale;
    this.clamp();
  }

  /** Scales about a point of the picture. */
  zoom(factor: number, x: number, y: number): void {
    const column = this.left + x / this.scale;
    const row = this.top + y / this.scale;
    this.scale = Math.min(Math.max(this.scale * factor, this.wholeScale), LARGEST);
    this.left = column - x / this.scale;
    this.top = row - y / this.scale;
    this.clamp();
  }

  /** Moves what is seen by CSS pixels. */
  pan(x: number, y: number): void {
    this.left -= x / this.scale;
    this.top -= y / this.scale;
    this.clamp();
  }

  /** Puts a weight into the middle. */
  centre(row: number, column: number): void {
    this.left = column + 0.5 - this.width / this.scale / 2;
    this.top = row + 0.5 - this.height / this.scale / 2;
    this.clamp();
  }

  /** Moves just so far that a weight is seen. */
  reveal(row: number, column: number): void {
    const across = this.width / this.scale;
    const down = this.height / this.scale;
    this.left = Math.min(Math.max(this.left, column + 1 - across), column);
    this.top = Math.min(Math.max(this.top, row + 1 - down), row);
    this.clamp();
  }

  /** Nothing beyond the ends is shown unless there is room to spare. */
  clamp(): void {
    this.scale = Math.max(this.scale, this.wholeScale);
    const across = this.width / this.scale;
    const down = this.height / this.scale;
    this.left = within(this.left, this.columns, across);
    this.top = within(this.top, this.rows, down);
  }
}

function within(start: number, length: number, seen: number): number {
  if (seen >= length) return (length - seen) / 2;
  return Math.min(Math.max(start, 0), length - seen);
}
