/**
 * A few lines at the end of a terminal that are drawn over in place: one write a frame, no line longer than the terminal
 * is wide, and the cursor finds the first line again also after the window was made narrower.
 */
import type { OutputStream, Styles } from '../terminal.ts';

/** A piece of a line and how it is set off. */
export type Segment = readonly [text: string, style?: keyof Styles];

/** A terminal as far as a block needs it. */
export interface Screen extends OutputStream {
  readonly rows?: number;
}

/** See the head of this file. */
export class ScreenBlock {
  readonly #screen: Screen;
  readonly #styles: Styles;
  /** Visible lengths of the lines that are there. */
  #lengths: readonly number[] = [];

  constructor(screen: Screen, styles: Styles) {
    this.#screen = screen;
    this.#styles = styles;
  }

  /** Puts these lines in the place of those that are there; as many as the terminal is high. */
  draw(lines: readonly (readonly Segment[])[]): void {
    const width = Math.max(1, (this.#screen.columns ?? 80) - 1);
    const height = Math.max(1, (this.#screen.rows ?? 24) - 1);
    const fitted = lines.slice(0, height).map((line) => cut(line, width));
    const text = fitted.map((line) => `${line.map((segment) => this.#styled(segment)).join('')}\x1b[K\n`);
    this.#screen.write(`${this.#home()}${text.join('')}\x1b[J`);
    this.#lengths = fitted.map(lengthOf);
  }

  /** Takes the lines away. */
  clear(): void {
    if (this.#lengths.length > 0) this.#screen.write(`${this.#home()}\x1b[J`);
    this.#lengths = [];
  }

  /** To the first column of the first line; a line that is longer than the terminal is wide now takes several rows. */
  #home(): string {
    const columns = Math.max(1, this.#screen.columns ?? 80);
    const rows = this.#lengths.reduce((sum, length) => sum + Math.max(1, Math.ceil(length / columns)), 0);
    return rows === 0 ? '\r' : `\r\x1b[${rows}A`;
  }

  #styled([text, style]: Segment): string {
    return style === undefined ? text : this.#styles[style](text);
  }
}

function lengthOf(line: readonly Segment[]): number {
  return line.reduce((sum, [text]) => sum + text.length, 0);
}

function cut(line: readonly Segment[], width: number): Segment[] {
  const fitted: Segment[] = [];
  let left = width;
  for (const [text, style] of line) {
    if (left <= 0) break;
    const part = text.slice(0, left);
    fitted.push(style === undefined ? [part] : [part, style]);
    left -= part.length;
  }
  return fitted;
}
