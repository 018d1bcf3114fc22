/** What the live view remembers of a run: smoothed values and a curve of bounded size, however many steps there are. */

/** Blocks of the sparkline, low to high. */
const BARS = '▁▂▃▄▅▆▇█';
/** Points kept; when they are full, neighbours are merged. */
const MOST_POINTS = 256;

/** A mean that forgets: each new value counts `1 - keep`, the first ones as much as they are. */
export class Smoothed {
  readonly #keep: number;
  #sum = 0;
  #weight = 0;

  constructor(keep: number) {
    this.#keep = keep;
  }

  /** The mean with `value`. */
  add(value: number): number {
    this.#sum = this.#keep * this.#sum + (1 - this.#keep) * value;
    this.#weight = this.#keep * this.#weight + (1 - this.#keep);
    return this.value!;
  }

  /** Undefined before the first value. */
  get value(): number | undefined {
    return this.#weight === 0 ? undefined : this.#sum / this.#weight;
  }
}

/** The means of equal stretches of a series. */
export class Curve {
  #points: number[] = [];
  #perPoint = 1;
  #sum = 0;
  #count = 0;

  /** One value more. */
  add(value: number): void {
    this.#sum += value;
    if (++this.#count < this.#perPoint) return;
    this.#points.push(this.#sum / this.#count);
    this.#sum = 0;
    this.#count = 0;
    if (this.#points.length < MOST_POINTS) return;
    this.#points = Array.from({ length: MOST_POINTS / 2 }, (_, i) => {
      return (this.#points[2 * i]! + this.#points[2 * i + 1]!) / 2;
    });
    this.#perPoint *= 2;
  }

  /** The whole series as `width` blocks, or as many as there are points; '' before the first. */
  sparkline(width: number): string {
    const unfinished = this.#count === 0 ? [] : [this.#sum / this.#count];
    const points = [...this.#points, ...unfinished].filter(Number.isFinite);
    const columns = Math.min(width, points.length);
    const means = Array.from({ length: Math.max(0, columns) }, (_, i) => {
      const part = points.slice(
        Math.floor((i * points.length) / columns),
        Math.floor(((i + 1) * points.length) / columns),
      );
      return part.reduce((sum, value) => sum + value, 0) / part.length;
    });
    const least = Math.min(...means);
    const span = Math.max(...means) - least;
    return means
      .map((mean) => BARS[span > 0 ? Math.round(((mean - least) / span) * (BARS.length - 1)) : 0])
      .join('');
  }
}
