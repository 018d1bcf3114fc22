/**
 * Puts typed lines together to messages: a line that ends in `\` goes on in the next one, and whatever stands between
 * two `"""` is one message. Pasted lines stay together until the line after them is entered.
 */

const FENCE = '"""';

/** Takes lines, gives messages. */
export class MessageReader {
  #lines: string[] = [];
  #isFenced = false;

  /** Whether a message has begun that the next line belongs to. */
  get isOpen(): boolean {
    return this.#isFenced || this.#lines.length > 0;
  }

  /**
   * Takes the next line.
   *
   * @param isPasted more of a paste follows; such a line ends no message, except one between fences
   * @returns the message that it completes
   */
  push(line: string, isPasted = false): string | undefined {
    if (this.#isFenced) return this.#pushFenced(line);
    if (!this.isOpen && line.startsWith(FENCE)) {
      this.#isFenced = true;
      return line.length > FENCE.length ? this.#pushFenced(line.slice(FENCE.length)) : undefined;
    }
    if (isPasted) {
      this.#lines.push(line);
      return undefined;
    }
    if (line.endsWith('\\')) {
      this.#lines.push(line.slice(0, -1));
      return undefined;
    }
    return this.#complete(line);
  }

  /** What there is of an unfinished message, when no more lines come. */
  flush(): string | undefined {
    if (!this.isOpen) return undefined;
    const text = this.#lines.join('\n');
    this.clear();
    return text;
  }

  /** Forgets an unfinished message. */
  clear(): void {
    this.#lines = [];
    this.#isFenced = false;
  }

  #pushFenced(line: string): string | undefined {
    if (!line.endsWith(FENCE)) {
      this.#lines.push(line);
      return undefined;
    }
    const last = line.slice(0, -FENCE.length);
    return this.#complete(last, last === '');
  }

  #complete(line: string, isDropped = false): string {
    const text = [...this.#lines, ...(isDropped ? [] : [line])].join('\n');
    this.clear();
    return text;
  }
}
