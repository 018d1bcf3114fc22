/** Long work on a thread that others need: it lets them go first whenever it has kept the thread for a while. */

/** How long work may go on before others get a turn. */
const SLICE_MS = 8;

/** Counts what was done, looks at the clock now and then, and waits for a turn of the event loop when it is time. */
export class Slices {
  readonly #grain: number;
  readonly #signal: AbortSignal | undefined;
  #spent = 0;
  #since = performance.now();

  /** @param grain how much is done between two looks at the clock */
  constructor(grain: number, signal: AbortSignal | undefined) {
    this.#grain = grain;
    this.#signal = signal;
  }

  /**
   * Before `amount` of work; to be awaited only where it returns something.
   *
   * @throws the signal's reason
   */
  spend(amount: number): Promise<void> | undefined {
    this.#spent += amount;
    if (this.#spent < this.#grain) return undefined;
    this.#spent = 0;
    this.#signal?.throwIfAborted();
    if (performance.now() - this.#since < SLICE_MS) return undefined;
    return new Promise((resolve) => {
      setTimeout(() => {
        this.#since = performance.now();
        resolve();
      });
    });
  }
}
