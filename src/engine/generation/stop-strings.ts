/**
 * Stop strings in streamed text. They may begin in one token and end in another, so text that could still become one is
 * held back. The text ends before the stop string that begins first, wherever the stream was cut.
 */
import { BitnetError } from '../../base/errors.ts';

const MOST_STOPS = 64;
const LONGEST_STOP = 1000;

interface Hit {
  readonly index: number;
  readonly stop: string;
}

/** Watches a stream of text for the first occurrence of any of some strings. */
export class StopStrings {
  readonly #stops: readonly string[];
  #held = '';
  #found: string | undefined;

  /** @throws BitnetError `option/stop` for an empty, overlong or oversized list */
  constructor(stops: readonly string[]) {
    if (stops.length > MOST_STOPS || stops.some((stop) => stop === '' || stop.length > LONGEST_STOP)) {
      throw new BitnetError(
        'option/stop',
        `there may be up to ${MOST_STOPS} stop strings of 1 to ${LONGEST_STOP} characters each`,
      );
    }
    this.#stops = stops;
  }

  /** The stop string that ended the text, once one did. */
  get found(): string | undefined {
    return this.#found;
  }

  /** Takes more text; answers what is now certain to come before any stop string. */
  push(text: string): string {
    if (this.#found !== undefined) return '';
    this.#held += text;
    const hit = this.#firstHit();
    const keep = this.#possibleStart();
    // A longer stop string that began before the one at hand may still be completed, and then counts.
    if (hit !== undefined && hit.index <= keep) return this.#stopAt(hit);
    return this.#release(keep, keep);
  }

  /** The stream has ended; answers what was held back. */
  flush(): string {
    const hit = this.#firstHit();
    return hit === undefined ? this.#release(this.#held.length, this.#held.length) : this.#stopAt(hit);
  }

  #stopAt({ index, stop }: Hit): string {
    this.#found = stop;
    return this.#release(index, this.#held.length);
  }

  /** Gives out [0, end) and forgets everything before `from`. */
  #release(end: number, from: number): string {
    const text = this.#held.slice(0, end);
    this.#held = this.#held.slice(from);
    return text;
  }

  /** The stop string that begins first; of several that begin there, the shortest. */
  #firstHit(): Hit | undefined {
    let first: Hit | undefined;
    for (const stop of this.#stops) {
      const index = this.#held.indexOf(stop);
      if (index < 0) continue;
      if (first !== undefined && index > first.index) continue;
      if (first !== undefined && index === first.index && stop.length >= first.stop.length) continue;
      first = { index, stop };
    }
    return first;
  }

  /** Where the earliest beginning of a stop string at the end of the held text starts. */
  #possibleStart(): number {
    const longest = this.#stops.reduce((most, stop) => Math.max(most, stop.length), 1);
    for (let start = Math.max(0, this.#held.length - longest + 1); start < this.#held.length; start++) {
      const tail = this.#held.slice(start);
      if (this.#stops.some((stop) => stop.startsWith(tail))) return start;
    }
    return this.#held.length;
  }
}
