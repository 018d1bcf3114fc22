/** Work that takes turns, in the order in which it was asked for; what is aborted while it waits has no turn. */
export class Turns {
  /** Works that have their turn: none or one. */
  running = 0;
  waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  /** @throws what the work throws; the signal's reason */
  take<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    this.waiting++;
    const result = this.#last.then(async () => {
      this.waiting--;
      signal.throwIfAborted();
      this.running++;
      try {
        return await work();
      } finally {
        this.running--;
      }
    });
    this.#last = result.catch(() => {});
    return result;
  }
}
