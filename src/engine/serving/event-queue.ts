/**
 * Between a scheduler and the one who reads a sequence: events wait here in order, in bounded number, since the scheduler
 * does not go on with a sequence whose queue is full. Leaving the loop that reads it early tells the scheduler so.
 */

/** What the scheduler learns from the reader. */
export interface EventQueueListener {
  /** There is room again in a queue that was full. */
  onRoom(): void;
  /** Nothing will be read any more. */
  onLeave(): void;
}

/** Events of one sequence. To be iterated once. */
export class EventQueue<T> implements AsyncIterableIterator<T, void, undefined> {
  readonly #capacity: number;
  readonly #listener: EventQueueListener;
  #events: T[] = [];
  #readers: { resolve(result: IteratorResult<T, void>): void; reject(error: unknown): void }[] = [];
  #end: { readonly error?: { readonly reason: unknown } } | undefined;

  constructor(capacity: number, listener: EventQueueListener) {
    this.#capacity = capacity;
    this.#listener = listener;
  }

  /** Whether the reader has to catch up first. */
  get isFull(): boolean {
    return this.#events.length >= this.#capacity;
  }

  push(event: T): void {
    const reader = this.#readers.shift();
    if (reader === undefined) this.#events.push(event);
    else reader.resolve({ done: false, value: event });
  }

  /** Nothing follows what waits here, or only this error. */
  end(error?: { readonly reason: unknown }): void {
    if (this.#end !== undefined) return;
    this.#end = error === undefined ? {} : { error };
    for (const reader of this.#readers.splice(0)) this.#answerEnd(reader);
  }

  /** Ends it with an error that comes before what waits here, which nobody will see. */
  abort(reason: unknown): void {
    this.#events = [];
    this.end({ reason });
  }

  next(): Promise<IteratorResult<T, void>> {
    return new Promise((resolve, reject) => {
      const wasFull = this.isFull;
      const event = this.#events.shift();
      if (event !== undefined) resolve({ done: false, value: event });
      else if (this.#end !== undefined) this.#answerEnd({ resolve, reject });
      else this.#readers.push({ resolve, reject });
      if (wasFull && this.#end === undefined) this.#listener.onRoom();
    });
  }

  async return(): Promise<IteratorResult<T, void>> {
    this.#events = [];
    const isEarly = this.#end === undefined;
    this.end();
    if (isEarly) this.#listener.onLeave();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The error is thrown once; after that there is just nothing more. */
  #answerEnd({
    resolve,
    reject,
  }: {
    resolve(result: IteratorResult<T, void>): void;
    reject(error: unknown): void;
  }): void {
    const { error } = this.#end!;
    this.#end = {};
    if (error === undefined) resolve({ done: true, value: undefined });
    else reject(error.reason);
  }
}
