/** Stop strings in streamed text. They may begin in one token and end in another, so text that could still become one is held back. */
import { BitnetError } from '../base/errors.ts';

const MOST_STOPS = 64;
const LONGEST_STOP = 1000;

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
    if (hit !== undefined) {
      this.#found = hit.stop;
      return this.#release(hit.index, this.#held.length);
    }
    const keep = this.#possibleStart();
    return this.#release(keep, keep);
  }

  /** The stream has ended; answers what was held back. */
  flush(): string {
    return this.#release(this.#held.length, this.#held.length);
  }

  /** Gives out [0, end) and forgets everything before `from`. */
  #release(end: number, from: number): string {
    const text = this.#held.slice(0, end);
    this.#held = this.#held.slice(from);
    return text;
  }

  #firstHit(): { index: number; stop: string } | undefined {
    let first: { index: number; stop: string } | undefined;
    for (const stop of this.#stops) {
      const index = this.#held.indexOf(stop);
      if (index >= 0 && (first === undefined || index < first.index)) first = { index, stop };
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
