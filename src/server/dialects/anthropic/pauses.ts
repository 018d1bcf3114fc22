/** Tells when a stream has been silent for a while, so that a client can be told that its answer is still under way. */
import { within } from '../../http/within.ts';

/**
 * What `items` yields, with an undefined wherever nothing came for this long. Leaving the loop ends `items` too.
 *
 * @throws as iterating `items`
 */
export async function* withPauses<T>(
  items: AsyncGenerator<T, void, undefined>,
  seconds: number,
): AsyncGenerator<T | undefined, void, undefined> {
  let next: Promise<IteratorResult<T, void>> | undefined;
  try {
    for (;;) {
      next ??= items.next();
      const result = await within(next, seconds);
      if (result === undefined) yield undefined;
      else if (result.done === true) return;
      else {
        next = undefined;
        yield result.value;
      }
    }
  } finally {
    // A failure of what nobody waits for any more is no failure.
    next?.catch(() => {});
    await items.return();
  }
}
