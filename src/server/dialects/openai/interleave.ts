/** Several streams as one: the choices of an answer are generated together and told in the order in which they come about. */

/** What came from one of the sources; no value when it has ended. */
export interface Interleaved<T> {
  readonly source: number;
  readonly value: T | undefined;
}

/**
 * All values of all sources. When one fails, or this is left early, the others are left where they are: whoever began
 * them has to cancel them.
 *
 * @throws while iterating, what a source throws
 */
export async function* interleave<T extends object>(
  sources: readonly AsyncIterable<T>[],
): AsyncGenerator<Interleaved<T>, void, undefined> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  const waiting = new Map<number, Promise<Interleaved<T>>>();
  const advance = (source: number) => {
    const next = iterators[source]!.next().then((result) => ({
      source,
      value: result.done ? undefined : result.value,
    }));
    // A later failure of another source must not count as unhandled once nobody waits any more.
    next.catch(() => {});
    waiting.set(source, next);
  };
  for (const source of sources.keys()) advance(source);
  while (waiting.size > 0) {
    const event = await Promise.race(waiting.values());
    waiting.delete(event.source);
    yield event;
    if (event.value !== undefined) advance(event.source);
  }
}
