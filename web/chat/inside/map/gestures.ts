/** Pointers, wheel and keys on a picture, as moves: one pointer drags or picks, two pinch, the wheel zooms once it has focus. */

/** What they come to; x and y are CSS pixels of the picture. */
export interface Moves {
  pan(x: number, y: number): void;
  zoom(factor: number, x: number, y: number): void;
  pick(x: number, y: number): void;
  hover(x: number, y: number): void;
  leave(): void;
  /** @returns whether the key meant something */
  key(event: KeyboardEvent): boolean;
  /** The picture has got or lost the focus. */
  focus(): void;
}

/** A pointer that moved less than this has picked something. */
const STILL = 5;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** See the file's header. */
export class Gestures {
  readonly #element: HTMLElement;
  readonly #moves: Moves;
  readonly #pointers = new Map<number, Point>();
  readonly #controller = new AbortController();
  /** How far the only pointer has gone; Infinity after a pinch. */
  #gone = 0;

  constructor(element: HTMLElement, moves: Moves) {
    this.#element = element;
    this.#moves = moves;
    const { signal } = this.#controller;
    element.addEventListener('pointerdown', (event) => this.#down(event), { signal });
    element.addEventListener('pointermove', (event) => this.#move(event), { signal });
    element.addEventListener('pointerup', (event) => this.#up(event, true), { signal });
    element.addEventListener('pointercancel', (event) => this.#up(event, false), { signal });
    element.addEventListener('pointerleave', () => moves.leave(), { signal });
    element.addEventListener('focus', () => moves.focus(), { signal });
    element.addEventListener('blur', () => moves.focus(), { signal });
    element.addEventListener('wheel', (event) => this.#wheel(event), { signal, passive: false });
    element.addEventListener(
      'keydown',
      (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        if (moves.key(event)) event.preventDefault();
      },
      { signal },
    );
  }

  /** Listens no more. */
  dispose(): void {
    this.#controller.abort();
  }

  #down(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.#element.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, this.#pointOf(event));
    this.#gone = this.#pointers.size === 1 ? 0 : Number.POSITIVE_INFINITY;
  }

  #move(event: PointerEvent): void {
    const point = this.#pointOf(event);
    const before = this.#pointers.get(event.pointerId);
    if (before === undefined) {
      this.#moves.hover(point.x, point.y);
      return;
    }
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.#pointers.set(event.pointerId, point);
    if (other === undefined) {
      this.#gone += Math.hypot(point.x - before.x, point.y - before.y);
      if (this.#gone >= STILL) this.#moves.pan(point.x - before.x, point.y - before.y);
      return;
    }
    const distance = (to: Point) => Math.hypot(to.x - other.x, to.y - other.y);
    const middle = { x: (point.x + other.x) / 2, y: (point.y + other.y) / 2 };
    this.#moves.pan((point.x - before.x) / 2, (point.y - before.y) / 2);
    if (distance(before) > 0) this.#moves.zoom(distance(point) / distance(before), middle.x, middle.y);
  }

  #up(event: PointerEvent, isPick: boolean): void {
    const point = this.#pointOf(event);
    const wasDown = this.#pointers.delete(event.pointerId);
    if (wasDown && isPick && this.#gone < STILL) {
      this.#element.focus({ preventScroll: true });
      this.#moves.pick(point.x, point.y);
    }
  }

  #wheel(event: WheelEvent): void {
    // The wheel belongs to the page until the picture was clicked; a pinch on a touchpad comes with the control key.
    if (!event.ctrlKey && document.activeElement !== this.#element) return;
    event.preventDefault();
    const { x, y } = this.#pointOf(event);
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const delta = Math.max(-120, Math.min(120, event.deltaY * lines));
    this.#moves.zoom(2 ** (-delta / (event.ctrlKey ? 40 : 160)), x, y);
  }

  #pointOf({ clientX, clientY }: MouseEvent): Point {
    const { left, top } = this.#element.getBoundingClientRect();
    return { x: clientX - left - this.#element.clientLeft, y: clientY - top - this.#element.clientTop };
  }
}
