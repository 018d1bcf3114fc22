/**
 * Who is next: lower priority numbers first, in the order of submission among equals. Every eighth place goes to whoever
 * has waited longest whatever its number, so that nothing waits for ever behind a stream of better ones.
 */

/** What can wait. */
export interface Waiting {
  /** Rises with every submission. */
  readonly number: number;
  readonly priority: number;
}

/** Of as many places, one is given by age alone. */
export const PLACES_PER_OLDEST = 8;

/** See the file's header. */
export class WaitingLine<T extends Waiting> implements Iterable<T> {
  /** In the order in which they go. */
  readonly #line: T[] = [];
  #places = 0;

  get size(): number {
    return this.#line.length;
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#line[Symbol.iterator]();
  }

  add(item: T): void {
    const index = this.#line.findIndex((other) => goesBefore(item, other));
    this.#line.splice(index === -1 ? this.#line.length : index, 0, item);
  }

  /** Who gets the next place among those that are ready; it stays in line until it is taken. */
  next(isReady: (item: T) => boolean): T | undefined {
    if ((this.#places + 1) % PLACES_PER_OLDEST !== 0) return this.#line.find(isReady);
    return this.#line.toSorted((a, b) => a.number - b.number).find(isReady);
  }

  /** Gives it a place. */
  take(item: T): void {
    this.#places++;
    this.remove(item);
  }

  /** It does not wait any more. */
  remove(item: T): void {
    const index = this.#line.indexOf(item);
    if (index !== -1) this.#line.splice(index, 1);
  }
}

/** Whether `a` goes before `b` by priority and age. */
export function goesBefore(a: Waiting, b: Waiting): boolean {
  return a.priority < b.priority || (a.priority === b.priority && a.number < b.number);
}
